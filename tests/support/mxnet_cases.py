"""ONNX models with expected outputs, written as MXNet's files and run by the real MXNet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper
from torch_cases import ATOL, RTOL, Case

import converters
from converters.diagnostic import Diagnostic
from converters.hub.report import Report
from zoo.backends import host
from zoo.backends.card import Card

Arrays = list[np.ndarray]


def judge(cases: Sequence[Case], root: Path, card: Card) -> dict[str, str]:
    """Case -> "agree", or "refused", "crashed", "failed" or "differs" with the reason."""
    verdicts, jobs, owners = {}, [], []
    for case in cases:
        prefix = root / case.name
        refusal = write(case, prefix)
        verdicts[case.name] = refusal or "agree"
        for fed, _ in case.sets if refusal is None else ():
            files = {"graph": Path(f"{prefix}-symbol.json"), "weights": Path(f"{prefix}-0000.params")}
            names, asked = [str(port.name) for port in case.model.graph.inputs], arguments(files["graph"])
            given = zip(names, fed, strict=False)
            inputs = {name: np.asarray(array(value)) for name, value in given if name in asked}
            jobs.append(host.Job("mxnet", files, {name: np.atleast_1d(item) for name, item in inputs.items()}))
            owners.append(case.name)
    expected = [wanted for case in cases if verdicts[case.name] == "agree" for _, wanted in case.sets]
    for name, wanted, reply in zip(owners, expected, host.run_many(card, jobs, 60), strict=True):
        verdict = compared(reply, wanted)
        verdicts[name] = verdict if verdicts[name] == "agree" else verdicts[name]
    return verdicts


def write(case: Case, prefix: Path) -> str | None:
    """Writes the case's files; why not, where it cannot be."""
    data = [value for fed, wanted in case.sets for value in (*fed, *wanted)]
    if any(array(value) is None for value in data):
        return "refused: its data are strings, sequences or left out"
    try:
        converters.write(converters.Model(case.model, Report(), {}), "mxnet", prefix)
    except Diagnostic as fault:
        return f"refused: {'; '.join(fault.details) or fault.message}"
    except Exception as fault:  # noqa: BLE001 - a crash of the writer is a verdict too
        return f"crashed: {type(fault).__name__}: {fault}"
    return None


def arguments(symbol: Path) -> set[str]:
    """The names of the variables that some node reads."""
    document = json.loads(symbol.read_text())
    read = {entry[0] for node in document["nodes"] for entry in node["inputs"]} | {
        head[0] for head in document["heads"]
    }
    return {document["nodes"][place]["name"] for place in read}


def array(value: object) -> np.ndarray | None:
    """A case's value as an array of numbers; None for what no tensor of numbers holds."""
    if value is None or isinstance(value, list | tuple):
        return None
    found = numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
    return None if found.dtype.kind in "OUSV" else found


def compared(reply: host.Reply | host.Failed, wanted: Sequence[object]) -> str:
    if isinstance(reply, host.Failed):
        return f"failed: {reply.detail}"
    for (name, found), value in zip(reply.outputs.items(), wanted, strict=True):
        fault = differs(found, np.asarray(array(value)))
        if fault:
            return f"differs: {name}: {fault}"
    return "agree"


def differs(found: np.ndarray, wanted: np.ndarray) -> str | None:
    """What differs, or nothing; MXNet has no rank 0: one number in a vector stands for it."""
    wanted = np.atleast_1d(wanted)
    if (found.dtype, found.shape) != (wanted.dtype, wanted.shape):
        return f"{found.dtype} {list(found.shape)} instead of {wanted.dtype} {list(wanted.shape)}"
    if np.allclose(found.astype(np.float64), wanted.astype(np.float64), rtol=RTOL, atol=ATOL, equal_nan=True):
        return None
    return "other numbers"
