"""ONNX models with expected outputs -> folders that torch_runner.py judges."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx import TensorProto, numpy_helper

import converters
from converters.diagnostic import Diagnostic
from converters.hub.report import Report

RTOL, ATOL = 1e-3, 1e-5
_HELD = {"int4": np.int8, "uint4": np.uint8, "int2": np.int8, "uint2": np.uint8}
_NAMES = {"float8_e4m3": "float8_e4m3fn"}


@dataclass(frozen=True)
class Case:
    """A model and sets of (inputs, expected outputs), in the order of the graph's inputs and outputs."""

    name: str
    model: ir.Model
    sets: Sequence[tuple[Sequence[object], Sequence[object]]]


class Unsayable(Exception):
    """The case's data has no form in PyTorch (strings)."""


def lay_out(case: Case, folder: Path) -> str | None:
    """Write the case's folder; the refusal where it cannot be written."""
    try:
        converters.write(converters.Model(case.model, Report(), {}), "torch", folder)
    except Diagnostic as fault:
        return f"refused: {fault.code}: {'; '.join(fault.details) or fault.message}"
    data = bytearray()
    try:
        sets = [
            {"inputs": [_entry(value, data) for value in fed], "outputs": [_entry(value, data) for value in wanted]}
            for fed, wanted in case.sets
        ]
    except Unsayable as fault:
        return f"refused: {fault}"
    (folder / "data.bin").write_bytes(data)
    (folder / "case.json").write_text(json.dumps({"sets": sets, "rtol": RTOL, "atol": ATOL}))
    return None


def _entry(value: object, data: bytearray) -> object:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return {"list": [_entry(item, data) for item in value]}
    array = numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
    array = array.astype(_HELD.get(array.dtype.name, array.dtype))
    if array.dtype.kind in "OUS":
        raise Unsayable("its data are strings")
    blob = np.ascontiguousarray(array).tobytes()
    entry = {
        "dtype": _NAMES.get(array.dtype.name, array.dtype.name),
        "shape": array.shape,
        "offset": len(data),
        "size": len(blob),
    }
    data += blob
    return entry


def judge(cases: Iterable[Case], root: Path, python: Path, *also: str) -> dict[str, str]:
    """Every case's verdict: all written modules run in one process of PyTorch's interpreter."""
    verdicts: dict[str, str] = {}
    for case in cases:
        folder = root / case.name
        try:
            refusal = lay_out(case, folder)
        except Exception as fault:  # noqa: BLE001 - a crash of the writer is a verdict too
            refusal = f"crash: {type(fault).__name__}: {fault}"
        verdicts[case.name] = refusal or "not run"
    waiting = [name for name, verdict in verdicts.items() if verdict == "not run"]
    (root / "cases.json").write_text(json.dumps(waiting))
    runner = Path(__file__).with_name("torch_runner.py")
    subprocess.run([str(python), "-I", str(runner), str(root), *also], check=True)
    return verdicts | json.loads((root / "verdicts.json").read_text())


def operator_cases() -> list[Case]:
    """ONNX's own operator cases, as the installed onnx builds them."""
    import warnings

    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return [
        Case(case.name, ir.serde.deserialize_model(case.model), [(list(fed), list(out)) for fed, out in case.data_sets])
        for case in found
    ]
