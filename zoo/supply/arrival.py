"""What came instead of a file that nobody published a checksum of: an error page, a pointer, a beginning."""

from __future__ import annotations

import zipfile
from pathlib import Path

_HDF5 = b"\x89HDF\r\n\x1a\n"
_END_OF_FILE = {
    0: 40,
    1: 44,
    2: 28,
    3: 28,
}  # where a superblock of this version says how long the file is (HDF5 format, II.A)


def objection(path: Path) -> str | None:
    """Why the file at `path` cannot be what was asked for; None where nothing speaks against it.

    Only for files without a published checksum: with one there is no need to guess.
    """
    from converters.sniffing import substitute

    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(4096)
    stray = substitute(head)
    if stray is not None:
        return f"it is {stray}"
    if head.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):
        return f"it is a zip archive without its end ({size:,} bytes came)"
    promised = _promised(head)
    if promised is not None and promised > size:
        return f"it is an HDF5 file of {promised:,} bytes, and {size:,} came"
    return None


def _promised(head: bytes) -> int | None:
    """How long an HDF5 file says that it is, where its offsets have 8 bytes (all that Keras writes)."""
    if not head.startswith(_HDF5) or len(head) < 64 or head[8] not in _END_OF_FILE:
        return None
    offsets = head[13] if head[8] < 2 else head[9]
    place = _END_OF_FILE[head[8]]
    return int.from_bytes(head[place : place + 8], "little") if offsets == 8 else None
