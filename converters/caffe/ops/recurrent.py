"""RNN and LSTM: unrolled over the steps of the declared input, because `cont` may restart a stream at any step."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.weights import Weight

MAX_STEPS = 1024


def lstm(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads LSTM as a chain of Gemm, Sigmoid and Tanh a step; gates lie in the order i, f, o, g (lstm_unit_layer.cpp).

    Blobs: input weights [4D, I], bias [4D], with a static input its weights [4D, S], hidden weights [4D, D].
    Caffe carries its state from one run to the next where cont is 1 in the first step; ONNX starts from zeros.
    """
    steps, cont, hidden_size, exposed = _prepared(layer, emit, states=2)
    recurrent = _weight(layer, emit, len(emit.inputs) - exposed * 2, "hidden", (4 * hidden_size, hidden_size))
    hidden, cell = emit.inputs[-2:] if exposed else (None, None)
    hidden, cell = (_state(emit, value) for value in (hidden, cell))
    outputs = []
    for step, going in zip(steps, cont, strict=True):
        gates = step if hidden is None else emit("Add", step, emit("MatMul", emit("Mul", hidden, going), recurrent))
        i, f, o, g = emit.several(4, "Split", gates, emit.constant([hidden_size] * 4, "gates"), axis=1)
        fresh = emit("Mul", emit("Sigmoid", i), emit("Tanh", g))
        if cell is not None:
            kept = emit("Mul", emit("Mul", emit("Sigmoid", f), cell), going)
            fresh = emit("Add", kept, fresh)
        cell = fresh
        hidden = emit("Mul", emit("Sigmoid", o), emit("Tanh", cell))
        outputs.append(hidden)
    top = _stacked(emit, outputs)
    return [top, *(_leading(emit, state) for state in (hidden, cell) if state)] if exposed else top


def lstm_unit(layer: Layer, emit: Emit) -> list[ir.Value]:
    """Reads LSTMUnit, one step of an LSTM, as Sigmoid, Tanh, Mul and Add: cell, gates and cont to cell and hidden."""
    cell, gates, cont = emit.inputs
    size = emit.size(cell, 2)
    i, f, o, g = emit.several(4, "Split", gates, emit.constant([size] * 4, "gates"), axis=2)
    going = emit("Unsqueeze", cont, emit.constant([2], "axis"))
    kept = emit("Mul", emit("Mul", emit("Sigmoid", f), going), cell)
    fresh = emit("Add", kept, emit("Mul", emit("Sigmoid", i), emit("Tanh", g)))
    return [fresh, emit("Mul", emit("Sigmoid", o), emit("Tanh", fresh))]


def rnn(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads RNN as Gemm and Tanh a step: h = tanh(W_hh h + W_xh x + b), o = tanh(W_ho h + b_o) (rnn_layer.cpp).

    Blobs: input weights [D, I], bias [D], with a static input its weights [D, S], hidden weights [D, D], output
    weights [D, D], output bias [D].
    """
    steps, cont, size, exposed = _prepared(layer, emit, states=1)
    first = len(emit.inputs) - exposed
    recurrent = _weight(layer, emit, first, "hidden", (size, size))
    out = _weight(layer, emit, first + 1, "output", (size, size))
    bias = emit.weight(first + 2, (size,), role="output_bias", fill=_filler(layer, "bias_filler", (size,)))
    hidden = _state(emit, emit.inputs[-1] if exposed else None)
    outputs = []
    for step, going in zip(steps, cont, strict=True):
        total = step if hidden is None else emit("Add", step, emit("MatMul", emit("Mul", hidden, going), recurrent))
        hidden = emit("Tanh", total)
        outputs.append(emit("Tanh", emit("Add", emit("MatMul", hidden, out), bias)))
    top = _stacked(emit, outputs)
    return [top, _leading(emit, hidden)] if exposed and hidden else top


def _prepared(layer: Layer, emit: Emit, states: int) -> tuple[list[ir.Value], list[ir.Value], int, int]:
    """What the input adds to the gates of each step, whether the step goes on, D, and whether states are tops."""
    size, exposed = layer.attrs.integer("num_output"), int(layer.attrs.flag("expose_hidden"))
    data, cont = emit.inputs[:2]
    count, streams = emit.size(data, 0), emit.size(data, 1)
    if not 1 <= count <= MAX_STEPS or size < 1:
        emit.refuse(f"{count} steps of {size} values cannot be unrolled; the limit is {MAX_STEPS} steps")
    emit.note(f"unrolled over {count} steps; the state before the first one is zero")
    wide = size * (4 if states == 2 else 1)
    inner = int(np.prod(emit.sizes(data, 2)))
    flat = emit("Reshape", data, emit.constant([count * streams, inner], "rows"))
    shape = (wide, inner)
    weights = emit.weight(0, shape, role="input", fill=_filler(layer, "weight_filler", shape))
    bias = emit.weight(1, (wide,), role="bias", fill=_filler(layer, "bias_filler", (wide,)))
    gates = emit("Gemm", flat, weights, bias, transB=1)
    gates = emit("Reshape", gates, emit.constant([count, streams, wide], "steps"))
    if len(emit.inputs) - 2 - exposed * states:
        static = emit("Flatten", emit.inputs[2], axis=1)
        shape = (wide, emit.size(static, 1))
        gates = emit("Add", gates, emit("MatMul", static, _weight(layer, emit, 2, "static", shape)))
    steps = _parted(emit, gates, count)
    going = _parted(emit, emit("Reshape", cont, emit.constant([count, streams, 1], "cont")), count)
    return steps, going, size, exposed


def _weight(layer: Layer, emit: Emit, key: int, role: str, shape: tuple[int, int]) -> ir.Value:
    """The blob [out, in], transposed for MatMul."""
    return emit(
        "Transpose", emit.weight(key, shape, role=role, fill=_filler(layer, "weight_filler", shape)), perm=[1, 0]
    )


def _filler(layer: Layer, name: str, shape: tuple[int, ...]) -> Weight | None:
    return fill(layer.attrs.record(name), shape)


def _parted(emit: Emit, value: ir.Value, count: int) -> list[ir.Value]:
    """One value a step, without the axis of steps."""
    parts = emit.several(count, "Split", value, emit.constant([1] * count, "ones"), axis=0) if count > 1 else (value,)
    return [emit("Squeeze", part, emit.constant([0], "axis")) for part in parts]


def _state(emit: Emit, value: ir.Value | None) -> ir.Value | None:
    return None if value is None else emit("Squeeze", value, emit.constant([0], "axis"))


def _leading(emit: Emit, value: ir.Value) -> ir.Value:
    return emit("Unsqueeze", value, emit.constant([0], "axis"))


def _stacked(emit: Emit, values: list[ir.Value]) -> ir.Value:
    return emit("Concat", *(_leading(emit, value) for value in values), axis=0)


_LSTM = (
    Sample(
        "three steps, two streams",
        "recurrent_param { num_output: 4 }",
        ((3, 2, 5), (3, 2)),
        ((16, 5), (16,), (16, 4)),
        values=(0, 1),
    ),
    Sample(
        "static input",
        "recurrent_param { num_output: 3 }",
        ((2, 3, 2, 2), (2, 3), (3, 6)),
        ((12, 4), (12,), (12, 6), (12, 3)),
        values=(0, 1),
    ),
    Sample(
        "states shown",
        "recurrent_param { num_output: 3 expose_hidden: true }",
        ((2, 4, 5), (2, 4), (1, 4, 3), (1, 4, 3)),
        ((12, 5), (12,), (12, 3)),
        outputs=3,
        values=(0, 1),
    ),
)

_RNN = (
    Sample(
        "three steps, two streams",
        "recurrent_param { num_output: 4 }",
        ((3, 2, 5), (3, 2)),
        ((4, 5), (4,), (4, 4), (4, 4), (4,)),
        values=(0, 1),
    ),
)

_NEUTRAL = ("bias_filler", "weight_filler", "debug_info")

_UNIT = (Sample("two streams", "", ((1, 2, 4), (1, 2, 16), (1, 2)), outputs=2, values=(0, 1), batched=False),)

READ = {
    "LSTM": Read(lstm, neutral=_NEUTRAL, samples=_LSTM),
    "LSTMUnit": Read(lstm_unit, samples=_UNIT),
    "RNN": Read(rnn, neutral=_NEUTRAL, samples=_RNN),
}
