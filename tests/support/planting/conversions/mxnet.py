"""MXNet: rules of the reader that are wrong, and three networks of operators that show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from mxnet_files import node, symbol, variable, write

from converters.mxnet.ops import (
    activations,
    batch_norm,
    convolution,
    deconvolution,
    fully_connected,
    norms,
    pooling,
    rnn,
    softmax,
)
from planting.conversions.caffe import drawer, flipped, halved
from planting.conversions.mistake import Mistake, behind, instead, misread, weighed

_BN = ("gamma", "beta", "moving_mean", "moving_var")


class Symbol:
    """A symbol under construction: each call is a node, its parameters are variables with drawn numbers."""

    def __init__(self, seed: int, shape: str) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes = [variable("data", __shape__=shape)]
        self.arrays: dict[str, np.ndarray] = {}

    def add(
        self, op: str, name: str, *inputs: int, given: dict[str, tuple[int, ...]] | None = None, **attrs: str
    ) -> int:
        """The number of the new node."""
        numbers = list(inputs)
        for role, shape in (given or {}).items():
            kind = "aux" if role.startswith("moving") else "arg"
            self.nodes.append(variable(f"{name}_{role}"))
            numbers.append(len(self.nodes) - 1)
            self.arrays[f"{kind}:{name}_{role}"] = self._draw(role, shape)
        self.nodes.append(node(op, name, numbers, **attrs))
        return len(self.nodes) - 1

    def _draw(self, role: str, shape: tuple[int, ...]) -> np.ndarray:
        if role in ("gamma", "moving_var"):
            return self.rng.uniform(0.3, 1.7, shape).astype(np.float32)
        return drawer(self.rng)(*shape)

    def save(self, folder: Path) -> str:
        """Both files as one subject of a check."""
        return ",".join(map(str, write(folder, "net", symbol(self.nodes), self.arrays).values()))


def wide(folder: Path) -> str:
    """A classifier with an operator of every kind, sizes that no rounding changes."""
    net = Symbol(21, "(0, 3, 24, 20)")
    at = net.add("Convolution", "conv0", 0, given={"weight": (8, 3, 3, 3)}, kernel="(3, 3)", pad="(1, 1)",
                 num_filter="8", no_bias="True")  # fmt: skip
    at = net.add("BatchNorm", "bn0", at, given=dict.fromkeys(_BN, (8,)))
    at = net.add("LeakyReLU", "prelu0", at, given={"gamma": (8,)}, act_type="prelu")
    at = net.add("LRN", "lrn0", at, nsize="3", alpha="0.5", beta="0.75", knorm="1")
    at = net.add("Pooling", "pool0", at, kernel="(2, 2)", stride="(2, 2)", pool_type="max")
    at = net.add("Convolution", "conv1", at, given={"weight": (8, 4, 3, 3), "bias": (8,)}, kernel="(3, 3)",
                 pad="(1, 1)", num_filter="8", num_group="2")  # fmt: skip
    at = net.add("BatchNorm", "bn1", at, given=dict.fromkeys(_BN, (8,)), fix_gamma="False", eps="2e-5")
    at = net.add("LeakyReLU", "leaky1", at, act_type="leaky")
    at = net.add("Pooling", "pool1", at, kernel="(3, 3)", stride="(1, 1)", pad="(1, 1)", pool_type="avg")
    at = net.add("Deconvolution", "up", at, given={"weight": (8, 6, 4, 4)}, kernel="(4, 4)", stride="(2, 2)",
                 pad="(1, 1)", num_filter="6", no_bias="True")  # fmt: skip
    at = net.add("Flatten", "flat", at)
    at = net.add("Dropout", "drop", at, p="0.5")
    at = net.add("FullyConnected", "fc", at, given={"weight": (7, 2880), "bias": (7,)}, num_hidden="7")
    net.add("softmax", "prob", at)
    return net.save(folder)


def free(folder: Path) -> str:
    """A network of convolutions and poolings that takes any size, so that a wrong one goes through."""
    net = Symbol(22, "(0, 3, 24, 20)")
    at = net.add("Convolution", "conv0", 0, given={"weight": (8, 3, 3, 1), "bias": (8,)}, kernel="(3, 1)",
                 pad="(1, 0)", num_filter="8")  # fmt: skip
    at = net.add("Pooling", "pool0", at, kernel="(3, 3)", stride="(2, 2)", pool_type="max", pooling_convention="full")
    at = net.add("Convolution", "conv1", at, given={"weight": (6, 8, 3, 3), "bias": (6,)}, kernel="(3, 3)",
                 num_filter="6")  # fmt: skip
    at = net.add("SoftmaxActivation", "soft", at, mode="channel")
    net.add("Pooling", "mean", at, kernel="(2, 2)", pool_type="avg", global_pool="True")
    return net.save(folder)


def recurrent(folder: Path) -> str:
    """An LSTM of 5 numbers over a sequence of 6, and a dense layer."""
    net = Symbol(23, "(6, 2, 4)")
    size = 4 * 5 * (4 + 5 + 2)
    at = net.add("RNN", "lstm", 0, given={"parameters": (size,), "state": (1, 2, 5), "state_cell": (1, 2, 5)},
                 mode="lstm", state_size="5", num_layers="1")  # fmt: skip
    net.arrays["arg:lstm_parameters"] = net.rng.uniform(-0.8, 0.8, size).astype(np.float32)
    net.add("Activation", "out", at, act_type="tanh")
    return net.save(folder)


def _turned(old):
    def window(layer, emit, spatial):
        right = old(layer, emit, spatial)
        return replace(right, pad=right.pad[::-1])

    return window


def _times_size(layer):
    return layer.attrs.number("alpha") * layer.attrs.integer("nsize")


def _as_stored():
    return patch.dict(rnn._CELLS, {"lstm": replace(rnn._CELLS["lstm"], gates=(0, 1, 2, 3))})


MISTAKES = (
    Mistake("fix_gamma is ignored", "mxnet", wide,
            misread(batch_norm, "BatchNorm", fix_gamma=False), "bn0_output", "fix_gamma"),
    Mistake("every gamma is fixed", "mxnet", wide,
            misread(batch_norm, "BatchNorm", fix_gamma=True), "bn1_output", "fix_gamma"),
    Mistake("BatchNorm's eps is 1e-5 by default", "mxnet", wide,
            misread(batch_norm, "BatchNorm", eps=1e-5), "bn0_output", "BatchNorm eps"),
    Mistake("PReLU has one slope", "mxnet", wide,
            weighed(activations, "LeakyReLU", gamma=lambda a: np.full_like(a, a.flat[0])), "prelu0_output",
            "PReLU sharing"),
    Mistake("LeakyReLU's slope is 0.01 by default", "mxnet", wide,
            misread(activations, "LeakyReLU", slope=0.01), "leaky1_output", "activation slope"),
    Mistake("LRN's alpha is not divided by n", "mxnet", wide,
            misread(norms, "LRN", alpha=_times_size), "lrn0_output", "LRN alpha"),
    Mistake("count_include_pad is off by default", "mxnet", wide,
            misread(pooling, "Pooling", count_include_pad=False), "pool1_output", "count_include_pad"),
    Mistake("Convolution's bias is dropped", "mxnet", wide,
            weighed(convolution, "Convolution", bias=np.zeros_like), "conv1_output", "dropped bias"),
    Mistake("Deconvolution's kernels are flipped", "mxnet", wide,
            weighed(deconvolution, "Deconvolution", weight=flipped), "up_output", "flipped kernels"),
    Mistake("FullyConnected's bias is dropped", "mxnet", wide,
            weighed(fully_connected, "FullyConnected", bias=np.zeros_like), "fc_output", "dropped bias"),
    Mistake("dropout is left on: it halves", "mxnet", wide,
            behind(softmax, "Dropout", halved), "drop_output", "dropout left on"),
    Mistake("softmax goes along the samples", "mxnet", wide,
            misread(softmax, "softmax", axis=0), "prob_output", "softmax axis"),
    Mistake("pad's axes are exchanged", "mxnet", free,
            instead(convolution, "window", _turned), "conv0_output", "pad axes"),
    Mistake("the convention full is read as valid", "mxnet", free,
            misread(pooling, "Pooling", pooling_convention="valid"), "pool0_output", "ceil or floor pooling"),
    Mistake("SoftmaxActivation goes along the last axis", "mxnet", free,
            misread(softmax, "SoftmaxActivation", mode="instance"), "soft_output", "softmax axis"),
    Mistake("global_pool is ignored", "mxnet", free,
            misread(pooling, "Pooling", global_pool=False), "mean_output", "global pooling"),
    Mistake("the LSTM's gates are taken as they are stored", "mxnet", recurrent,
            _as_stored, "lstm_output", "order of gates"),
)  # fmt: skip
