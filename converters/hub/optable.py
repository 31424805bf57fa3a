"""Tables of small functions: what reads one kind of layer, gathered from a folder of sibling files."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from converters.hub.layer import Layer

if TYPE_CHECKING:
    import onnx_ir as ir

    from converters.hub.emit import Emit

    ReadOp = Callable[[Layer, Emit], ir.Value | Sequence[ir.Value]]

Formula = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], np.ndarray | Sequence[np.ndarray]]
"""(inputs, weights) -> outputs in float64, written from the layer's definition, never from our ONNX form."""

Draw = Callable[[np.random.Generator, int], Sequence[np.ndarray]]
"""(random numbers, batch size) -> inputs."""

FORMULA = "formula"
"""The judge of a sample that no backend can run."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One documented case of a layer: test case, golden key and documentation in one.

    `attrs` is in the source's own notation (for Caffe the body of the layer's prototxt). A spatial sample differs
    in height and width in kernel, stride, pad and input wherever the layer allows it: a reader that takes one for
    the other must not survive. Inputs are drawn from the range `values`, or by `draw` where their numbers are bound to
    each other (boxes, indices); weights from a normal distribution; those whose position is in `positive` are made
    positive. `judge` names the backend that runs the sample where the format's own framework cannot, and is FORMULA
    where none can: then there must be a formula. `batched` says that the batch size is free.
    """

    name: str
    attrs: str
    inputs: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[int, ...], ...] = ()
    positive: tuple[int, ...] = ()
    outputs: int = 1
    formula: Formula | None = None
    values: tuple[float, float] = (-2.0, 2.0)
    draw: Draw | None = None
    judge: str = ""
    batched: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """A row: the function that reads a kind, the attributes that change no number at inference, and its samples."""

    op: ReadOp
    neutral: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    address: str = ""


class OpTable(Mapping[str, Read]):
    """Kind -> row. A value: merging refuses overlap and names both addresses."""

    def __init__(self, rows: Mapping[str, Read]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, kind: str) -> Read:
        return self._rows[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def gather(package: str) -> OpTable:
    """The table of a folder: every module's `READ`, merged; two rows for one kind are a fault."""
    from dataclasses import replace

    rows: dict[str, Read] = {}
    for found in pkgutil.iter_modules(import_module(package).__path__):
        address = f"{package}.{found.name}"
        for kind, row in getattr(import_module(address), "READ", {}).items():
            if kind in rows:
                raise ValueError(f"{kind} is read twice: in {rows[kind].address} and in {address}")
            rows[kind] = replace(row, address=address)
    return OpTable(rows)
