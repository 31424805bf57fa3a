"""Reductions over axes: sum, mean, max, min, prod, norm, moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Formula, Read, Sample
from converters.mxnet.operands import number, value


def axes_of(layer: Layer, emit: Emit, data: ir.Value, name: str = "axis") -> tuple[int, ...]:
    """The axes to reduce: those named, all where none is, or all others where `exclude` is set."""
    named = cast("tuple[int, ...] | None", layer.attrs[name])
    rank = emit.rank(data)
    exclude = "exclude" in layer.attrs and layer.attrs.flag("exclude")
    if not named:
        return tuple(range(rank))
    axes = {emit.axis(data, axis) for axis in named}
    if len(axes) != len(named):
        emit.refuse(f"reduces an axis twice: {list(named)}; MXNet refuses it too")
    return tuple(axis for axis in range(rank) if (axis in axes) != exclude)


def reduce(emit: Emit, operator: str, data: ir.Value, axes: Sequence[int], *, keep: bool) -> ir.Value:
    """An ONNX reduction; MXNet has no values of rank 0, so one element is left with rank 1."""
    keep_all = keep or len(axes) == emit.rank(data)
    if not axes:
        reduced = emit("Identity", data)
    else:
        reduced = emit(operator, data, emit.constant(list(axes), "axes"), keepdims=int(keep_all))
    if keep_all and not keep:
        return emit("Reshape", reduced, emit.constant([1], "one_element"))
    return reduced


def _reader(operator: str) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = value(layer, emit, "data")
        return reduce(emit, operator, data, axes_of(layer, emit, data), keep=layer.attrs.flag("keepdims"))

    read.__doc__ = f"Reads it as {operator}."
    return read


def without_nan(layer: Layer, emit: Emit) -> ir.Value:
    """Reads nansum and nanprod: what is no number counts as 0 in a sum and as 1 in a product."""
    data = value(layer, emit, "data")
    operator, neutral = ("ReduceSum", 0) if layer.kind == "nansum" else ("ReduceProd", 1)
    known = emit("Where", emit("IsNaN", data), number(emit, data, neutral, "neutral"), data)
    return reduce(emit, operator, known, axes_of(layer, emit, data), keep=layer.attrs.flag("keepdims"))


def norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads norm as ReduceL1 or ReduceL2; without axes over all values."""
    data = value(layer, emit, "data")
    order = layer.attrs.integer("ord")
    if order not in (1, 2) or layer.attrs["out_dtype"] not in (None, "float32"):
        emit.refuse(f"ord {order} with out_dtype {layer.attrs['out_dtype']}; zoo reads ord 1 and 2 in float32")
    axes = axes_of(layer, emit, data)
    return reduce(emit, f"ReduceL{order}", data, axes, keep=layer.attrs.flag("keepdims"))


def moments(layer: Layer, emit: Emit) -> tuple[ir.Value, ir.Value]:
    """Reads moments as mean and mean of squared differences."""
    data = value(layer, emit, "data")
    axes, keep = axes_of(layer, emit, data, "axes"), layer.attrs.flag("keepdims")
    mean = emit("ReduceMean", data, emit.constant(list(axes), "all_axes"), keepdims=1)
    apart = emit("Sub", data, mean)
    variance = reduce(emit, "ReduceMean", emit("Mul", apart, apart), axes, keep=keep)
    return reduce(emit, "ReduceMean", data, axes, keep=keep), variance


def _numpy(function: Callable[..., np.ndarray], **how: object) -> Formula:
    return lambda x, _: np.atleast_1d(function(x[0], **how))


def _samples(function: Callable[..., np.ndarray]) -> tuple[Sample, ...]:
    image = ((2, 3, 4, 5),)
    return (
        Sample("all", "{}", image, formula=_numpy(function)),
        Sample("one axis", '{"axis": "1"}', image, formula=_numpy(function, axis=1)),
        Sample("two axes kept", '{"axis": "(1, -1)", "keepdims": "True"}', image,
               formula=_numpy(function, axis=(1, 3), keepdims=True)),
        Sample("all but", '{"axis": "(0, 1)", "exclude": "1"}', image, formula=_numpy(function, axis=(2, 3))),
        Sample("all axes named", '{"axis": "(0, 1)"}', ((2, 3),), formula=_numpy(function)),
    )  # fmt: skip


_ROWS: dict[str, tuple[str, Callable[..., np.ndarray]]] = {
    "max": ("ReduceMax", np.max),
    "mean": ("ReduceMean", np.mean),
    "min": ("ReduceMin", np.min),
    "prod": ("ReduceProd", np.prod),
    "sum": ("ReduceSum", np.sum),
}


def _with_nan(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    values = rng.uniform(-2, 2, (batch, 3, 4))
    values[rng.uniform(size=values.shape) < 0.3] = np.nan
    return [values]


READ = {
    **{
        kind: Read(without_nan, samples=(Sample("two axes", '{"axis": "(0, 2)"}', (), draw=_with_nan),))
        for kind in ("nansum", "nanprod")
    },
    **{kind: Read(_reader(operator), samples=_samples(function)) for kind, (operator, function) in _ROWS.items()},
    "norm": Read(
        norm,
        samples=(
            Sample("all", "{}", ((2, 3, 4),)),
            Sample("l1", '{"ord": "1", "axis": "(1,)"}', ((2, 3, 4),)),
            Sample("l2", '{"ord": "2", "axis": "(1, 2)", "keepdims": "True"}', ((2, 3, 4),)),
        ),
    ),
    "moments": Read(
        moments,
        samples=(
            Sample("spatial", '{"axes": "(2, 3)"}', ((2, 3, 4, 5),), outputs=2),
            Sample("kept", '{"axes": "(0, 2)", "keepdims": "True"}', ((2, 3, 4),), outputs=2),
        ),
    ),
}
