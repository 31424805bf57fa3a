"""Cast and its kin, and values made from nothing: zeros, ones, full, arange."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.casts import DTYPES
from converters.mxnet.operands import every, is_float, value
from converters.weights import ArrayWeight, ComputedWeight

_LIMIT = 1 << 28  # values of a constant that a symbol may ask for


def cast(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Cast as Cast."""
    data = value(layer, emit, "data")
    kind = layer.attrs.text("dtype")
    if kind not in DTYPES:
        emit.refuse(f"dtype {kind!r} is none of MXNet's")
    return emit("Cast", data, to=DTYPES[kind].value)


def amp_multicast(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads amp_multicast as Cast of all to the widest (or narrowest) floating type among them."""
    values = every(layer, emit)
    if not all(is_float(item) for item in values):
        emit.refuse("casts integers; zoo reads it for floating point numbers")
    sizes = [(item.dtype.itemsize if item.dtype else 0, item.dtype) for item in values]
    choose = min if layer.attrs.flag("cast_narrow") else max
    chosen = choose(sizes, key=lambda pair: pair[0])[1]
    assert chosen is not None
    return [emit("Cast", item, to=chosen.value) for item in values]


def _filled(fill: float) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        return _constant(layer, emit, fill)

    read.__doc__ = f"Reads it as a constant of {fill:g}."
    return read


def full(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _full as a constant."""
    return _constant(layer, emit, layer.attrs.number("value"))


def _constant(layer: Layer, emit: Emit, fill: float) -> ir.Value:
    """All values the same; a dimension that MXNet would infer (0) becomes 1, which broadcasts to whatever it is."""
    shape = tuple(layer.attrs.integers("shape"))
    if 0 in shape:
        emit.note("its batch dimension, which MXNet infers, is written as 1 and broadcast")
    sizes = tuple(max(size, 1) for size in shape)
    if np.prod(sizes, dtype=float) > _LIMIT:
        emit.refuse(f"makes {list(shape)} values; zoo makes at most {_LIMIT}")
    dtype = DTYPES[layer.attrs.text("dtype")].numpy()
    weight = ComputedWeight(sizes, dtype, lambda: np.full(sizes, fill, dtype))
    return emit("Identity", emit.derived(weight, "values"))


def arange(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _arange as a constant: start to stop by step, each value repeated."""
    attrs = layer.attrs
    if attrs.flag("infer_range"):
        emit.refuse("a range whose length MXNet infers from its readers")
    start, stop = attrs.number("start"), attrs["stop"]
    first, last = (0.0, start) if stop is None else (start, attrs.number("stop"))
    step, times = attrs.number("step"), attrs.integer("repeat")
    if step == 0 or times < 1 or abs((last - first) / step) * times > _LIMIT:
        emit.refuse(f"a range from {first} to {last} by {step} repeated {times} times")
    values = np.repeat(np.arange(first, last, step), times)
    dtype = DTYPES[attrs.text("dtype")].numpy()
    return emit("Identity", emit.derived(ArrayWeight(values.astype(dtype)), "values"))


def arange_like(layer: Layer, emit: Emit) -> ir.Value:
    """Reads arange_like as a constant: a range as long as an axis, or as all of the data."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    sizes = emit.sizes(data) if attrs["axis"] is None else (emit.size(data, emit.axis(data, attrs.integer("axis"))),)
    times = attrs.integer("repeat")
    if times < 1:
        emit.refuse(f"repeats each value {times} times; MXNet refuses it too")
    values = attrs.number("start") + attrs.number("step") * (np.arange(int(np.prod(sizes))) // times)
    dtype = np.dtype(np.float32) if data.dtype is None else data.dtype.numpy()
    return emit("Identity", emit.derived(ArrayWeight(values.reshape(sizes).astype(dtype)), "values"))


_CASTS = tuple(
    Sample(kind, f'{{"dtype": "{kind}"}}', ((2, 3, 4),), values=(0, 9)) for kind in ("float64", "int32", "uint8")
)
_PLACE = ("ctx",)

READ = {
    "Cast": Read(cast, samples=_CASTS),
    "amp_cast": Read(cast, samples=(Sample("half", '{"dtype": "float16"}', ((2, 3),)),)),
    "amp_multicast": Read(
        amp_multicast,
        neutral=("num_outputs",),
        samples=(Sample("two", '{"num_outputs": "2"}', ((2, 3), (2, 3)), outputs=2),),
    ),
    "_zeros": Read(_filled(0), neutral=_PLACE, samples=(Sample("matrix", '{"shape": "(2, 3)"}', ()),)),
    "_ones": Read(_filled(1), neutral=_PLACE, samples=(Sample("vector", '{"shape": "(3,)", "ctx": "cpu(0)"}', ()),)),
    "_full": Read(full, neutral=_PLACE, samples=(Sample("matrix", '{"shape": "(2, 3)", "value": "1.5"}', ()),)),
    "_arange": Read(
        arange,
        neutral=_PLACE,
        samples=(
            Sample("by half", '{"start": "1", "stop": "4", "step": "0.5", "repeat": "2"}', ()),
            Sample("up to", '{"start": "5"}', ()),
        ),
    ),
    "_contrib_arange_like": Read(
        arange_like,
        neutral=_PLACE,
        samples=(
            Sample("axis", '{"axis": "1", "start": "2", "step": "0.5"}', ((2, 5),)),
            Sample("all", "{}", ((2, 5),)),
            Sample("repeated", '{"axis": "1", "repeat": "3"}', ((2, 6),)),
        ),
    ),
}
