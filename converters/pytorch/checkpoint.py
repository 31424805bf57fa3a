"""A file of weights -> its tensors by name, whatever it is packed in; and the one state_dict that is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from converters import pickles
from converters.binary import mapped, opened
from converters.diagnostic import Diagnostic, Where
from converters.pickles import Record
from converters.pytorch import MAGIC, legacy, safetensors, tarred, vocabulary, zipped
from converters.pytorch.tensors import Stored

MAX_DEPTH = 64
_TRAINING = ("optim", "scheduler", "scaler", "amp", "criterion", "loss")
"""Containers that begin so hold the state of training, not of a network."""

State = dict[str, Stored]


def _bare(path: Path) -> object:
    with mapped(path) as cursor:
        return pickles.load(cursor, vocabulary.STATE)


def load(path: Path, *, sharded: bool = True) -> object:
    """Everything in the file: tables, lists, tensors as `Stored`, and records of what is neither."""
    import os

    with opened(path) as descriptor:
        head = os.read(descriptor, 512)
    reader: Callable[[Path], object] = next((read for matches, read in _READERS if matches(head)), _bare)
    if reader is safetensors.read_index and not sharded:
        raise Diagnostic("damaged-file", "an index names an index", where=Where(file=str(path)))
    return reader(path)


_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[Path], object]], ...] = (
    (lambda head: head.startswith(b"PK\x03\x04"), zipped.read),
    (lambda head: head.startswith(MAGIC), legacy.read),
    (lambda head: head[257:262] == b"ustar", tarred.read),
    (lambda head: head.lstrip().startswith(b"{"), safetensors.read_index),
    (lambda head: head[8:9] == b"{", safetensors.read),
)


def tensors(tree: object) -> State:
    """Every tensor in the file under its whole path: `state_dict.conv1.weight`."""
    return dict(_walk(tree, "", set(), MAX_DEPTH))


def _walk(value: object, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, Stored]]:
    """Tensors below `value`; each container is entered once, so that sharing and cycles cost nothing."""
    if isinstance(value, Stored):
        yield path or "tensor", value
    elif isinstance(value, dict | list | tuple | Record) and id(value) not in seen and depth:
        seen.add(id(value))
        for name, item in _items(value):
            yield from _walk(item, f"{path}.{name}" if path else str(name), seen, depth - 1)


def _items(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Record):
        value = vocabulary.attributes(value)
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def select(tree: object, key: str | None, file: str) -> State:
    """The tensors of the one network that is meant: what `key` points to, or the only table of tensors there is.

    Refuses a key that leads nowhere, and a file that holds several networks, naming the keys that pick one.
    """
    if key is not None:
        return _named(_at(tree, key, file), file, key)
    if isinstance(tree, Stored | Record) or _is_state(tree):
        return _named(tree, file, "")
    found = dict(_states(tree, "", set(), MAX_DEPTH))
    if len(found) == 1:
        return _named(next(iter(found.values())), file, "")
    if not found:
        _refuse(file, "no-weights", "holds no table of tensors by name", "zoo inspect lists what it holds")
    choices = ", ".join(f"--key {name}" for name in found)
    return _refuse(
        file, "several-networks", f"holds {len(found)} tables of tensors", f"say which one is meant: {choices}"
    )


def _is_state(value: object) -> bool:
    """A state_dict: a table with texts as keys and tensors among its values."""
    return (
        isinstance(value, dict)
        and all(isinstance(name, str) for name in value)
        and any(isinstance(item, Stored) for item in value.values())
    )


def _states(tree: object, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, object]]:
    """The outermost state_dicts, outside of what belongs to training."""
    if not isinstance(tree, dict) or not depth or id(tree) in seen:
        return
    seen.add(id(tree))
    for name, value in tree.items():
        if not isinstance(name, str) or name.lower().startswith(_TRAINING):
            continue
        here = f"{path}.{name}" if path else name
        if _is_state(value) or isinstance(value, Record):
            if id(value) not in seen and tensors(value):
                yield here, value
            seen.add(id(value))
        else:
            yield from _states(value, here, seen, depth - 1)


def _at(tree: object, key: str, file: str) -> object:
    """What a path of names leads to; a name may hold dots itself, the longest that exists is taken."""
    value, rest = tree, key
    while rest:
        table: Mapping[str, object] = {str(name): item for name, item in _items(value)}
        fitting = [name for name in table if rest == name or rest.startswith(f"{name}.")]
        if not fitting:
            known = ", ".join(list(table)[:10]) or "nothing"
            _refuse(file, "no-such-key", f'has no "{key}": "{rest}" is not there', f"there is: {known}")
        name = max(fitting, key=len)
        value, rest = table[name], rest[len(name) + 1 :]
    return value


def _named(value: object, file: str, key: str) -> State:
    found = tensors(value)
    if not found:
        _refuse(file, "no-weights", f'holds no tensors under "{key}"', "zoo inspect lists what it holds")
    return found


def _refuse(file: str, code: str, message: str, hint: str) -> NoReturn:
    raise Diagnostic(code, message, where=Where(file=file), hint=hint)
