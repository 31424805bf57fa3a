"""Torch7: rules of the reader that are wrong, and two networks of modules that show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from converters.outputs import whole
from converters.torch7.classes import container, module
from converters.torch7.ops import (
    activations,
    constants,
    convolution,
    linear,
    norm,
    padding,
    pooling,
    softmax,
    tables,
)
from converters.torch7.saving import Floats, Made, Saved, save
from converters.weights import ArrayWeight
from planting.conversions.caffe import drawer, flipped
from planting.conversions.mistake import Mistake, instead, misread, weighed

_WINDOW = ("kW", "kH", "dW", "dH", "padW", "padH")


def stacked(folder: Path) -> str:
    """Modules over images, none of which minds its input's size: 3 x 13 x 11."""
    draw = drawer(np.random.default_rng(21))
    stay = np.random.default_rng(22).uniform(0.5, 1.5, (2, 8)).astype(np.float32)
    first = _convolution(draw, 3, 8, (3, 2, 1, 1, 1, 0))
    branch = _convolution(draw, 8, 4, (3, 3, 1, 1, 1, 1), bias=False)
    slopes = np.random.default_rng(23).uniform(0.1, 0.6, 4)
    wide = _convolution(draw, 6, 6, (3, 3, 1, 1, 2, 2), kind="nn.SpatialDilatedConvolution", dilationW=2, dilationH=2)
    modules = (
        module("nn.SpatialZeroPadding", {"pad_l": 1, "pad_r": 2, "pad_t": 0, "pad_b": 1}),
        first,
        _normalised("nn.SpatialBatchNormalization", draw, stay, eps=1e-3),
        module("nn.ReLU", {"threshold": 0, "val": 0, "inplace": True}),
        module("nn.SpatialCrossMapLRN", {"size": 3, "alpha": 0.5, "beta": 0.75, "k": 2}),
        module("nn.SpatialMaxPooling", {**_window(3, 3, 2, 2, 0, 0), "ceil_mode": True}),
        container(
            "nn.Concat",
            (_convolution(draw, 8, 4, (1, 1, 1, 1, 0, 0)),
             container("nn.Sequential", (branch, module("nn.PReLU", {"nOutputPlane": 4, "weight": _floats(slopes)})))),
            dimension=2,
        ),
        _average(count_include_pad=True, divide=True),
        _average(count_include_pad=False, divide=True),
        _average(count_include_pad=True, divide=False),
        _convolution(draw, 8, 6, (4, 3, 2, 2, 1, 1), kind="nn.SpatialFullConvolution", turned=True, adjW=1, adjH=0),
        container("nn.ConcatTable", (wide, module("nn.LeakyReLU", {"negval": 0.2, "inplace": False}))),
        module("nn.JoinTable", {"dimension": 1, "nInputDims": 3}),
        module("nn.ELU", {"alpha": 0.5, "inplace": False}),
        module("nn.SpatialSoftMax", {}),
    )  # fmt: skip
    return _written(folder, modules)


def flat(folder: Path) -> str:
    """Modules over vectors of 12, with the fields of old files: running_std, Dropout without v2."""
    draw = drawer(np.random.default_rng(31))
    stay = np.random.default_rng(32).uniform(0.5, 1.5, (2, 12)).astype(np.float32)
    old = _normalised("nn.BatchNormalization", draw, stay, eps=1e-3)
    fields = {name: value for name, value in old.fields.items() if name != "running_var"}
    std = (stay[0].astype(np.float64) + 1e-3) ** -0.5
    modules = (
        _linear(draw),
        replace(old, fields={**fields, "running_std": _floats(std)}, version=1),
        module("nn.HardTanh", {"min_val": -1.5, "max_val": 1, "inplace": False}),
        _linear(draw),
        module("nn.Threshold", {"threshold": 0.1, "val": -0.5, "inplace": False}),
        module("nn.Dropout", {"p": 0.25, "noise": Floats()}),
        _linear(draw),
        module("nn.LogSoftMax", {}),
    )
    return _written(folder, modules)


def _written(folder: Path, modules: tuple[Made, ...]) -> str:
    path = folder / "net.t7"
    with whole(path) as sink:
        save(container("nn.Sequential", modules), sink)
    return str(path)


def _floats(values: np.ndarray) -> Floats:
    return Floats(ArrayWeight(np.ascontiguousarray(values, np.float32)))


def _window(*values: int) -> dict[str, Saved]:
    return dict(zip(_WINDOW, values, strict=True))


def _convolution(draw, planes, out, window, *, kind="nn.SpatialConvolution", bias=True, turned=False, **more) -> Made:
    sizes = (planes, out) if turned else (out, planes)
    weights = {"weight": _floats(draw(*sizes, window[1], window[0]))}
    weights |= {"bias": _floats(draw(out) + 0.3)} if bias else {}
    return module(kind, {"nInputPlane": planes, "nOutputPlane": out, **_window(*window), **weights, **more})


def _normalised(kind, draw, stay, eps) -> Made:
    size = stay.shape[1]
    numbers = {"running_mean": draw(size), "running_var": stay[0], "weight": stay[1], "bias": draw(size)}
    rules = {"eps": eps, "momentum": 0.1, "affine": True, "nDim": 4 if size == 8 else 2}
    return module(kind, {**rules, **{name: _floats(array) for name, array in numbers.items()}})


def _average(**rules: bool) -> Made:
    return module("nn.SpatialAveragePooling", {**_window(3, 3, 1, 1, 1, 1), "ceil_mode": False, **rules})


def _linear(draw) -> Made:
    return module("nn.Linear", {"weight": _floats(draw(12, 12)), "bias": _floats(draw(12) + 0.3)})


def crossed(old):
    """Windows whose width and height of padding are exchanged."""

    def window(layer, emit, letters):
        right = old(layer, emit, letters)
        return replace(right, pad=right.pad[::-1])

    return window


def _near(old):
    """Windows without dilation, padded so that the sizes stay."""

    def window(layer, emit, letters):
        right = old(layer, emit, letters)
        around = tuple(pad - dilation + 1 for pad, dilation in zip(right.pad, right.dilation, strict=True))
        return replace(right, dilation=(1,) * len(letters), pad=around)

    return window


def _reversed(old):
    return lambda emit, values, at: old(emit, values[::-1], at)


def kept(_old):
    """running_std taken for running_var."""
    return lambda _layer, emit, channels, _eps: emit.derived(emit.source("running_std", (channels,)), "running_var")


def read_as(kind: str, like: str, module: Any) -> Callable[[], Any]:
    """A kind that is read as another one is."""
    return lambda: patch.dict(module.READ, {kind: module.READ[like]})


def times_size(layer):
    return layer.attrs.number("alpha") * layer.attrs.integer("size")


STACKED, FLAT = ("--input", "1,3,13,11"), ("--input", "1,12")


def _on_images(name: str, planted: Callable[[], Any], layer: str, cause: str) -> Mistake:
    return Mistake(name, "torch7", stacked, planted, layer, cause, STACKED)


def _on_vectors(name: str, planted: Callable[[], Any], layer: str, cause: str) -> Mistake:
    return Mistake(name, "torch7", flat, planted, layer, cause, FLAT)


_CONV, _FULL, _AVERAGE = "nn.SpatialConvolution", "nn.SpatialFullConvolution", "nn.SpatialAveragePooling"
MISTAKES = (
    _on_images("SpatialZeroPadding's left and right are exchanged",
               misread(padding, "nn.SpatialZeroPadding", pad_l=2, pad_r=1), "Sequential[1]", "pad side"),
    _on_images("padW and padH are exchanged", instead(convolution, "window", crossed), "Sequential[2]", "pad axes"),
    _on_images("SpatialConvolution's bias is dropped",
               weighed(convolution, _CONV, bias=np.zeros_like), "Sequential[2]", "dropped bias"),
    _on_images("SpatialConvolution's kernels are flipped",
               weighed(convolution, _CONV, weight=flipped), "Sequential[2]", "flipped kernels"),
    _on_images("SpatialBatchNormalization's eps is 1e-5",
               misread(norm, "nn.SpatialBatchNormalization", eps=1e-5), "Sequential[3]", "BatchNorm eps"),
    _on_images("SpatialBatchNormalization's weight is left out",
               weighed(norm, "nn.SpatialBatchNormalization", weight=np.ones_like), "Sequential[3]", "fix_gamma"),
    _on_images("LRN's alpha is not divided by n",
               misread(norm, "nn.SpatialCrossMapLRN", alpha=times_size), "Sequential[5]", "LRN alpha"),
    _on_images("LRN's k is 1", misread(norm, "nn.SpatialCrossMapLRN", k=1), "Sequential[5]", "LRN k"),
    _on_images("ceil_mode is ignored",
               misread(pooling, "nn.SpatialMaxPooling", ceil_mode=False), "Sequential[6]", "ceil or floor pooling"),
    _on_images("PReLU has one slope",
               weighed(activations, "nn.PReLU", weight=lambda a: np.full_like(a, a.flat[0])),
               "Sequential[7].Concat[2].Sequential[2]", "PReLU sharing"),
    _on_images("a Concat's branches are joined in reverse",
               instead(tables, "_concat", _reversed), "Sequential[7]", "order of inputs"),
    _on_images("count_include_pad is off by default",
               misread(pooling, _AVERAGE, count_include_pad=False), "Sequential[8]", "count_include_pad"),
    _on_images("count_include_pad is ignored",
               misread(pooling, _AVERAGE, count_include_pad=True), "Sequential[9]", "count_include_pad"),
    _on_images("an average without `divide` is divided",
               misread(pooling, _AVERAGE, divide=True), "Sequential[10]", "scale factor"),
    _on_images("SpatialFullConvolution's kernels are flipped",
               weighed(convolution, _FULL, weight=flipped), "Sequential[11]", "flipped kernels"),
    _on_images("SpatialFullConvolution's adjW is ignored",
               misread(convolution, _FULL, adjW=0), "Sequential[11]", "output padding"),
    _on_images("SpatialDilatedConvolution's dilation is ignored",
               instead(convolution, "window", _near), "Sequential[12].ConcatTable[1]", "dilation"),
    _on_images("LeakyReLU's slope is 0.01",
               misread(activations, "nn.LeakyReLU", negval=0.01), "Sequential[12].ConcatTable[2]", "activation slope"),
    _on_images("JoinTable's nInputDims is ignored",
               misread(tables, "nn.JoinTable", nInputDims=0), "Sequential[13]", "axis of a concatenation"),
    _on_images("ELU's alpha is 1", misread(activations, "nn.ELU", alpha=1.0), "Sequential[14]", "activation slope"),
    _on_vectors("Linear's weight is transposed",
                weighed(linear, "nn.Linear", weight=np.transpose), "Sequential[1]",
                "transposed fully-connected weights"),
    _on_vectors("Linear's bias is dropped",
                weighed(linear, "nn.Linear", bias=np.zeros_like), "Sequential[1]", "dropped bias"),
    _on_vectors("running_std of old files is taken for a variance",
                instead(norm, "_variance", kept), "Sequential[2]", "BatchNorm statistics"),
    _on_vectors("HardTanh's limits are -1 and 1",
                misread(activations, "nn.HardTanh", min_val=-1), "Sequential[3]", "clipped activation"),
    _on_vectors("Threshold's other value is 0",
                misread(activations, "nn.Threshold", val=0), "Sequential[5]", ""),
    _on_vectors("Dropout of old files does not scale",
                misread(constants, "nn.Dropout", v2=True), "Sequential[5]", "scale factor"),
    _on_vectors("LogSoftMax is read as SoftMax",
                read_as("nn.LogSoftMax", "nn.SoftMax", softmax), "output", "log softmax"),
)  # fmt: skip
