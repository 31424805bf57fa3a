"""Tables of write rows: which chain of ONNX operators becomes which layers of a target, gathered from a folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View

WriteOp = Callable[[Match, View], Sequence[Layer] | Declined]


@dataclass(frozen=True, slots=True)
class Write:
    """A row: the function, the chain of operators that it takes, and its samples.

    neutral  attributes that change no number, `name` for any node of the chain
    dtypes   the element types that the chain's computed inputs and its outputs may have
    samples  `attrs` is the chain in ONNX's text form, a node a line: reads in0, in1... (and w0, w1... of the shapes in
             `weights`), makes out0, out1...
    """

    op: WriteOp
    chain: tuple[str, ...]
    neutral: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ("float32",)
    samples: tuple[Sample, ...] = ()
    address: str = ""


class WriteTable(Mapping[tuple[str, ...], Write]):
    """Chain -> row. A value: merging refuses overlap and names both addresses."""

    def __init__(self, rows: Mapping[tuple[str, ...], Write]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, chain: tuple[str, ...]) -> Write:
        return self._rows[chain]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def operators(self) -> frozenset[tuple[str, str]]:
        """The (domain, name) of every operator that stands in a chain."""
        names = (name.rpartition("::") for chain in self._rows for name in chain)
        return frozenset((domain, name) for domain, _, name in names)


def merge(rows: Iterator[Write] | Sequence[Write]) -> WriteTable:
    """The table of some rows; two rows for one chain are a fault."""
    table: dict[tuple[str, ...], Write] = {}
    for row in rows:
        if row.chain in table:
            chain = " -> ".join(row.chain)
            raise ValueError(f"{chain} is written twice: in {table[row.chain].address} and in {row.address}")
        table[row.chain] = row
    return WriteTable(table)


def gather_writers(package: str) -> WriteTable:
    """The table of a folder: every module's `WRITE`, merged."""

    def rows() -> Iterator[Write]:
        for found in pkgutil.iter_modules(import_module(package).__path__):
            address = f"{package}.{found.name}"
            for row in getattr(import_module(address), "WRITE", ()):
                yield replace(row, address=address)

    return merge(rows())
