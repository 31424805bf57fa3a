"""Zip checkpoints (PyTorch 1.6 and later) and TorchScript archives: data.pkl and a member for each storage."""

from __future__ import annotations

from pathlib import Path

from converters import pickles
from converters.binary import Cursor
from converters.diagnostic import Diagnostic, Where
from converters.pytorch import graphs, vocabulary
from converters.pytorch.archive import Archive, open_archive
from converters.pytorch.tensors import Storage, element

MAX_PICKLE = 64 << 20  # bytes of data.pkl; 5,000 tensors take 1 MB


def read(path: Path) -> object:
    """What data.pkl holds, tensors as `Stored`; no storage is read."""
    archive = open_archive(path)
    root = _root(archive)
    cursor = Cursor(archive.read(f"{root}data.pkl", MAX_PICKLE), f"{path}:{root}data.pkl")
    storages = _Storages(archive, root, big=_is_big(archive, root))
    lookup = vocabulary.script if any(name.startswith(f"{root}code/") for name in archive.members) else vocabulary.STATE
    return pickles.load(cursor, lookup, storages.find)


def _root(archive: Archive) -> str:
    """The folder in which data.pkl lies: the archive's one top folder."""
    found = [name.removesuffix("data.pkl") for name in archive.members if name.split("/")[1:] == ["data.pkl"]]
    if "data.pkl" in archive.members:
        found.append("")
    if len(found) == 1:
        return found[0]
    exported = graphs.kind_of(archive) == "program"
    what = (
        "is an ExportedProgram (.pt2): its graph is code of PyTorch's"
        if exported
        else "is a zip archive without a data.pkl, so no PyTorch checkpoint"
    )
    hint = "zoo convert --trust exports it through PyTorch, when you trust its author" if exported else None
    raise Diagnostic("unsupported-format", what, where=Where(file=str(archive.path)), hint=hint)


def _is_big(archive: Archive, root: str) -> bool:
    name = f"{root}byteorder"
    return name in archive.members and archive.read(name, 16) == b"big"


class _Storages:
    """The storages that data.pkl refers to; those of one key are one."""

    def __init__(self, archive: Archive, root: str, *, big: bool) -> None:
        self._archive = archive
        self._root = root
        self._big = big
        self._known: dict[str, Storage] = {}

    def find(self, identity: object) -> Storage:
        """('storage', class, key, device, count) -> the storage; the device is of no interest here."""
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise TypeError("refers to no storage")
        kind, key, count = vocabulary.storage_element(identity[1]), identity[2], identity[4]
        if not isinstance(key, str) or not isinstance(count, int) or count < 0:
            raise TypeError("refers to no storage")
        if key not in self._known:
            self._known[key] = self._open(kind, key, count)
        return self._known[key]

    def _open(self, kind: str, key: str, count: int) -> Storage:
        name = f"{self._root}data/{key}"
        place = self._archive.place(name) if name in self._archive.members else None
        return Storage(kind, count * element(kind).itemsize, key, self._big, place)
