"""Code -> ONNX through PyTorch's exporter, whose word is believed when ONNX Runtime agrees with the model itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from zoo.backends import discovery, host
from zoo.diagnostics import BackendFault, Diagnostic, UsageFault, Where
from zoo.export.coded import Coded
from zoo.export.exporter import Example, Exported, Port, export
from zoo.parity.compare import Verdict, compare
from zoo.parity.rule import Rule, Tolerance

# The model's own word is at hand, so nothing is measured: a harmless change of engine stays near 7e-6 of the largest
# value (noise of twelve networks in five engines), fp16 weights in one layer begin near 7e-5.
_SINGLE = Rule(
    tolerance=Tolerance(rtol=2e-5, atol=2e-5), why="float32 rounding with a margin of 3", source="element type"
)
_HALF = Rule(
    tolerance=Tolerance(rtol=2e-2, atol=2e-2), why="the model computes in half precision", source="element type"
)
_LIMIT = 600.0  # seconds for one run of the exported network
DYNAMIC = "N"

Shapes = Mapping[str, tuple[int | str | None, ...]]


@contextmanager
def as_onnx(
    source: Coded, *, shapes: Shapes, batch: int | str | None, key: str | None = None
) -> Iterator[tuple[Exported, list[str]]]:
    """The network as an ONNX file, which is there as long as the block lasts, and notes for the report.

    `batch` "dynamic" must succeed, None tries it and falls back to the declared size, a number fixes it.
    """
    with TemporaryDirectory(prefix="zoo-export-") as folder:
        files, notes = dict(source.files), list[str]()
        if "weights" in files:
            files["weights"] = _weights(files["weights"], key, Path(folder))
        faults: list[Diagnostic] = []
        for attempt in _attempts(source, shapes, batch):
            try:
                exported = _checked(source, files, Path(folder), attempt)
            except Diagnostic as fault:
                faults.append(fault)
                continue
            notes += [f"the batch size is fixed as declared: {fault.message}" for fault in faults]
            notes.append(
                f"exported by PyTorch {exported.versions['torch']}; ONNX Runtime agrees with the model itself on "
                f"{len(exported.examples)} seeded example{'s of different batch' if len(exported.examples) > 1 else ''}"
            )
            yield exported, notes
            return
        raise faults[0]


def _attempts(source: Coded, shapes: Shapes, batch: int | str | None) -> list[list[Port]]:
    """The shapes to export with, best first."""
    if source.kind == "program":
        if shapes:
            raise UsageFault("input-shape", "an ExportedProgram has its input shapes inside: --input changes nothing")
        return [[]]
    if not shapes:
        raise UsageFault(
            "input-shape", f"{source.label} does not say which shapes it takes", hint="--input 1,3,224,224"
        )
    if any(not isinstance(size, int) for shape in shapes.values() for size in shape[1:]):
        raise UsageFault("input-shape", "only the first size may be a name: the example that is run needs the others")
    ports = [Port(name, tuple(str(size) if size is None else size for size in shape)) for name, shape in shapes.items()]
    if isinstance(batch, int):
        return [[port.fixed(batch) for port in ports]]
    free = [replace(port, shape=(DYNAMIC, *port.shape[1:])) for port in ports]
    if batch == "dynamic" or any(isinstance(port.shape[0], str) for port in ports):
        return [free]
    return [free, ports] if len({port.shape[0] for port in ports}) == 1 else [ports]


def _checked(source: Coded, files: Mapping[str, Path], folder: Path, ports: Sequence[Port]) -> Exported:
    options: dict[str, object] = {}
    if source.kind == "code":
        options = {"address": source.label, "path": [str(one) for one in source.path]}
    out = folder / "model.onnx"
    out.unlink(missing_ok=True)
    exported = export(source.kind, files, out, label=source.label, ports=ports, options=options)
    demand_agreement(source.label, exported.examples, _run(out, exported.examples))
    return exported


def demand_agreement(label: str, examples: Sequence[Example], found: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Refuses an export that computes something else than the model did."""
    for example, outputs in zip(examples, found, strict=True):
        half = any(array.dtype == np.float16 for array in example.outputs.values())
        result = compare(example.outputs, outputs, _HALF if half else _SINGLE, floors={})
        if result.verdict is Verdict.FAIL:
            raise Diagnostic(
                "export-differs",
                "what PyTorch exported computes something else than the model itself",
                where=Where(file=label),
                details=result.reasons,
            )


def _run(path: Path, examples: Sequence[Example]) -> list[dict[str, np.ndarray]]:
    runtime = discovery.find("onnxruntime")
    jobs = [host.Job("onnx", {"model": path}, example.inputs) for example in examples]
    answers = []
    for answer in host.run_many(runtime, jobs, _LIMIT):
        if isinstance(answer, host.Failed):
            first, *more = str(answer).splitlines()
            if answer.reason in ("refused", "failed"):
                message = f"ONNX Runtime does not run what PyTorch exported: {first}"
                raise Diagnostic("export-differs", message, details=more)
            raise BackendFault("worker-failed", f"onnxruntime did not run the exported network: {first}", details=more)
        answers.append(dict(answer.outputs))
    return answers


def _weights(path: Path, key: str | None, folder: Path) -> Path:
    """The user's weights, read by zoo (nothing in the file runs), as the plainest file that the exporter can read."""
    from converters.pytorch.plain import as_safetensors

    return as_safetensors(path, key, folder / "weights.safetensors")
