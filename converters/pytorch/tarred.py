"""Checkpoints of PyTorch before 0.1.10: a tar archive of `storages`, `tensors` and `pickle`."""

from __future__ import annotations

import tarfile
from pathlib import Path

from converters import pickles
from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic, Where
from converters.pytorch import vocabulary
from converters.pytorch.places import Plain
from converters.pytorch.tensors import Storage, Stored, element, stored

PARTS = ("storages", "tensors", "pickle")
MAX_MEMBERS = 64  # the archive has four


def read(path: Path) -> object:
    """What the checkpoint holds, tensors as `Stored`; no storage is read."""
    with mapped(path) as whole:
        parts = {name: whole.within(start, start + size) for name, (start, size) in _parts(path, whole.end).items()}
        storages = _storages(path, parts["storages"])
        tensors = _tensors(parts["tensors"], storages)
        objects: dict[int, object] = {**storages, **tensors}

        def find(identity: object) -> object:
            return identity[0] if isinstance(identity, tuple) and identity else objects[int(str(identity))]

        return pickles.load(parts["pickle"], vocabulary.STATE, find)


def _parts(path: Path, end: int) -> dict[str, tuple[int, int]]:
    """Where each part lies; tarfile only reads headers, nothing is extracted."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for number, member in enumerate(archive):
                if number >= MAX_MEMBERS or (member.name in PARTS and not member.isreg()):
                    break
                found[member.name] = member.offset_data, member.size
    except (tarfile.TarError, OSError, ValueError, EOFError) as fault:
        raise _damaged(path, f"is a damaged tar archive: {fault}") from fault
    lacking = [name for name in PARTS if name not in found or sum(found[name]) > end]
    if lacking:
        raise _damaged(path, f"is a tar archive without a whole {' and '.join(lacking)}")
    return {name: found[name] for name in PARTS}


def _damaged(path: Path, message: str) -> Diagnostic:
    return Diagnostic("damaged-file", message, where=Where(file=str(path)))


def _count(cursor: Cursor) -> int:
    count = pickles.load(cursor, vocabulary.STATE)
    if not isinstance(count, int) or count < 0:
        cursor.fail("a count is no number")
    return count


def _storages(path: Path, cursor: Cursor) -> dict[int, Storage]:
    """Each storage: a pickled (key, device, class), a count, the numbers; then the list of views on them."""
    found: dict[int, Storage] = {}
    for _ in range(_count(cursor)):
        key, _device, kind = _fields(cursor, 3)
        name = _element(cursor, kind)
        size = element(name).itemsize * int.from_bytes(cursor.take(8), "little", signed=True)
        offset = cursor.skip(size)
        found[_integer(cursor, key)] = Storage(name, size, str(key), place=Plain(path, offset, size))
    views = pickles.load(cursor, vocabulary.STATE)
    for view in views if isinstance(views, list) else []:
        if not isinstance(view, tuple) or len(view) != 4:
            cursor.fail("a view of a storage is none")
        target, root, offset, count = (_integer(cursor, value) for value in view)
        if root not in found or offset < 0 or count < 0:
            cursor.fail("a view is of no storage")
        base = found[root]
        size = element(base.element).itemsize
        found[target] = Storage(base.element, count * size, base.key, place=base.place, start=offset * size)
    return found


def _tensors(cursor: Cursor, storages: dict[int, Storage]) -> dict[int, Stored]:
    """Each tensor: a pickled (key, storage, class), the number of dimensions, sizes, strides, offset."""
    found: dict[int, Stored] = {}
    for _ in range(_count(cursor)):
        key, storage, _kind = _fields(cursor, 3)
        axes = int.from_bytes(cursor.take(4), "little", signed=True)
        cursor.skip(4)  # the number was written with eight bytes once
        sizes, strides, offset = _longs(cursor, axes), _longs(cursor, axes), _longs(cursor, 1)[0]
        try:
            made = stored(storages[_integer(cursor, storage)], offset, sizes, strides)
        except (KeyError, TypeError, ValueError) as fault:
            cursor.fail(f"a tensor cannot be: {fault}")
        found[_integer(cursor, key)] = made
    return found


def _fields(cursor: Cursor, count: int) -> tuple[object, ...]:
    fields = pickles.load(cursor, vocabulary.STATE)
    if not isinstance(fields, tuple) or len(fields) != count:
        cursor.fail(f"{count} fields are expected here")
    return fields


def _element(cursor: Cursor, kind: object) -> str:
    try:
        return vocabulary.storage_element(kind)
    except TypeError as fault:
        cursor.fail(str(fault))


def _integer(cursor: Cursor, value: object) -> int:
    if not isinstance(value, int):
        cursor.fail("a key is no number")
    return value


def _longs(cursor: Cursor, count: int) -> tuple[int, ...]:
    data = cursor.take(8 * count)
    return tuple(int.from_bytes(data[start : start + 8], "little", signed=True) for start in range(0, len(data), 8))
