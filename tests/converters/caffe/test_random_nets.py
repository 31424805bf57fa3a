"""Random networks of mapped layers: our ONNX in onnxruntime against the real Caffe, in every shape and to rounding."""

from __future__ import annotations

import os

import numpy as np
import pytest
from caffe_samples import describe
from frameworks import caffe_worker
from random_nets import RandomNet

import converters
from zoo.backends import discovery, host

SEEDS = range(int(os.environ.get("ZOO_RANDOM_NETS", "200")))
ROUNDING = 1e-4
"""Of the largest value: a chain of six layers; a wrong window or divisor is off by a thousand times more."""


def agree(mine: np.ndarray, theirs: np.ndarray) -> bool:
    if mine.shape != theirs.shape:
        return False
    finite = np.isfinite(theirs)
    if not np.array_equal(finite, np.isfinite(mine)):
        return False
    scale = float(np.max(np.abs(theirs[finite]), initial=1e-3))
    return bool(np.all(np.abs(mine[finite].astype(np.float64) - theirs[finite]) <= ROUNDING * scale))


@pytest.mark.framework
def test_random_networks_agree_with_the_real_caffe(tmp_path):
    nets = [RandomNet(seed) for seed in SEEDS]
    inputs = [net.inputs() for net in nets]
    files = [net.write(tmp_path) for net in nets]
    ours, theirs = [], []
    for net, given, found in zip(nets, inputs, files, strict=True):
        out = found["graph"].with_suffix(".onnx")
        converters.convert(list(found.values()), "onnx", out)
        ours.append(host.Job("onnx", {"model": out}, given, label=f"{net.seed}"))
        theirs.append(host.Job("caffe", found, given, outputs=net.outputs, label=f"{net.seed}"))
    faults = []
    replies = zip(nets, host.run_many(discovery.find("onnxruntime"), ours, 60), caffe_worker(theirs), strict=True)
    for net, mine, real in replies:
        if not isinstance(mine, host.Reply) or not isinstance(real, host.Reply):
            faults.append(f"{net.seed} ({net.kinds}): onnxruntime {mine}, caffe {real}"[:500])
            continue
        pairs = [(mine.outputs[name], real.outputs[name]) for name in net.outputs]
        if not all(agree(*pair) for pair in pairs):
            faults.append(f"{net.seed} ({net.kinds}): {describe(*zip(*pairs, strict=True))}")
    assert faults == []
