"""Random ONNX networks: the written Caffe files in the real Caffe against onnxruntime on the ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from frameworks import caffe_worker
from onnx_nets import random_net

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host

SEEDS = range(75)
AT_LEAST = 60
TOLERANCE = 2e-5  # of the largest value; measured over 700 nets: at most 5.1e-6

PLAIN = {"graph_optimization": "disable"}
"""Its fusion of Pad into AveragePool makes paddings that onnxruntime itself refuses (seed 27)."""

Reply = host.Reply | host.Failed


class Pair(NamedTuple):
    wanted: Reply
    found: Reply


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Pair | Diagnostic]:
    folder = tmp_path_factory.mktemp("nets")
    refused: dict[int, Pair | Diagnostic] = {}
    theirs, mine, seeds = [], [], []
    for seed in SEEDS:
        model, inputs = random_net(seed)
        path = folder / f"n{seed}.onnx"
        onnx.save(model, path)
        try:
            converters.convert([path], "caffe", folder / f"n{seed}")
        except Diagnostic as fault:
            refused[seed] = fault
            continue
        files = _files(folder / f"n{seed}")
        seeds.append(seed)
        theirs.append(host.Job("onnx", {"model": path}, inputs, options=PLAIN, label=str(seed)))
        mine.append(host.Job("caffe", files, inputs, label=str(seed)))
    wanted = host.run_many(discovery.find("onnxruntime"), theirs, 60)
    pairs = map(Pair, wanted, caffe_worker(mine))
    return refused | dict(zip(seeds, pairs, strict=True))


def _files(folder: Path) -> dict[str, Path]:
    return {"graph": folder / f"{folder.name}.prototxt", "weights": folder / f"{folder.name}.caffemodel"}


@pytest.mark.framework
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network_computes_the_same_or_is_refused_by_node(seed, outcomes):
    outcome = outcomes[seed]
    if isinstance(outcome, Diagnostic):
        assert outcome.code == "unwritable-nodes"
        assert all("no layer for it" not in line for line in outcome.details)
        return
    assert isinstance(outcome.wanted, host.Reply), str(outcome.wanted)
    assert isinstance(outcome.found, host.Reply), str(outcome.found)
    assert set(outcome.found.outputs) == set(outcome.wanted.outputs)
    for name, wanted in outcome.wanted.outputs.items():
        found = outcome.found.outputs[name]
        assert found.shape == wanted.shape
        scale = max(1e-3, float(np.max(np.abs(wanted))))
        assert np.max(np.abs(found - wanted.astype(np.float64))) <= TOLERANCE * scale, name


@pytest.mark.framework
def test_most_random_networks_are_written(outcomes):
    assert sum(isinstance(outcome, Pair) for outcome in outcomes.values()) >= AT_LEAST
