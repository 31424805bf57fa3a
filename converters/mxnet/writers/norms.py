"""Normalisations and softmax."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import FLOATS, Assembly, present


def batch_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes BatchNormalization as BatchNorm with fix_gamma off."""
    attrs = match.attrs[0]
    if attrs.flag("training_mode") or len(match.outputs) > 1:
        raise Declined("it normalises by the batch's own statistics, as in training")
    eps = repr(attrs.number("epsilon"))
    operands = [present(match.operand(slot), "statistics") for slot in range(5)]
    if any(not view.is_constant(value) for value in operands[3:]):
        return _normalised(match, view, operands, eps)
    assembly = Assembly(match, view)
    assembly.add("BatchNorm", *operands, eps=eps, fix_gamma=False, use_global_stats=True)
    return assembly.layers


def _normalised(match: Match, view: View, operands: Sequence[ir.Value], eps: str) -> Sequence[Layer]:
    """By the formula: MXNet's BatchNorm wants its statistics stored."""
    assembly, data = Assembly(match, view), operands[0]
    column = (1, -1, *(1,) * (view.rank(data) - 2))
    scale, shift, mean, variance = (
        assembly.add("Reshape", value, role=role, shape=column)
        for role, value in zip(("scale", "shift", "mean", "variance"), operands[1:], strict=True)
    )
    spread = assembly.add("rsqrt", assembly.add("_plus_scalar", variance, role="eps", scalar=eps), role="deviation")
    centred = assembly.add("broadcast_sub", data, mean, role="centred")
    unit = assembly.add("broadcast_mul", centred, spread, role="unit")
    assembly.add("broadcast_add", assembly.add("broadcast_mul", unit, scale, role="scaled"), shift)
    return assembly.layers


def instance_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes InstanceNormalization as InstanceNorm."""
    assembly = Assembly(match, view)
    operands = [present(match.operand(slot), "scale") for slot in range(3)]
    assembly.add("InstanceNorm", *operands, eps=repr(match.attrs[0].number("epsilon")))
    return assembly.layers


def layer_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes LayerNormalization over the last axis as LayerNorm, over several by its formula."""
    attrs, data = match.attrs[0], present(match.operand(0), "data")
    eps, first = repr(attrs.number("epsilon")), view.axis(data, attrs.integer("axis"))
    axes = tuple(range(first, view.rank(data)))
    scale, shift = present(match.operand(1), "scale"), match.operand(2)
    assembly = Assembly(match, view)
    if len(axes) == 1 and len(match.outputs) == 1 and shift is not None and view.rank(scale) == 1:
        assembly.add("LayerNorm", data, scale, shift, axis=-1, eps=eps)
        return assembly.layers
    outputs = [str(value.name) if len(match.outputs) > place else "" for place, value in enumerate(match.outputs)]
    outputs += [""] * (3 - len(outputs))
    mean = assembly.add("mean", data, role="mean", axis=axes, keepdims=True, output=outputs[1])
    centred = assembly.add("broadcast_sub", data, mean, role="centred")
    square = assembly.add("mean", assembly.add("square", centred, role="square"), role="variance", axis=axes,
                          keepdims=True)  # fmt: skip
    steady = assembly.add("_plus_scalar", square, role="eps", scalar=eps)
    deviation = assembly.add("rsqrt", steady, role="deviation", output=outputs[2])
    unit = assembly.add("broadcast_mul", centred, deviation, role="unit")
    scaled = assembly.add("broadcast_mul", unit, scale, role="scaled" if shift is not None else "")
    if shift is not None:
        assembly.add("broadcast_add", scaled, shift)
    return assembly.layers


def lp_normalised(match: Match, view: View) -> Sequence[Layer]:
    """Writes LpNormalization: the data over its norm along an axis, and 0 where that is 0."""
    assembly, attrs, data = Assembly(match, view), match.attrs[0], match.inputs[0]
    axis = view.axis(data, attrs.integer("axis"))
    size = assembly.add("norm", data, role="norm", ord=attrs.integer("p"), axis=axis, keepdims=True)
    nothing = assembly.add("_equal_scalar", size, role="nothing", scalar="0.0")
    assembly.add("broadcast_div", data, assembly.add("broadcast_add", size, nothing, role="divisor"))
    return assembly.layers


def lrn(match: Match, view: View) -> Sequence[Layer]:
    """Writes LRN as LRN; alpha is divided by the size in both."""
    attrs = match.attrs[0]
    size = attrs.integer("size")
    if size % 2 == 0:
        raise Declined(f"its size {size} is even; MXNet's must be odd")
    numbers = {
        name: repr(attrs.number(theirs)) for name, theirs in (("alpha", "alpha"), ("beta", "beta"), ("knorm", "bias"))
    }
    return [match.layer("LRN", {"nsize": size, **numbers})]


def softmax(match: Match, view: View) -> Sequence[Layer]:
    """Writes Softmax and LogSoftmax along their axis."""
    kind = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[match.nodes[0].op_type]
    return [match.layer(kind, {"axis": match.attrs[0].integer("axis")})]


_IMAGE = ((2, 4, 3, 5),)

WRITE = (
    Write(
        batch_norm,
        ("BatchNormalization",),
        neutral=("momentum",),
        samples=(
            Sample("image", "out0 = BatchNormalization<epsilon = 0.001>(in0, w0, w1, w2, w3)", _IMAGE, ((4,),) * 4,
                   positive=(3,)),
            Sample("computed statistics", "v = Abs(in1)\nout0 = BatchNormalization(in0, w0, w1, w2, v)",
                   (*_IMAGE, (4,)), ((4,),) * 3),
            Sample("rows", "out0 = BatchNormalization(in0, w0, w1, w2, w3)", ((2, 4),), ((4,),) * 4, positive=(3,)),
        ),
    ),
    Write(
        instance_norm,
        ("InstanceNormalization",),
        samples=(Sample("image", "out0 = InstanceNormalization<epsilon = 0.01>(in0, w0, w1)", _IMAGE, ((4,), (4,))),),
    ),
    Write(
        layer_norm,
        ("LayerNormalization",),
        neutral=("stash_type",),
        dtypes=FLOATS,
        samples=(
            Sample("last axis", "out0 = LayerNormalization<epsilon = 0.01>(in0, w0, w1)", _IMAGE, ((5,), (5,))),
            Sample("without shift", "out0 = LayerNormalization(in0, w0)", _IMAGE, ((5,),)),
            Sample("two axes, all outputs", "out0, out1, out2 = LayerNormalization<axis = 2>(in0, w0, w1)", _IMAGE,
                   ((3, 5), (3, 5)), outputs=3),
        ),
    ),
    Write(
        lp_normalised,
        ("LpNormalization",),
        samples=(
            Sample("of order 1", "out0 = LpNormalization<axis = 1, p = 1>(in0)", _IMAGE),
            Sample("of order 2", "r = Relu(in0)\nout0 = LpNormalization(r)", _IMAGE),
        ),
    ),
    Write(
        lrn,
        ("LRN",),
        samples=(Sample("three", "out0 = LRN<size = 3, alpha = 0.5, beta = 0.6, bias = 1.5>(in0)", _IMAGE),),
    ),
    Write(
        softmax,
        ("Softmax",),
        dtypes=FLOATS,
        samples=(
            Sample("last axis", "out0 = Softmax(in0)", _IMAGE),
            Sample("axis 1", "out0 = Softmax<axis = 1>(in0)", _IMAGE),
        ),
    ),
    Write(softmax, ("LogSoftmax",), samples=(Sample("axis 1", "out0 = LogSoftmax<axis = 1>(in0)", _IMAGE),)),
)  # fmt: skip
