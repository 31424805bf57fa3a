"""Correlation: how alike two maps are at every displacement (FlowNet)."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value

_MOST = 4096  # displacements, three nodes each


def correlation(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Correlation as a product (or distance) of slices for each displacement, averaged over windows.

    Windows begin at max_displacement, not at their centre, and rows of displacements vary slower (correlation.cc).
    """
    attrs, pair = layer.attrs, [value(layer, emit, name) for name in ("data1", "data2")]
    kernel, reach = attrs.integer("kernel_size"), attrs.integer("max_displacement")
    step, gap, pad = (attrs.integer(name) for name in ("stride1", "stride2", "pad_size"))
    if kernel < 1 or kernel % 2 == 0 or min(step, gap) < 1:
        emit.refuse(f"kernel_size {kernel} with strides {step} and {gap}; MXNet refuses it too")
    sides = [size + 2 * pad for size in emit.sizes(pair[0], 2)]
    counts = [-(-(side - 2 * (reach + kernel // 2)) // step) for side in sides]
    shifts = [place * gap for place in range(-(reach // gap), reach // gap + 1)]
    if len(sides) != 2 or min(counts) < 1 or len(shifts) ** 2 > _MOST:
        emit.refuse(f"{len(shifts) ** 2} displacements over {sides}; zoo reads up to {_MOST} inside the image")
    spans = [(count - 1) * step + kernel for count in counts]
    pads = emit.constant([0, 0, pad, pad, 0, 0, pad, pad], "pads")
    first, second = (emit("Pad", data, pads, number(emit, data, 0, "zero")) if pad else data for data in pair)
    centre = _cut(emit, first, (reach, reach), spans)
    maps = [
        _compared(
            emit, centre, _cut(emit, second, (reach + down, reach + across), spans), multiply=attrs.flag("is_multiply")
        )
        for down in shifts
        for across in shifts
    ]
    whole = emit("Concat", *maps, axis=1) if len(maps) > 1 else maps[0]
    if kernel == step == 1:
        return whole
    return emit("AveragePool", whole, kernel_shape=(kernel, kernel), strides=(step, step))


def _cut(emit: Emit, data: ir.Value, start: tuple[int, int], spans: list[int]) -> ir.Value:
    ends = [begin + span for begin, span in zip(start, spans, strict=True)]
    return emit("Slice", data, *(emit.constant(list(item), "cut") for item in (start, ends, (2, 3))))


def _compared(emit: Emit, one: ir.Value, other: ir.Value, *, multiply: bool) -> ir.Value:
    both = emit("Mul", one, other) if multiply else emit("Abs", emit("Sub", one, other))
    return emit("ReduceMean", both, emit.constant([1], "channels"), keepdims=1)


_PAIR = ((2, 3, 9, 11), (2, 3, 9, 11))

READ = {
    "Correlation": Read(
        correlation,
        samples=(
            Sample("windows",
                   '{"kernel_size": "3", "max_displacement": "2", "stride1": "2", "stride2": "1", "pad_size": "2"}',
                   _PAIR),
            Sample("distances", '{"max_displacement": "4", "stride2": "2", "pad_size": "4", "is_multiply": "False"}',
                   _PAIR),
        ),
    ),
}  # fmt: skip
