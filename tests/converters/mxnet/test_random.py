"""Random networks: what the real MXNet computes, our ONNX computes, and what is written back computes too."""

from __future__ import annotations

import os

import mxnet_files as files
import mxnet_random
import numpy as np
import pytest
from frameworks import framework

import converters
from zoo.backends import discovery, host

SEEDS = range(*map(int, os.environ.get("ZOO_RANDOM_NETWORKS", "0-200").split("-")))
"""From one seed to before another: 0-2000 was run once, in pieces; this is the piece for every day."""
TOLERANCE = 3e-5  # of the largest value
SMALLEST = 0.03
"""Values inside the networks are of size 1: where the outputs are smaller than this, they are what is left when larger
numbers cancel (a tail of gelu), and carry the rounding of those: 1e-6 is 8 units in the last place of 1."""


@pytest.fixture(scope="session")
def replies(tmp_path_factory):
    """Per seed: MXNet's reply, our ONNX's, and MXNet's to the files written from our ONNX."""
    folder = tmp_path_factory.mktemp("random")
    real, ours, back = [], [], []
    for seed in SEEDS:
        text, arrays, x = mxnet_random.network(seed)
        made = files.write(folder, f"net{seed}", text, arrays)
        out, prefix = folder / f"net{seed}.onnx", folder / f"back{seed}"
        converters.convert(list(made.values()), "onnx", out, options=converters.Options(inputs={"data": x.shape}))
        converters.convert([out], "mxnet", prefix)
        written = {"graph": folder / f"back{seed}-symbol.json", "weights": folder / f"back{seed}-0000.params"}
        real.append(host.Job("mxnet", made, {"data": x}, label=f"net{seed}"))
        ours.append(host.Job("onnx", {"model": out}, {"data": x}, label=f"net{seed}"))
        back.append(host.Job("mxnet", written, {"data": x}, label=f"back{seed}"))
    computed = host.run_many(framework("mxnet"), [*real, *back], 60)
    return list(
        zip(
            computed[: len(real)],
            host.run_many(discovery.find("onnxruntime"), ours, 60),
            computed[len(real) :],
            strict=True,
        )
    )


@pytest.mark.framework
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network_agrees_with_mxnet_there_and_back(replies, seed):
    real, ours, back = (value(reply) for reply in replies[seed - SEEDS.start])
    largest = max(float(np.abs(real).max()), SMALLEST)
    assert ours.shape == back.shape == real.shape
    assert np.abs(ours - real).max() <= TOLERANCE * largest
    assert np.abs(back - real).max() <= TOLERANCE * largest


def value(reply: host.Reply | host.Failed) -> np.ndarray:
    assert isinstance(reply, host.Reply), str(reply)
    (array,) = reply.outputs.values()
    return array
