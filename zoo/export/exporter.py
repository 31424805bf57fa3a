"""Asks the exporter of PyTorch, in its own interpreter; what it answers is examples and what the model made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zoo.backends import discovery, host
from zoo.backends.card import Card
from zoo.diagnostics import BackendFault, Diagnostic, Where

_LIMIT = 1_800.0  # seconds: loading, two runs and the export of one network
_OPTIONS: Mapping[str, object] = {"inputs": [], "out": "", "address": "", "path": []}


@dataclass(frozen=True, slots=True)
class Port:
    """An input to export with: its shape, whose first size may be a name, and the type of its elements."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"

    def fixed(self, batch: int) -> Port:
        """The same with a number as the first size."""
        return replace(self, shape=(batch, *self.shape[1:])) if self.shape else self


@dataclass(frozen=True, slots=True)
class Example:
    """One run of the model itself, before it was exported; `again`: of the saved program, where that is PyTorch's."""

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    again: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Exported:
    """The file that PyTorch wrote, the versions that did, and runs to hold it against."""

    path: Path
    examples: Sequence[Example]
    versions: Mapping[str, str]


def card() -> Card:
    """The exporter, which shares the torch backend's environment."""
    worker = discovery.WORKERS / "_exporter.py"
    needs = ("torch", "onnx", "onnxscript")
    kinds = ("script", "program", "code", "written")
    return replace(discovery.find("torch"), worker=worker, needs=needs, reads=kinds, options=_OPTIONS, via={})


def export(
    kind: str, files: Mapping[str, Path], out: Path, *, label: str, ports: Sequence[Port], options: Mapping[str, object]
) -> Exported:
    """Have `out` written. Diagnostic `export-refused` says why PyTorch does not, BackendFault why it cannot run."""
    exporter = card()
    status = discovery.probe(exporter)
    if not status.available:
        raise BackendFault(
            "backend-unavailable",
            "PyTorch with its ONNX exporter is not available here",
            details=[status.why_not or ""],
            hint=status.remedy,
        )
    inputs = [[port.name, list(port.shape), port.dtype] for port in ports]
    asked = {**options, "inputs": inputs, "out": str(out)}
    answer = host.run(exporter, kind, files, {}, options=asked, timeout=_LIMIT)
    if isinstance(answer, host.Failed):
        first, *more = answer.detail.splitlines() or [""]
        if answer.reason == "refused":
            raise Diagnostic("export-refused", first, where=Where(file=label), details=more)
        raise BackendFault("worker-failed", f"the exporter {answer.reason}: {first}", details=more)
    if not out.is_file():
        raise BackendFault("worker-failed", "the exporter wrote nothing")
    return Exported(out, _examples(answer.outputs), answer.versions)


def _examples(arrays: Mapping[str, np.ndarray]) -> list[Example]:
    """`in0/x`, `out0/y`, `in1/x` ... -> the runs in their order."""
    numbers = sorted({name.partition("/")[0].removeprefix("in") for name in arrays if name.startswith("in")})
    return [Example(*(_under(arrays, f"{kind}{number}/") for kind in ("in", "out", "again"))) for number in numbers]


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
