"""InstanceNorm, LayerNorm, GroupNorm, L2Normalization, LRN."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, parameter, value


def instance_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads InstanceNorm as InstanceNormalization."""
    data = value(layer, emit, "data")
    channels = (emit.size(data, 1),)
    scale, shift = (parameter(layer, emit, role, channels) for role in ("gamma", "beta"))
    return emit("InstanceNormalization", data, scale, shift, epsilon=layer.attrs.number("eps"))


def layer_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LayerNorm as LayerNormalization over one axis, brought to the end where it is not the last."""
    data = value(layer, emit, "data")
    _demand_one_output(layer, emit)
    axis, last = emit.axis(data, layer.attrs.integer("axis")), emit.rank(data) - 1
    size = (emit.size(data, axis),)
    scale, shift = (parameter(layer, emit, role, size) for role in ("gamma", "beta"))
    eps = layer.attrs.number("eps")
    if axis == last:
        return emit("LayerNormalization", data, scale, shift, axis=-1, epsilon=eps)
    order = [*(other for other in range(last + 1) if other != axis), axis]
    back = [order.index(position) for position in range(last + 1)]
    moved = emit("Transpose", data, perm=order)
    return emit("Transpose", emit("LayerNormalization", moved, scale, shift, axis=-1, epsilon=eps), perm=back)


def group_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads GroupNorm as InstanceNormalization of the groups: gamma and beta are one a group (group_norm-inl.h)."""
    data = value(layer, emit, "data")
    _demand_one_output(layer, emit)
    groups = layer.attrs.integer("num_groups")
    if groups < 1 or emit.size(data, 1) % groups:
        emit.refuse(f"{emit.size(data, 1)} channels cannot be split into {groups} groups; MXNet refuses it too")
    scale, shift = (parameter(layer, emit, role, (groups,)) for role in ("gamma", "beta"))
    dims = emit.shape(data)
    grouped = emit.reshape(data, (dims[0], groups, -1))
    normal = emit("InstanceNormalization", grouped, scale, shift, epsilon=layer.attrs.number("eps"))
    return emit.unflatten(normal, dims)


def _demand_one_output(layer: Layer, emit: Emit) -> None:
    if layer.attrs.flag("output_mean_var"):
        emit.refuse("hands out mean and deviation, which are for training", "set output_mean_var to False")


def l2_normalization(layer: Layer, emit: Emit) -> ir.Value:
    """Reads L2Normalization as x / sqrt(sum of x^2 + eps): over an instance, the channels, or the positions."""
    data = value(layer, emit, "data")
    rank, mode = emit.rank(data), layer.attrs.text("mode")
    axes = {"instance": range(1, rank), "channel": range(1, 2), "spatial": range(2, rank)}[mode]
    total = emit("ReduceSumSquare", data, emit.constant(list(axes), "axes"), keepdims=1)
    eps = number(emit, data, layer.attrs.number("eps"), "eps")
    return emit("Div", data, emit("Sqrt", emit("Add", total, eps)))


def lrn(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LRN as LRN: alpha is divided by the window's size in both."""
    attrs = layer.attrs
    size = attrs.integer("nsize")
    if size < 1 or size % 2 == 0:
        emit.refuse(f"nsize {size} is not odd; MXNet refuses it too")
    alpha, beta, bias = (attrs.number(name) for name in ("alpha", "beta", "knorm"))
    return emit("LRN", value(layer, emit, "data"), size=size, alpha=alpha, beta=beta, bias=bias)


_IMAGE = ((2, 4, 3, 5),)

READ = {
    "InstanceNorm": Read(
        instance_norm,
        samples=(
            Sample("image", "{}", _IMAGE, ((4,), (4,))),
            Sample("eps", '{"eps": "0.1"}', ((2, 4, 6),), ((4,), (4,))),
        ),
    ),
    "LayerNorm": Read(
        layer_norm,
        samples=(
            Sample("last axis", "{}", ((2, 3, 5),), ((5,), (5,))),
            Sample("middle axis", '{"axis": "1", "eps": "0.1"}', _IMAGE, ((4,), (4,))),
        ),
    ),
    "GroupNorm": Read(
        group_norm,
        samples=(
            Sample("two groups", '{"num_groups": "2", "eps": "0.01"}', _IMAGE, ((2,), (2,))),
            Sample("one group", "{}", _IMAGE, ((1,), (1,))),
        ),
    ),
    "L2Normalization": Read(
        l2_normalization,
        samples=(
            Sample("instance", "{}", _IMAGE),
            Sample("channel", '{"mode": "channel", "eps": "0.1"}', _IMAGE),
            Sample("spatial", '{"mode": "spatial"}', _IMAGE),
        ),
    ),
    "LRN": Read(
        lrn,
        samples=(
            Sample("five", '{"nsize": "5", "alpha": "0.5", "beta": "0.6", "knorm": "1.5"}', ((2, 8, 3, 5),)),
            Sample("defaults", '{"nsize": "3"}', _IMAGE),
        ),
    ),
}
