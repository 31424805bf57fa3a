"""RNN: stacked lstm, gru and plain recurrent layers, both ways, their parameters packed into one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import computed, every, has, stored, value
from converters.weights import ComputedWeight, Weight


@dataclass(frozen=True, slots=True)
class _Cell:
    """ONNX's operator for a mode, and MXNet's gates (lstm: i f g o; gru: r z n) in ONNX's order."""

    operator: str
    gates: tuple[int, ...]
    activation: str | None = None


_CELLS = {
    "gru": _Cell("GRU", (1, 0, 2)),
    "lstm": _Cell("LSTM", (0, 3, 1, 2)),
    "rnn_relu": _Cell("RNN", (0,), "Relu"),
    "rnn_tanh": _Cell("RNN", (0,), "Tanh"),
}
_REFUSED: Mapping[str, str] = {
    "projection_size": "projects its states, which MXNet's CPU code and ONNX's LSTM do not",
    "lstm_state_clip_min": "clips its states on a GPU, and on a CPU does not (measured with MXNet 1.9.1)",
    "lstm_state_clip_max": "clips its states on a GPU, and on a CPU does not (measured with MXNet 1.9.1)",
    "use_sequence_length": "stops at the sequences' lengths on a GPU, and on a CPU ignores them (measured with "
    "MXNet 1.9.1)",
}
"""What is cuDNN's alone (rnn-inl.h): a file that asks for it means two networks."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """The sizes of the network of cells; `ways` is 2 when it reads both ways."""

    cell: _Cell
    hidden: int
    layers: int
    ways: int
    inner: int

    def blocks(self) -> list[tuple[tuple[int, ...], ...]]:
        """The shapes in the packed vector: input and state weights of every layer and way, then both biases of each."""
        rows = len(self.cell.gates) * self.hidden
        widths = [self.inner if layer == 0 else self.hidden * self.ways for layer in range(self.layers)]
        weights = [((rows, width), (rows, self.hidden)) for width in widths for _ in range(self.ways)]
        return [*weights, *([((rows,), (rows,))] * (self.layers * self.ways))]


def rnn(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads RNN as LSTM, GRU or RNN, one a layer; data are steps x batch x values in both."""
    attrs = layer.attrs
    data = value(layer, emit, "data")
    mode = attrs.text("mode")
    if mode not in _CELLS:
        emit.refuse(f"mode {mode} is none of MXNet's")
    for name, what in _REFUSED.items():
        if attrs[name] not in (None, False):
            emit.refuse(f"with {name} it {what}", f"--cut-at {layer.inputs[0]}" if layer.inputs else None)
    ways = 2 if attrs.flag("bidirectional") else 1
    plan = _Plan(_CELLS[mode], attrs.integer("state_size"), attrs.integer("num_layers"), ways, emit.size(data, 2))
    packed = _Packed(layer, emit, plan)
    states = [_states(emit, value(layer, emit, role), data) for role in ("state", "state_cell") if has(layer, role)]
    ends: list[list[ir.Value]] = [[], []]
    for depth in range(plan.layers):
        data, last = _layer(emit, plan, packed, depth, data, states)
        for kept, item in zip(ends, last, strict=False):
            kept.append(item)
    if not attrs.flag("state_outputs"):
        return (data,)
    return data, *(emit("Concat", *kept, axis=0) if len(kept) > 1 else kept[0] for kept in ends if kept)


def _layer(
    emit: Emit, plan: _Plan, packed: _Packed, depth: int, data: ir.Value, states: Sequence[ir.Value]
) -> tuple[ir.Value, Sequence[ir.Value]]:
    """One layer both ways: its output steps x batch x (ways * hidden), and its last states."""
    first, cell = depth * plan.ways, plan.cell
    ways = range(first, first + plan.ways)
    weights = [packed.stacked([(way, part) for way in ways], f"{depth}/{role}") for part, role in ((0, "W"), (1, "R"))]
    offset = plan.layers * plan.ways
    biases = packed.biases([way + offset for way in ways], f"{depth}/B")
    bounds = [emit.constant([number], "place") for number in (first, first + plan.ways, 0)]
    begin = [emit("Slice", state, *bounds) for state in states]
    spec: dict[str, int | str | Sequence[str]] = {"hidden_size": plan.hidden}
    spec["direction"] = "bidirectional" if plan.ways == 2 else "forward"
    if cell.operator == "GRU":
        spec["linear_before_reset"] = 1
    if cell.activation:
        spec["activations"] = [cell.activation] * plan.ways
    count = 3 if cell.operator == "LSTM" else 2
    out, *last = emit.several(count, cell.operator, data, *weights, biases, None, *begin, **spec)  # type: ignore[arg-type]  # they differ from cell to cell
    swapped = emit("Transpose", out, perm=(0, 2, 1, 3))
    joined = emit("Reshape", swapped, emit.constant([0, 0, plan.ways * plan.hidden], "joined"))
    return joined, last


def _states(emit: Emit, state: ir.Value, data: ir.Value) -> ir.Value:
    """The first states for the data's batch: one for all (zeros of unknown batch) is handed to each."""
    held = emit.shape(state)[1]
    if held == emit.shape(data)[1] or (isinstance(held, int) and held > 1):
        return state
    batch = emit("Shape", data, start=1, end=2)
    one = emit.constant([1], "one")
    return emit("Expand", state, emit("Concat", one, batch, one, axis=0))


class _Packed:
    """The packed vector, cut into ONNX's weights: in numbers where it is stored, else by nodes of the network."""

    def __init__(self, layer: Layer, emit: Emit, plan: _Plan) -> None:
        self._emit = emit
        self._plan = plan
        self._spans: list[list[tuple[int, tuple[int, ...]]]] = []
        place = 0
        for pair in plan.blocks():
            spans = []
            for shape in pair:
                spans.append((place, shape))
                place += int(np.prod(shape))
            self._spans.append(spans)
        self._weight: Weight | None = None
        if not computed(layer, emit, "parameters"):
            self._weight = stored(layer, emit, "parameters", (place,))
        else:
            self._computed = value(layer, emit, "parameters")

    def stacked(self, wanted: Sequence[tuple[int, int]], role: str) -> ir.Value:
        """The blocks in ONNX's order of gates, one on the other: ways x rows x width."""
        return self._built([[(block, part)] for block, part in wanted], role)

    def biases(self, blocks: Sequence[int], role: str) -> ir.Value:
        """For each way both biases in a row."""
        return self._built([[(block, 0), (block, 1)] for block in blocks], role)

    def _built(self, ways: Sequence[Sequence[tuple[int, int]]], role: str) -> ir.Value:
        spans = [[self._spans[block][part] for block, part in way] for way in ways]
        if self._weight is None:
            return self._at_run_time(spans)
        packed, order = self._weight, self._order()

        def compute() -> np.ndarray:
            numbers = packed.array()
            cut = [[numbers[at : at + int(np.prod(shape))].reshape(shape)[order] for at, shape in way] for way in spans]
            return np.stack([np.concatenate(way) for way in cut])

        rows, *rest = spans[0][0][1]
        shape = (len(spans), rows * len(spans[0]), *rest)
        return self._emit.derived(ComputedWeight(shape, packed.dtype, compute), role)

    def _at_run_time(self, spans: Sequence[Sequence[tuple[int, tuple[int, ...]]]]) -> ir.Value:
        emit, zero = self._emit, self._emit.constant([0], "axis")
        order = emit.constant(self._order(), "gates")
        ways = []
        for way in spans:
            parts = []
            for start, shape in way:
                ends = [emit.constant([number], "span") for number in (start, start + int(np.prod(shape)))]
                block = emit("Reshape", emit("Slice", self._computed, *ends, zero), emit.constant(list(shape), "shape"))
                parts.append(emit("Gather", block, order, axis=0))
            whole = emit("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
            ways.append(emit("Unsqueeze", whole, zero))
        return emit("Concat", *ways, axis=0) if len(ways) > 1 else ways[0]

    def _order(self) -> np.ndarray:
        """Rows of a block in ONNX's order of gates."""
        hidden = self._plan.hidden
        return np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in self._plan.cell.gates])


def param_concat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _rnn_param_concat as Concat."""
    return emit("Concat", *every(layer, emit), axis=layer.attrs.integer("dim"))


def _sample(
    name: str, mode: str, gates: int, *, layers: int = 1, ways: int = 1, states: int = 1, **more: str
) -> Sample:
    hidden, inner = 3, 4
    count = sum(
        ways * gates * hidden * ((inner if layer == 0 else hidden * ways) + hidden + 2) for layer in range(layers)
    )
    attrs = {"mode": mode, "state_size": str(hidden), "num_layers": str(layers), **more}
    text = ", ".join(f'"{key}": "{item}"' for key, item in attrs.items())

    def draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
        state = [rng.uniform(-1, 1, (layers * ways, batch, hidden)) for _ in range(states)]
        return [rng.uniform(-1, 1, (5, batch, inner)), *state]

    outputs = 1 + states if more.get("state_outputs") else 1
    return Sample(name, f"{{{text}}}", (), ((count,),), draw=draw, outputs=outputs)


READ = {
    "RNN": Read(
        rnn,
        neutral=("p", "lstm_state_clip_nan"),
        samples=(
            _sample("lstm", "lstm", 4, states=2, state_outputs="True"),
            _sample("two lstm layers both ways", "lstm", 4, layers=2, ways=2, states=2, bidirectional="True"),
            _sample("gru both ways", "gru", 3, ways=2, bidirectional="True", state_outputs="True"),
            _sample("two tanh layers", "rnn_tanh", 1, layers=2, p="0.5"),
            _sample("relu", "rnn_relu", 1, state_outputs="True"),
        ),
    ),
    "_rnn_param_concat": Read(
        param_concat, samples=(Sample("two vectors", '{"num_args": "2", "dim": "0"}', ((4,), (3,))),)
    ),
}
