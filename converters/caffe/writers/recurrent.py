"""LSTM: Caffe's own layer a direction; time that runs backwards is cut into steps and joined in the other order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.caffe.writers.joints import parameter
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ArrayWeight, ComputedWeight, Weight

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
_GATES = [0, 2, 1, 3]
"""Where Caffe's gates i, f, o, g (lstm_unit_layer.cpp) lie among ONNX's i, o, f, c."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Steps, streams and hidden values of one LSTM."""

    steps: int
    streams: int
    hidden: int


def lstm(match: Match, view: View) -> Sequence[Layer]:
    """Writes LSTM as LSTM, its `cont` a Parameter: 0 in the first step, or 1 where ONNX gives the states to start from.

    Caffe's activations are sigmoid and tanh, it has no peepholes, and every stream has as many steps.
    """
    attrs, data = match.attrs[0], match.inputs[0]
    backwards = _DIRECTIONS.get(attrs.text("direction"))
    if backwards is None:
        raise Declined(f"its direction is {attrs.text('direction')}")
    _demand_plain(match, view, len(backwards))
    steps, streams, _ = view.sizes(data)
    sizes = _Sizes(steps, streams, attrs.integer("hidden_size"))
    started, starts = _starts(match, view, len(backwards))
    shown = bool(starts) or any(_is_read(value) for value in match.nodes[0].outputs[1:])
    layers = [*started, _constant(match, "cont", _cont(sizes, going=bool(starts)))]
    if shown and not starts:
        zero = np.zeros((1, sizes.streams, sizes.hidden), np.float32)
        layers.append(_constant(match, "zero", zero))
        starts = [(f"{match.name}/zero",) * 2 for _ in backwards]
    tops = []
    for position, back in enumerate(backwards):
        role = ("reverse" if back else "forward") if len(backwards) > 1 else ""
        made, names = _direction(match, view, sizes, (position, back), (role, starts[position] if shown else ()))
        layers += made
        tops.append(names)
    return [*layers, *_joined(match, sizes, tops)]


def _demand_plain(match: Match, view: View, count: int) -> None:
    """Declines what Caffe's LSTM has no words for."""
    attrs = match.attrs[0]
    wanted = ("Sigmoid", "Tanh", "Tanh") * count
    if attrs.flag("layout"):
        raise Declined("its batch comes before its steps (layout 1); Caffe's steps come first")
    if attrs.get("activations") not in (None, (), wanted):
        raise Declined(f"its activations are {attrs['activations']}; Caffe's are Sigmoid, Tanh, Tanh")
    if attrs.get("clip") is not None or attrs.flag("input_forget"):
        raise Declined("it clips its gates or couples two of them; Caffe does neither")
    lengths, peepholes = match.operand(4), match.operand(7)
    steps = view.sizes(match.inputs[0])[0]
    if lengths is not None and (not view.is_constant(lengths) or set(view.integers(lengths)) != {steps}):
        raise Declined("its streams may have different numbers of steps (sequence_lens)")
    if peepholes is not None and (not view.is_constant(peepholes) or np.any(view.numbers(peepholes))):
        raise Declined("it has peepholes; Caffe's LSTM has none")


def _starts(match: Match, view: View, count: int) -> tuple[list[Layer], list[tuple[str, ...]]]:
    """Names of the hidden and the cell state that each direction starts from; none where ONNX starts from zero."""
    layers: list[Layer] = []
    names: list[list[str]] = []
    for role, slot in (("hidden", 5), ("cell", 6)):
        value = match.operand(slot)
        if value is None:
            continue
        stored = view.is_constant(value)
        name = f"{match.name}/{role}" if stored else str(value.name)
        if stored:
            layers.append(parameter(match, view, value, name, role=role))
        parts = [f"{match.name}/{role}{position}" for position in range(count)] if count > 1 else [name]
        if count > 1:
            layers.append(match.layer("Slice", {"axis": 0}, inputs=[name], outputs=parts, role=f"{role}s"))
        names.append(parts)
    if len(names) == 1:
        raise Declined("it is given one state to start from, of two")
    return layers, list(zip(*names, strict=True))


def _direction(
    match: Match, view: View, sizes: _Sizes, which: tuple[int, bool], told: tuple[str, Sequence[str]]
) -> tuple[list[Layer], list[str]]:
    """The layers of one direction, and the names of its tops: all steps, and with states the last hidden and cell."""
    (position, back), (role, starts) = which, told
    stem = f"{match.name}/{role or 'lstm'}"
    data, top = str(match.inputs[0].name), f"{stem}/out"
    turn = back and sizes.steps > 1
    layers = _reversed(match, sizes, data, f"{stem}/turned", "turned") if turn else []
    weights = dict(enumerate(_weights(match, view, position, sizes.hidden)))
    fields: dict[str, object] = {"num_output": sizes.hidden}
    if starts:
        fields["expose_hidden"] = True
    bottoms = [f"{stem}/turned" if turn else data, f"{match.name}/cont", *starts]
    tops = [f"{stem}/steps" if turn else top, *((f"{stem}/hidden", f"{stem}/cell") if starts else ())]
    layers.append(match.layer("LSTM", fields, weights, inputs=bottoms, outputs=tops, role=role))
    layers += _reversed(match, sizes, tops[0], top, "turned_back") if turn else []
    return layers, [top, *tops[1:]]


def _reversed(match: Match, sizes: _Sizes, data: str, out: str, role: str) -> list[Layer]:
    steps = [f"{out}/{step}" for step in range(sizes.steps)]
    return [
        match.layer("Slice", {"axis": 0}, inputs=[data], outputs=steps, role=f"{role}/steps"),
        match.layer("Concat", {"axis": 0}, inputs=steps[::-1], outputs=[out], role=role),
    ]


def _weights(match: Match, view: View, position: int, hidden: int) -> tuple[Weight, Weight, Weight]:
    """Input weights [4H, I], bias [4H], hidden weights [4H, H] of one direction."""
    given, recurrent = view.weight(match.operand(1), "weights"), view.weight(match.operand(2), "recurrent weights")
    bias = match.operand(3)
    both = view.weight(bias, "bias") if bias is not None else None
    if recurrent.shape[1:] != (4 * hidden, hidden):
        raise Declined(f"its recurrent weights {list(recurrent.shape)} are not of {hidden} hidden values")

    def ordered(weight: Weight) -> Weight:
        def compute() -> np.ndarray:
            return _by_gate(weight.array()[position], hidden)

        return ComputedWeight(weight.shape[1:], weight.dtype, compute)

    def summed() -> np.ndarray:
        if both is None:
            return np.zeros(4 * hidden, np.float32)
        found = both.array()[position]
        return _by_gate(found[: 4 * hidden] + found[4 * hidden :], hidden)

    return ordered(given), ComputedWeight((4 * hidden,), np.dtype("<f4"), summed), ordered(recurrent)


def _by_gate(array: np.ndarray, hidden: int) -> np.ndarray:
    return array.reshape(4, hidden, -1)[_GATES].reshape(array.shape)


def _joined(match: Match, sizes: _Sizes, tops: Sequence[Sequence[str]]) -> list[Layer]:
    """ONNX's three outputs from the directions' tops: [T, D, N, H], and [D, N, H] twice."""
    shape = {"shape": {"dim": (sizes.steps, 1, sizes.streams, sizes.hidden)}}
    out, *states = match.nodes[0].outputs
    layers: list[Layer] = []
    if len(tops) == 1:
        layers.append(match.layer("Reshape", shape, inputs=[tops[0][0]], outputs=[out], role="directions"))
    else:
        parts = [f"{top[0]}/direction" for top in tops]
        layers += [
            match.layer("Reshape", shape, inputs=[top[0]], outputs=[part], role=f"directions{position}")
            for position, (top, part) in enumerate(zip(tops, parts, strict=True))
        ]
        layers.append(match.layer("Concat", inputs=parts, outputs=[out], role="directions"))
    for slot, value in enumerate(states, start=1):
        if _is_read(value):
            given = [top[slot] for top in tops]
            kind, axis = ("Split", None) if len(tops) == 1 else ("Concat", {"axis": 0})
            layers.append(match.layer(kind, axis, inputs=given, outputs=[value], role=f"last{slot}"))
    return layers


def _cont(sizes: _Sizes, *, going: bool) -> np.ndarray:
    """1 where a step goes on from the one before."""
    cont = np.ones((sizes.steps, sizes.streams), np.float32)
    cont[0] = float(going)
    return cont


def _constant(match: Match, role: str, array: np.ndarray) -> Layer:
    shape = {"shape": {"dim": array.shape}}
    weights = {0: ArrayWeight(array)}
    return match.layer("Parameter", shape, weights, inputs=[], outputs=[f"{match.name}/{role}"], role=role)


def _is_read(value: ir.Value) -> bool:
    return bool(value.name) and (bool(value.uses()) or value.is_graph_output())


_IN = ((3, 2, 5),)
_ONE = ((1, 16, 5), (1, 16, 4), (1, 32))
_TWO = ((2, 16, 5), (2, 16, 4), (2, 32))

WRITE = (
    Write(
        lstm,
        ("LSTM",),
        samples=(
            Sample("forward", "out0 = LSTM<hidden_size = 4>(in0, w0, w1, w2)", _IN, _ONE),
            Sample("without bias", "out0 = LSTM<hidden_size = 4>(in0, w0, w1)", _IN, _ONE[:2]),
            Sample("reverse", 'out0 = LSTM<hidden_size = 4, direction = "reverse">(in0, w0, w1, w2)', _IN, _ONE),
            Sample(
                "both directions",
                'out0 = LSTM<hidden_size = 4, direction = "bidirectional">(in0, w0, w1, w2)',
                _IN,
                _TWO,
            ),
            Sample(
                "last states",
                "out0, out1, out2 = LSTM<hidden_size = 4>(in0, w0, w1, w2)",
                _IN,
                _ONE,
                outputs=3,
            ),
            Sample(
                "the last hidden state alone, both directions",
                'a, out0 = LSTM<hidden_size = 4, direction = "bidirectional">(in0, w0, w1, w2)',
                _IN,
                _TWO,
            ),
            Sample(
                "states to start from",
                "out0, out1, out2 = LSTM<hidden_size = 4>(in0, w0, w1, w2, , in1, in2)",
                (*_IN, (1, 2, 4), (1, 2, 4)),
                _ONE,
                outputs=3,
            ),
            Sample(
                "stored states to start from, both directions",
                'out0, out1 = LSTM<hidden_size = 4, direction = "bidirectional">(in0, w0, w1, w2, , w3, w4)',
                _IN,
                (*_TWO, (2, 2, 4), (2, 2, 4)),
                outputs=2,
            ),
        ),
    ),
)
