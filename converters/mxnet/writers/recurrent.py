"""LSTM, GRU and RNN as MXNet's RNN, whose parameters lie in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand, present
from converters.weights import ArrayWeight, ComputedWeight, Weight


@dataclass(frozen=True, slots=True)
class _Cell:
    """MXNet's mode, ONNX's gates in MXNet's order, and the activations that MXNet has built in."""

    mode: str
    gates: tuple[int, ...]
    activations: tuple[str, ...]


_CELLS: Mapping[str, tuple[_Cell, ...]] = {
    "LSTM": (_Cell("lstm", (0, 2, 3, 1), ("Sigmoid", "Tanh", "Tanh")),),
    "GRU": (_Cell("gru", (1, 0, 2), ("Sigmoid", "Tanh")),),
    "RNN": (_Cell("rnn_tanh", (0,), ("Tanh",)), _Cell("rnn_relu", (0,), ("Relu",))),
}


def recurrent(match: Match, view: View) -> Sequence[Layer]:
    """Writes LSTM, GRU and RNN as RNN; steps from the end, and batches in front, are turned round before and after."""
    assembly, attrs = Assembly(match, view), match.attrs[0]
    cell, ways, batch_first = _cell(match, view), 1 + (attrs.text("direction") == "bidirectional"), attrs["layout"] == 1
    backward = attrs.text("direction") == "reverse"
    data: Operand = present(match.operand(0), "data")
    batch = view.shape(match.inputs[0])[0 if batch_first else 1]
    hidden = view.sizes(present(match.operand(2), "weight"))[2]
    if batch_first:
        data = assembly.add("transpose", data, role="steps", axes=(1, 0, 2))
    if backward:
        data = assembly.add("reverse", data, role="backward", axis=0)
    states: list[Operand] = []
    for slot, role in ((5, "state"), (6, "cell"))[: 2 if cell.mode == "lstm" else 1]:
        given = match.operand(slot)
        if given is None:
            shape = (ways, batch if isinstance(batch, int) else 0, hidden)
            states.append(assembly.add("_zeros", role=role, shape=shape))
        else:
            states.append(assembly.add("transpose", given, role=role, axes=(1, 0, 2)) if batch_first else given)
    spec = {"mode": cell.mode, "state_size": hidden, "num_layers": 1, "bidirectional": ways == 2, "state_outputs": True}
    whole, *last = assembly.several(
        len(states) + 1, "RNN", data, _parameters(assembly, match, view, cell, ways), *states, role="cells", **spec
    )
    _hand_out(assembly, match, whole, last, (ways, hidden), batch_first=batch_first, backward=backward)
    return assembly.layers


def _cell(match: Match, view: View) -> _Cell:
    """The mode; declines what MXNet's cells cannot be told."""
    attrs, kind = match.attrs[0], match.nodes[0].op_type
    ways = 1 + (attrs.text("direction") == "bidirectional")
    lengths = match.operand(4)
    asked = [name for name in ("clip", "input_forget", "activation_alpha", "activation_beta") if attrs.get(name)]
    if kind == "GRU" and not attrs.flag("linear_before_reset"):
        asked.append("linear_before_reset = 0")
    if lengths is not None:
        steps = view.shape(match.inputs[0])[0 if attrs["layout"] == 1 else 1]
        if not view.is_constant(lengths) or set(view.integers(lengths)) != {steps}:
            asked.append("sequence_lens")
    if match.operand(7) is not None:
        asked.append("peepholes")
    attrs.integer("hidden_size")
    stated = cast("tuple[str, ...]", attrs["activations"] or ())  # ONNX's default for RNN names both ways always
    names = stated[: len(_CELLS[kind][0].activations) * ways] or _CELLS[kind][0].activations * ways
    found = next((cell for cell in _CELLS[kind] if cell.activations * ways == names), None)
    if asked or found is None:
        raise Declined(f"{', '.join(asked) or f'activations {list(names)}'}: MXNet's RNN has no such thing")
    return found


def _parameters(assembly: Assembly, match: Match, view: View, cell: _Cell, ways: int) -> Operand:
    """Input and state weights of each way, then both biases of each, gates in MXNet's order."""
    pairs = [present(match.operand(slot), "weight") for slot in (1, 2)]
    bias, rows = match.operand(3), view.sizes(pairs[0])[1]
    half = rows // len(cell.gates)
    held: list[ir.Value] = [*pairs, *([bias] if bias is not None else [])]
    if all(view.is_constant(value) for value in held):
        first, second, third = (None if value is None else view.weight(value) for value in (*pairs, bias))
        assert first is not None
        assert second is not None
        return _packed(first, second, third, cell, ways)
    parts: list[Operand] = []
    for way in range(ways):
        for place, value in enumerate(pairs):
            parts += [
                _cut(assembly, value, way, gate * half, half, f"{way}/{'WR'[place]}{gate}") for gate in cell.gates
            ]
    for way in range(ways):
        if bias is None:
            parts.append(ArrayWeight(np.zeros(2 * rows, np.float32)))
            continue
        for start, name in ((0, "Wb"), (rows, "Rb")):
            parts += [
                _cut(assembly, bias, way, start + gate * half, half, f"{way}/{name}{gate}") for gate in cell.gates
            ]
    return assembly.add("Concat", *parts, role="parameters", num_args=len(parts), dim=0)


def _cut(assembly: Assembly, value: ir.Value, way: int, start: int, rows: int, role: str) -> str:
    """Some rows of one way of a computed weight, as a vector."""
    part = assembly.add("slice", value, role=role, begin=(way, start), end=(way + 1, start + rows))
    return assembly.add("Reshape", part, role=f"{role}/flat", shape=(-1,))


def _packed(first: Weight, second: Weight, bias: Weight | None, cell: _Cell, ways: int) -> Weight:
    rows = first.shape[1]
    half = rows // len(cell.gates)
    order = np.concatenate([np.arange(gate * half, (gate + 1) * half) for gate in cell.gates])
    count = ways * rows * (first.shape[2] + second.shape[2] + 2)

    def compute() -> np.ndarray:
        weights = [weight.array()[way][order].reshape(-1) for way in range(ways) for weight in (first, second)]
        shifts = np.zeros((ways, 2 * rows), first.dtype) if bias is None else bias.array()
        halves = [shift[start:][order] for shift in shifts for start in (0, rows)]
        return np.concatenate([*weights, *halves])

    return ComputedWeight((count,), first.dtype, compute)


def _hand_out(
    assembly: Assembly, match: Match, whole: str, last: Sequence[str], sizes: tuple[int, int], *, batch_first: bool,
    backward: bool,
) -> None:  # fmt: skip
    """All steps as steps x ways x batch x values (or batch x steps x ways x values), and the last states."""
    wanted = [str(value.name) for value in match.outputs]
    if wanted[0]:
        if backward:
            whole = assembly.add("reverse", whole, role="forward", axis=0)
        apart = assembly.add("Reshape", whole, role="ways", shape=(0, 0, *sizes))
        order = (1, 0, 2, 3) if batch_first else (0, 2, 1, 3)
        assembly.add("transpose", apart, output=wanted[0], role="steps_out", axes=order)
    for place, state in enumerate(last, 1):
        if place < len(wanted) and wanted[place]:
            kind, more = ("transpose", {"axes": (1, 0, 2)}) if batch_first else ("_copy", {})
            assembly.add(kind, state, output=wanted[place], role=f"last{place}", **more)


def _samples(kind: str, gates: int, more: str = "") -> tuple[Sample, ...]:
    """Steps x batch x values, which the tests' batch sizes take for steps."""
    inner, hidden, states = 3, 4, 2 if kind == "LSTM" else 1
    shapes = ((2, gates * hidden, inner), (2, gates * hidden, hidden), (2, 2 * gates * hidden))
    one = tuple((1, *shape[1:]) for shape in shapes)
    inputs = ((5, 2, inner), *(((2, 2, hidden),) * states))
    begin = ", ".join(f"in{place}" for place in range(1, states + 1))
    names = ", ".join(f"out{place}" for place in range(states + 1))
    plain = f"hidden_size = {hidden}{more}"
    return (
        Sample("both ways", f'{names} = {kind}<{plain}, direction = "bidirectional">(in0, w0, w1, w2, , {begin})',
               inputs, shapes, outputs=states + 1),
        Sample("from the end", f'out0, out1 = {kind}<{plain}, direction = "reverse">(in0, w0, w1, w2)', inputs[:1],
               one, outputs=2),
        Sample("without biases", f"out0 = {kind}<{plain}>(in0, w0, w1)", inputs[:1], one[:2]),
        Sample("computed weights", f"out0 = {kind}<{plain}>(in0, in1, w0, w1)", ((5, 2, inner), one[0]), one[1:]),
    )  # fmt: skip


WRITE = (
    Write(recurrent, ("LSTM",), samples=_samples("LSTM", 4)),
    Write(recurrent, ("GRU",), samples=_samples("GRU", 3, ", linear_before_reset = 1")),
    Write(
        recurrent,
        ("RNN",),
        samples=(*_samples("RNN", 1), *_samples("RNN", 1, ', activations = ["Relu"]')[2:]),
    ),
)
