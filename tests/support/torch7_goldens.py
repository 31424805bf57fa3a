"""The cases that the real Lua Torch7 made: files, inputs, outputs; read in place from the shared folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import converters
from converters.torch7.objects import Object, Table, Value

ROOT = (
    Path(os.environ.get("ZOO_SHARED") or Path(__file__).resolve().parents[2].parent / "shared") / "goldens" / "torch7"
)

TOLERANCE = 2e-5
"""Of the largest value, as the goldens' README says; measured: at most 4e-6."""


@dataclass(frozen=True)
class Case:
    """One line of cases.jsonl."""

    row: dict

    @property
    def name(self) -> str:
        return self.row["case"]

    @property
    def kind(self) -> str:
        return self.row["kind"]

    @property
    def expect(self) -> str | None:
        return self.row.get("expect")

    @property
    def path(self) -> Path:
        return ROOT / self.name / self.row["file"]

    def expected_objects(self) -> dict:
        return json.loads((ROOT / self.name / "expected.json").read_text())

    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays by the names that the converter gives to inputs."""
        return {f"input{path}": array for path, array in self._arrays("input")}

    def outputs(self) -> list[np.ndarray]:
        return [array for _, array in self._arrays("output")]

    def options(self) -> converters.Options:
        return converters.Options(inputs={name: array.shape for name, array in self.inputs().items()})

    def _arrays(self, side: str) -> Iterator[tuple[str, np.ndarray]]:
        tree = self.row[f"{side}_tree"]
        for path, number in _paths(tree):
            file = f"{side}.npy" if tree == 0 else f"{side}_{number}.npy"
            yield path, np.load(ROOT / self.name / file)


def cases(kind: str) -> list[Case]:
    """All cases of a kind, none where the folder is absent."""
    if not ROOT.is_dir():
        return []
    rows = (json.loads(line) for line in (ROOT / "cases.jsonl").read_text().splitlines())
    return [Case(row) for row in rows if row["kind"] == kind]


def agrees(mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal shapes, equal to float32 rounding; the lowest float, which stands for an empty window, as is."""
    usual = np.abs(theirs) < 1e30
    scale = max(1.0, float(np.max(np.abs(theirs[usual]), initial=0)))
    return (
        mine.shape == theirs.shape
        and bool(np.all(np.abs(mine - theirs.astype(np.float64))[usual] <= TOLERANCE * scale))
        and bool(np.array_equal(mine[~usual], theirs[~usual]))
    )


def _paths(tree: int | list, prefix: tuple[int, ...] = ()) -> Iterator[tuple[str, int]]:
    if isinstance(tree, int):
        yield ".".join(map(str, prefix)), tree
        return
    for position, item in enumerate(tree, 1):
        yield from _paths(item, (*prefix, position))


def objects_of(value: Value) -> list[Object]:
    """Every object of the file, each once."""
    objects, waiting, known = [], [value], set()
    while waiting:
        item = waiting.pop()
        if id(item) in known:
            continue
        known.add(id(item))
        if isinstance(item, Object):
            objects.append(item)
            waiting.extend(item.payload)
        elif isinstance(item, Table):
            waiting.extend(part for pair in item.items() for part in pair)
    return objects
