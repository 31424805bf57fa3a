"""Archives made by hand, the bad ones too."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence

Member = tuple[str, bytes]


def tar_gz(*members: Member, mode: str = "w:gz", links: Sequence[tuple[str, str]] = ()) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as whole:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            whole.addfile(info, io.BytesIO(body))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            whole.addfile(info)
    return sink.getvalue()


def zipped(*members: Member, links: Sequence[tuple[str, str]] = ()) -> bytes:
    import warnings

    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as whole:
        warnings.simplefilter("ignore")  # a name that stands twice is what some tests want
        for name, body in members:
            whole.writestr(name, body)
        for name, target in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            whole.writestr(info, target)
    return sink.getvalue()
