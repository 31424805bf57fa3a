"""SequenceMask, SequenceLast, SequenceReverse: sequences of several lengths in one batch."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import as_indices, number, value
from converters.mxnet.ops.moves import flipped


def sequence_mask(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SequenceMask as Where: steps from a sequence's length on become `value`."""
    data = value(layer, emit, "data")
    if not layer.attrs.flag("use_sequence_length"):
        return emit("Identity", data)
    axis = layer.attrs.integer("axis")
    lengths = emit("Unsqueeze", as_indices(emit, value(layer, emit, "sequence_length")), emit.constant([axis], "axes"))
    steps = np.arange(emit.size(data, axis))
    inside = emit("Less", emit.constant(steps[:, None] if axis == 0 else steps[None], "steps"), lengths)
    if emit.rank(data) > 2:
        inside = emit("Unsqueeze", inside, emit.constant(list(range(2, emit.rank(data))), "rest"))
    return emit("Where", inside, data, number(emit, data, layer.attrs.number("value"), "value"))


def sequence_last(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SequenceLast as Gather: the last step of each sequence."""
    data, axis = value(layer, emit, "data"), layer.attrs.integer("axis")
    if not layer.attrs.flag("use_sequence_length"):
        return emit("Gather", data, emit.constant(np.array(-1), "last"), axis=axis)
    lengths = as_indices(emit, value(layer, emit, "sequence_length"))
    last = emit("Unsqueeze", emit("Sub", lengths, emit.constant([1], "one")), emit.constant([1], "axes"))
    rows = data if axis == 1 else emit("Transpose", data, perm=(1, 0, *range(2, emit.rank(data))))
    return emit("GatherND", rows, last, batch_dims=1)


def sequence_reverse(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SequenceReverse as ReverseSequence along the first axis; without lengths all steps are turned round."""
    data = value(layer, emit, "data")
    if layer.attrs.integer("axis"):
        emit.refuse("turns round an axis other than the first; MXNet refuses it too")
    if not layer.attrs.flag("use_sequence_length"):
        return flipped(emit, data, [0])
    lengths = as_indices(emit, value(layer, emit, "sequence_length"))
    return emit("ReverseSequence", data, lengths, time_axis=0, batch_axis=1)


def _draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (5, batch, 3)), rng.integers(1, 6, batch)]


def _draw_batch_first(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (batch, 5, 3)), rng.integers(1, 6, batch)]


_USE = '"use_sequence_length": "True"'

READ = {
    "SequenceMask": Read(
        sequence_mask,
        neutral=("axis", "value"),
        samples=(
            Sample("steps first", f'{{{_USE}, "value": "-1"}}', (), draw=_draw),
            Sample("batch first", f'{{{_USE}, "axis": "1"}}', (), draw=_draw_batch_first),
            Sample("without lengths", "{}", ((5, 2, 3),)),
        ),
    ),
    "SequenceLast": Read(
        sequence_last,
        samples=(
            Sample("steps first", f"{{{_USE}}}", (), draw=_draw),
            Sample("batch first", f'{{{_USE}, "axis": "1"}}', (), draw=_draw_batch_first),
            Sample("without lengths", "{}", ((5, 2, 3),)),
        ),
    ),
    "SequenceReverse": Read(
        sequence_reverse,
        samples=(
            Sample("steps first", f"{{{_USE}}}", (), draw=_draw),
            Sample("without lengths", "{}", ((5, 2, 3),)),
        ),
    ),
}
