"""Samples that a person brings along: arrays in a `.npz` file, or a folder of photos."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from converters.syntax import PARSING
from zoo.backends import feeds
from zoo.diagnostics import Diagnostic, UsageFault, Where
from zoo.parity.feeding import Fed, Port, Samples

MOST = 2**31  # bytes of all arrays of a file together, unpacked
PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})


def arrays(path: Path) -> Fed:
    """The arrays of numbers in a `.npz` file, by name; anything else in it is refused, and nothing is unpickled."""
    where = Where(str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MOST:
            raise Diagnostic("inputs-file", f"holds {size:,} bytes, more than the {MOST:,} accepted", where=where)
        with PARSING, np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except OSError as fault:
        raise Diagnostic("inputs-file", f"cannot be read: {fault.strerror or fault}", where=where) from fault
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as fault:  # encrypted, unknown method
        raise Diagnostic(
            "inputs-file", f"is no .npz file of numbers: {fault}", where=where, hint="numpy.savez(path, data=array)"
        ) from fault
    strange = [name for name, array in found.items() if array.dtype.kind not in "fiub"]
    if strange:
        raise Diagnostic("inputs-file", f"{strange[0]} holds {found[strange[0]].dtype}, not numbers", where=where)
    return found


def photos(folder: Path, ports: tuple[Port, ...]) -> Samples:
    """Every photo of a folder, in the order of their names, cut to the size of the one picture input of `ports`."""
    if len(ports) != 1 or not ports[0].pictured or ports[0].spec is None:
        raise UsageFault(
            "images",
            "photos need an artifact of the registry with one picture input",
            hint="--inputs F.npz takes arrays for any network",
        )
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTOS)
    except OSError as fault:
        raise UsageFault("images", f"cannot be listed: {fault.strerror}", where=Where(str(folder))) from fault
    if not files:
        raise UsageFault("images", f"no photos ({', '.join(sorted(PHOTOS))})", where=Where(str(folder)))
    pictures = np.concatenate([feeds.canonical(path, ports[0].spec) for path in files])
    return Samples(ports, (pictures,), len(files), f"{len(files)} photos from {folder}", "given")
