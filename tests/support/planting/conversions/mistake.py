"""Mistakes planted in the converters themselves, and a check of what they then make against the framework itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from cli import run

from converters.hub.attributes import Attributes
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read


@dataclass(frozen=True)
class Mistake:
    """One wrong rule of a converter.

    `net` writes the files of a network that shows it, as a subject of the check without its backend; `planted` is the
    patch; `layer` the value that the wrong layer computes; `cause` the doctor's names for it, empty where
    it knows none; `options` what the check has to be told besides.
    """

    name: str
    framework: str
    net: Callable[[Path], str]
    planted: Callable[[], Any]
    layer: str
    cause: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """What the check said of a mistake: exit status, the first layer, the doctor's causes, and its text."""

    mistake: Mistake
    status: int
    layer: str | None
    causes: tuple[str, ...]
    text: str

    @property
    def seen(self) -> bool:
        return self.status == 1

    @property
    def right_layer(self) -> bool:
        return self.layer == self.mistake.layer

    @property
    def right_cause(self) -> bool:
        return bool(self.causes) and self.causes[0] in self.mistake.cause.split("|")


def told(mistake: Mistake, *, plant: bool = True) -> Told:
    """`zoo check-parity` of the framework against the conversion that the broken converter makes.

    With `plant` False the converter is whole: what has to agree, layer by layer.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-planted-") as place:
        folder = Path(place)
        files = mistake.net(folder)
        subjects = [f"{files}::{mistake.framework}", f"{files}::onnxruntime"]
        report = folder / "report.json"
        arguments = ["check-parity", *subjects, "--batch", "2", "--layers", "--json", str(report), *mistake.options]
        if plant:
            with mistake.planted():
                done = run(*arguments)
        else:
            done = run(*arguments)
        return _read(mistake, done.status, report, done.out + done.err)


def _read(mistake: Mistake, status: int, report: Path, text: str) -> Told:
    looked = json.loads(report.read_bytes())["layers"] if report.is_file() else []
    (one,) = looked or ({"first": None, "doctor": []},)
    return Told(mistake, status, one["first"], tuple(found["cause"] for found in one["doctor"]), text)


def instead(module: ModuleType, name: str, make: Callable[[Any], Any]) -> Callable[[], Any]:
    """A function of a converter replaced by what `make` makes of it."""
    return lambda: patch.object(module, name, make(getattr(module, name)))


def misread(module: ModuleType, *kinds: str, **wrong: object) -> Callable[[], Any]:
    """Rows that see other attributes than the file's; a callable makes the value from the layer."""

    def seen(layer: Layer, emit: Emit) -> Layer:
        values = {name: value(layer) if callable(value) else value for name, value in wrong.items()}
        attrs = Attributes({**dict(layer.attrs), **values}, layer.attrs.explicit - set(wrong))
        attrs.read = layer.attrs.read
        layer.attrs.read.update(wrong)
        return replace(layer, attrs=attrs)

    return rows(module, kinds, seen)


def weighed(module: ModuleType, kind: str, **wrong: Callable[[Any], Any]) -> Callable[[], Any]:
    """A row that gets other stored numbers; roles that are numbers are written w0, w1."""
    from converters.weights import ComputedWeight

    def seen(layer: Layer, emit: Emit) -> Layer:
        held: dict[int | str, Any] = dict(layer.weights)
        for role, make in wrong.items():
            key: int | str = int(role[1:]) if role[0] == "w" and role[1:].isdigit() else role
            if key not in held:
                continue
            old = held[key]
            held[key] = ComputedWeight(old.shape, old.dtype, lambda old=old, make=make: make(old.array()))
        return replace(layer, weights=held)

    return rows(module, (kind,), seen)


def rows(module: ModuleType, kinds: Sequence[str], seen: Callable[[Layer, Emit], Layer]) -> Callable[[], Any]:
    """The rows of these kinds, reading what `seen` shows them in the layer's place."""

    def wrapped(row: Read) -> Read:
        def op(layer: Layer, emit: Emit) -> Any:
            other = seen(layer, emit)
            emit._layer = other
            return row.op(other, emit)

        return replace(row, op=op)

    table: Mapping[str, Read] = module.READ
    return lambda: patch.dict(table, {kind: wrapped(table[kind]) for kind in kinds})


def behind(module: ModuleType, kind: str, make: Callable[[Emit, Any, Layer], Any]) -> Callable[[], Any]:
    """A row whose result goes through `make(emit, result, layer)`."""
    row: Read = module.READ[kind]

    def op(layer: Layer, emit: Emit) -> Any:
        return make(emit, row.op(layer, emit), layer)

    return lambda: patch.dict(module.READ, {kind: replace(row, op=op)})
