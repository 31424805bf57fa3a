"""Hub model -> model.py and model.safetensors: readable code, and the weights in a file that holds nothing else."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import onnx_ir as ir

from converters.diagnostic import Diagnostic, Where
from converters.hub.report import Report
from converters.outputs import together
from converters.pytorch import layout
from converters.pytorch.code import Code
from converters.pytorch.forward import Forward
from converters.pytorch.held import Held
from converters.pytorch.rows import gather
from converters.pytorch.storing import store

CODE, WEIGHTS = "model.py", "model.safetensors"


def encode(model: ir.Model, out: Path, report: Report, file: str = "") -> dict[str, str]:
    """Write the folder `out`; returns file name -> sha256. Both files appear, or none.

    `model` comes from `converters.onnxfile.preparing`: types and shapes inferred, only operators of `operators()`
    where that is possible.
    """
    text, code = written(model, report, file=file)
    with together(out / CODE, out / WEIGHTS) as (sink, numbers):
        sink.write(text.encode("utf-8"))
        store(numbers, code.stored)
        return {CODE: sink.digest(), WEIGHTS: numbers.digest()}


def operators() -> frozenset[tuple[str, str]]:
    """(domain, name) of every operator that has a row."""
    return frozenset(gather())


def written(model: ir.Model, report: Report, *, file: str = "") -> tuple[str, Code]:
    """The text of model.py, and the code with the weights that belong to it."""
    table = gather()
    code = Code()
    versions = {"" if domain == "ai.onnx" else domain: number for domain, number in model.opset_imports.items()}
    walk = Forward(code, table, versions, report)
    code.walk = walk
    inputs = []
    for value in model.graph.inputs:
        if value.name not in model.graph.initializers:
            inputs.append((code.fresh(str(value.name)), value))
            code.hold(value, Held(inputs[-1][0]))
            if value.dtype == ir.DataType.STRING:
                walk.faults.setdefault("PyTorch has no tensors of strings", []).append(str(value.name))
    walk.write(list(model.graph))
    if walk.faults:
        raise _unwritable(walk.faults, file)
    code.settle()
    results = {}
    for value in model.graph.outputs:
        results[str(value.name)] = code.tensor(value)
        code.kinds[str(value.name)] = layout.annotation(value)
    title = model.graph.name or "network"
    text = layout.text(code, title=title, stem="model", version=version("zoo"), inputs=inputs, results=results)
    return text, code


def _unwritable(faults: dict[str, list[str]], file: str) -> Diagnostic:
    details = [f'{len(names)}x  {reason}  (first: "{names[0]}")' for reason, names in sorted(faults.items())]
    return Diagnostic(
        "unwritable-nodes",
        f"cannot be written as a PyTorch module: {sum(map(len, faults.values()))} nodes have no exact form",
        where=Where(file=file),
        details=details,
        hint="docs/formats/torch-conformance.md lists what can be written",
    )
