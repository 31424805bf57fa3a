"""Model archives (.mar of multi-model-server): a zip with a manifest, a symbol and parameters."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from converters.diagnostic import Diagnostic, Where

MAX_MEMBERS = 10_000
MAX_UNPACKED = 8 << 30  # bytes of one member; nothing beyond is written to the disk
MAX_RATIO = 200  # deflate cannot do better than 1032; float weights stay below 20
_SMALL = 1 << 20


def unpacked(path: Path) -> Mapping[str, Path]:
    """The archive's symbol and parameters as files by role, in a private folder that is gone when the process ends.

    Only these two members are read, under names of our own: no path of the archive is ever used.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                _refuse(path, f"it has {len(members)} members")
            wanted = _wanted(path, archive, members)
            folder = Path(tempfile.mkdtemp(prefix="zoo-mar-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return {role: _extract(path, archive, info, folder / name) for role, (info, name) in wanted.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as fault:
        _refuse(path, str(fault) or type(fault).__name__)


Wanted = Mapping[str, tuple[zipfile.ZipInfo, str]]


def _wanted(path: Path, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> Wanted:
    """The one symbol and the newest parameters; several networks in one archive are refused."""
    named = {Path(info.filename).name: info for info in members if not info.is_dir()}
    graphs = sorted(name for name in named if name.endswith("-symbol.json"))
    if not graphs:
        graphs = sorted(name for name in named if name.endswith(".json") and name not in _NO_GRAPHS)
    weights = sorted(name for name in named if name.endswith(".params"))
    if len(graphs) != 1:
        found = ", ".join(graphs) or "none"
        _refuse(path, f"it must hold one symbol, and it holds {found}", "not-a-model", _handler(archive, named))
    prefix = graphs[0].removesuffix(".json").removesuffix("-symbol")
    own = [name for name in weights if name.startswith(f"{prefix}-")] or weights
    if len(own) > 1 and len({name.rpartition("-")[0] for name in own}) > 1:
        _refuse(path, f"it holds the parameters of several networks: {', '.join(own)}", "not-a-model")
    graph = {"graph": (named[graphs[0]], f"{prefix}-symbol.json")}
    return graph if not own else {**graph, "weights": (named[own[-1]], own[-1])}


_NO_GRAPHS = frozenset(("MANIFEST.json", "signature.json", "synset.json", "config.json", "index_to_name.json"))


def _handler(archive: zipfile.ZipFile, named: Mapping[str, zipfile.ZipInfo]) -> str | None:
    """What the manifest says of a model that is no MXNet symbol."""
    info = named.get("MANIFEST.json")
    if info is None or info.file_size > _SMALL:
        return None
    try:
        manifest = json.loads(archive.read(info))
        return f"its manifest names the handler {manifest['model']['handler']!s:.80}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _extract(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> Path:
    """One member, at most as long as announced; its checksum is verified by zipfile at the end."""
    if info.file_size > MAX_UNPACKED or info.file_size > MAX_RATIO * max(info.compress_size, _SMALL):
        _refuse(path, f"{info.filename} would unpack to {info.file_size} bytes")
    if info.flag_bits & 1:
        _refuse(path, f"{info.filename} is encrypted", "not-a-model")
    with archive.open(info) as source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink, _SMALL)
    return target


def _refuse(path: Path, reason: str, code: str = "damaged-file", hint: str | None = None) -> NoReturn:
    raise Diagnostic(code, f"this model archive cannot be read: {reason}", where=Where(file=str(path)), hint=hint)
