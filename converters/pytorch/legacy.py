"""Checkpoints of PyTorch 0.1.10 to 1.5: five pickles in a row, then the storages' bytes."""

from __future__ import annotations

from pathlib import Path

from converters import pickles
from converters.binary import Cursor, mapped
from converters.pytorch import MAGIC, vocabulary
from converters.pytorch.places import Plain
from converters.pytorch.tensors import Storage, element

PROTOCOL = 1001


def read(path: Path) -> object:
    """What the checkpoint holds, tensors as `Stored`; no storage is read."""
    with mapped(path) as cursor:
        cursor.skip(len(MAGIC))
        version = pickles.load(cursor, vocabulary.STATE)
        if version != PROTOCOL:
            cursor.fail(f"it is of protocol {str(version)[:20]}, {PROTOCOL} is the one known")
        machine = pickles.load(cursor, vocabulary.STATE)
        big = isinstance(machine, dict) and machine.get("little_endian") is False
        storages = _Storages(big=big)
        tree = pickles.load(cursor, vocabulary.STATE, storages.find)
        keys = pickles.load(cursor, vocabulary.STATE)
        if not isinstance(keys, list) or any(not isinstance(key, str | int) for key in keys):
            cursor.fail("its list of storages is none")
        for key in keys:
            storages.place(str(key), path, cursor)
        return tree


class _Storages:
    """The storages that the pickle refers to, and the views on them; their places follow at the end of the file."""

    def __init__(self, *, big: bool) -> None:
        self._big = big
        self._roots: dict[str, list[Storage]] = {}
        self._views: dict[tuple[str, str], Storage] = {}

    def find(self, identity: object) -> Storage:
        """('storage', class, key, device, count, view), where view is (key, offset, count) or None."""
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise TypeError("refers to no storage")
        kind, key, count = vocabulary.storage_element(identity[1]), str(identity[2]), identity[4]
        view = identity[5] if len(identity) > 5 else None
        offset = 0
        name = key
        if view is not None:
            name, offset, count = str(view[0]), view[1], view[2]
        if not isinstance(count, int) or not isinstance(offset, int) or count < 0 or offset < 0:
            raise TypeError("refers to no storage")
        if (key, name) not in self._views:
            size = element(kind).itemsize
            made = Storage(kind, count * size, name, self._big, start=offset * size)
            self._views[key, name] = made
            self._roots.setdefault(key, []).append(made)
        return self._views[key, name]

    def place(self, key: str, path: Path, cursor: Cursor) -> None:
        """Give the storages of this key their bytes, which begin at the cursor: a count, then the numbers."""
        if key not in self._roots:
            cursor.fail(f"the storage {key[:40]} is listed but nothing refers to it")
        size = element(self._roots[key][0].element).itemsize
        count = int.from_bytes(cursor.take(8), "big" if self._big else "little", signed=True)
        offset = cursor.skip(count * size)
        for storage in self._roots[key]:
            storage.place = Plain(path, offset, count * size)
