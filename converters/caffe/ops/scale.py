"""Scale and Bias: a factor and a shift over a run of axes, learned or taken from a second bottom."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer
from converters.hub.optable import Read, Sample


def scale(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Scale as Mul, and as Mul and Add with `bias_term`."""
    attrs = layer.attrs
    factor = _operand(layer, emit, 0, "scale", 1.0)
    result = emit("Mul", emit.inputs[0], factor)
    if attrs.flag("bias_term"):
        key = 2 - len(emit.inputs)  # with two bottoms the shift is the only blob
        shape, view = _shapes(layer, emit)
        result = emit(
            "Add",
            result,
            emit.weight(key, shape, role="shift", view=view, fill=fill(attrs.record("bias_filler"), shape)),
        )
    return result


def bias(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Bias as Add."""
    return emit("Add", emit.inputs[0], _operand(layer, emit, 0, "shift", 0.0))


def _operand(layer: Layer, emit: Emit, key: int, role: str, default: float) -> ir.Value:
    """The learned blob, or the second bottom, with ones behind so that it lies along its axes."""
    if len(emit.inputs) == 1:
        shape, view = _shapes(layer, emit)
        return emit.weight(key, shape, role=role, view=view, fill=fill(layer.attrs.record("filler"), shape, default))
    data, second = emit.inputs
    axis = emit.axis(data, layer.attrs.integer("axis"))
    before = emit.shape(data)
    dims = emit.shape(second)
    if dims != before[axis : axis + len(dims)]:
        emit.refuse(f"its second bottom {list(dims)} does not lie along axis {axis} of {list(before)}")
    return _with_ones(emit, second, dims, len(before) - axis - len(dims))


def _with_ones(emit: Emit, value: ir.Value, dims: tuple[Dim, ...], count: int) -> ir.Value:
    return emit.reshape(value, (*dims, *(1,) * count)) if count else value


def _shapes(layer: Layer, emit: Emit) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The blob's shape, and the same with ones behind that broadcasts over the input."""
    data = emit.inputs[0]
    attrs = layer.attrs
    if len(emit.inputs) == 2:
        axis = emit.axis(data, attrs.integer("axis"))
        count = emit.rank(emit.inputs[1])
    else:
        axis = emit.axis(data, attrs.integer("axis"))
        count = attrs.integer("num_axes")
        count = emit.rank(data) - axis if count == -1 else count
    if axis + count > emit.rank(data):
        emit.refuse(f"num_axes {count} from axis {axis} on is more than its input has")
    shape = tuple(emit.size(data, position) for position in range(axis, axis + count))
    behind = emit.rank(data) - axis - count
    return shape, shape + (1,) * behind


_SCALE = (
    Sample("per channel", "", ((2, 3, 4, 5),), ((3,),)),
    Sample("with shift", "scale_param { bias_term: true }", ((2, 3, 4, 5),), ((3,), (3,))),
    Sample(
        "axis 2, two axes", "scale_param { axis: 2 num_axes: 2 bias_term: true }", ((2, 3, 4, 5),), ((4, 5), (4, 5))
    ),
    Sample("axis 1 to the end", "scale_param { num_axes: -1 }", ((2, 3, 4),), ((3, 4),)),
    Sample("scalar", "scale_param { num_axes: 0 bias_term: true }", ((2, 3, 4),), ((), ())),
    Sample("last axis", "scale_param { axis: -1 }", ((2, 3, 4, 5),), ((5,),)),
    Sample("two bottoms", "scale_param { axis: 0 }", ((2, 3, 4, 5), (2, 3))),
    Sample("two bottoms with shift", "scale_param { axis: 1 bias_term: true }", ((2, 3, 4, 5), (3, 4)), ((3, 4),)),
)

_BIAS = (
    Sample("per channel", "", ((2, 3, 4, 5),), ((3,),)),
    Sample("axis 2", "bias_param { axis: 2 num_axes: 1 }", ((2, 3, 4, 5),), ((4,),)),
    Sample("two bottoms", "bias_param { axis: 0 }", ((2, 3, 4, 5), (2, 3))),
)

READ = {
    "Scale": Read(scale, neutral=("filler", "bias_filler", "num_axes"), samples=_SCALE),
    "Bias": Read(bias, neutral=("filler", "num_axes"), samples=_BIAS),
}
