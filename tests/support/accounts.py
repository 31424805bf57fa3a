"""Accounts of checks: as a real one comes out of the machinery, with everything that a report may hold, and hostile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from parity_world import CAFFE, ONNXRUNTIME, OPENCV, Network, artifact, entry, here, linear, means

from zoo.backends.card import Card
from zoo.console import document
from zoo.parity.account import Account
from zoo.parity.check import apply
from zoo.parity.payload import payload
from zoo.parity.plan import Wanted, plan
from zoo.parity.rule import DEFAULT
from zoo.parity.spread import spread

NAME = "squeezenet@caffe"
# Markup, a workflow command, an escape sequence, what XML cannot hold, and letters that turn the line around.
HOSTILE = "</script><img src=x onerror=alert(1)>\n::error::forged | `x` **b** \x1b[31m\x00\ufffe \u202e\"'&amp;%0A]]>"


def told(broken: Network | None = None, absent: Sequence[Card] = (), label: str = NAME) -> dict[str, Any]:
    """The payload of a check of three runs, as a reader of the JSON gets it."""
    networks = {
        (label, "caffe"): linear(),
        (label, "opencv"): broken or linear(scale=1 + 1e-6),
        (f"{label} -> onnx", "onnxruntime"): linear(scale=1 - 1e-6),
    }
    decided = plan(
        [Wanted(artifact(label, "caffe", entry("net@caffe")))],
        here(CAFFE, OPENCV, ONNXRUNTIME, absent=absent),
        {"caffe"},
    )
    found: dict[str, Any] = json.loads(document("parity", payload(apply(decided, means(networks), DEFAULT, 4))))
    return found


def agreeing() -> Account:
    return Account("agreeing", told())


def differing() -> Account:
    return Account("differing", told(broken=linear(scale=1.01)))


def nameless() -> Account:
    """Every name in it is hostile: files, outputs, tensors, causes, reasons."""
    report = told(broken=linear(scale=1.01, name=HOSTILE), label=HOSTILE, absent=[CAFFE])
    return Account(HOSTILE, rich(report, HOSTILE))


def rich(report: dict[str, Any], name: str = "fire9/squeeze1x1") -> dict[str, Any]:
    """The report with everything that is optional."""
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4, 250)).astype(np.float32)
    candidate = reference * (1 + 1e-6 * rng.normal(size=reference.shape)).astype(np.float32)
    candidate[0, 3] *= 1.5
    for row in report["rows"]:
        for output in row["outputs"]:
            output["spread"] = spread(reference, candidate, float(np.abs(reference).max()))
    errors = [*rng.uniform(0.3, 3, 20), *rng.uniform(100, 500, 8)]
    tensors = [
        {
            "name": name if index == 20 else f"layer{index}",
            "op": "Conv",
            "depth": index,
            "kind": "feature",
            "ratio": error,
            "rms": error * 1e-6 if index != 5 else 0.0,
            "max": error * 4e-6,
            "floor_rms": 1e-6,
            "floor_max": 4e-6,
            "verdict": "fail" if error > 16 else "pass",
        }
        for index, error in enumerate(errors)
    ]
    cause = {"cause": f"eps of {name}", "before": 1e-2, "after": 2e-7, "proof": f"with eps 1e-5 {name} agrees"}
    inputs = {**report["inputs"], "tensors": [{"name": name, "kind": "random", "seed": 0, "sha256": "0" * 64}]}
    more = {
        "tensors": tensors,
        "first": tensors[20],
        "layers": inside(report, name, tensors),
        "doctor": [cause],
        "not_exercised": [name],
        "inputs": inputs,
    }
    return {**report, **more}


def inside(report: dict[str, Any], name: str, tensors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs looked into: one that differs, and two that agree, of which one shows nothing and one not all."""
    runs = [f"{row['artifact']} in {row['backend']}" for row in report["rows"]]
    wrong, right = runs[0], runs[-1]
    short: dict[str, Any] = {"first": None, "tensors": [], "doctor": [], "why_not": None, "short": True, "missing": []}
    return [
        {**short, "run": wrong, "first": name, "tensors": tensors, "values": 0, "layers": 28, "worst": 480.0},
        {**short, "run": right, "values": 12, "layers": 11, "worst": 2.345, "missing": [name], "of": 13},
        {**short, "run": name, "values": 0, "layers": 0, "worst": None, "why_not": f"{name} as a whole\nmore"},
    ]
