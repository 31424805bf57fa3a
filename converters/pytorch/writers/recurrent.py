"""Recurrent layers: nn.LSTM where it is the same, else a loop over the steps."""

from __future__ import annotations

import numpy as np

from converters.pytorch.code import Code, layer_name
from converters.pytorch.held import Several, short
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row
from converters.pytorch.writers.linear import owned
from converters.weights import ComputedWeight, Weight

_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
_KNOWN = {"sigmoid", "tanh", "relu"}


def _directions(node: Node) -> int:
    return 2 if node.attrs.text("direction") == "bidirectional" else 1


def _activations(node: Node) -> list[str]:
    given = [_text(name).lower() for name in _strings(node.attrs["activations"])]
    names = given or [name.lower() for name in _DEFAULTS[node.op]] * _directions(node)
    strange = sorted(set(names) - _KNOWN)
    if strange:
        raise Refused(f"its activations are {', '.join(strange)}; Sigmoid, Tanh and Relu are written")
    if node.attrs["activation_alpha"] or node.attrs["activation_beta"]:
        raise Refused("its activations have parameters")
    return names


def _strings(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _loop(node: Node, code: Code, inputs: int, extra: str = "") -> str:
    node.attrs.integer("hidden_size")
    layout = node.attrs.integer("layout") if "layout" in node.attrs else 0
    names = [node.optional(at) for at in range(inputs)]
    activations = "[" + ", ".join(f'"{name}"' for name in _activations(node)) + "]"
    direction = node.attrs.text("direction")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise Refused(f"its direction is {direction!r}")
    clip = short(node.attrs.number("clip"))
    options = f'"{direction}", {activations}, {clip}, {layout}{extra}'
    return f"{code.function(node.op.lower())}({', '.join(names)}, {options})"


def _rnn(node: Node, code: Code) -> Result:
    return Several(_loop(node, code, 6), 2)


def _gru(node: Node, code: Code) -> Result:
    return Several(_loop(node, code, 6, f", {node.attrs.flag('linear_before_reset')}"), 2)


def _lstm(node: Node, code: Code) -> Result:
    forget = node.attrs.flag("input_forget")
    weights = _plain_lstm(node)
    if weights is None:
        return Several(_loop(node, code, 8, f", {forget}"), 3)
    for name in ("direction", "hidden_size", "clip", "layout"):
        if name in node.attrs:
            node.attrs[name]
    name = layer_name(node.name, "")
    hidden, inputs = weights["weight_hh_l0"].shape[1], weights["weight_ih_l0"].shape[1]
    options = [inputs, hidden, *(["bias=False"] if "bias_ih_l0" not in weights else [])]
    options += ["bidirectional=True"] if _directions(node) == 2 else []
    lstm = code.module(name, "LSTM", options, weights)
    states = f", ({node.arg(5)}, {node.arg(6)})" if node.has(5) else ""
    steps, last, cell = (code.fresh(f"{node.ir.outputs[0].name}_{part}") for part in ("steps", "last", "cell"))
    code.line(f"{steps}, ({last}, {cell}) = {lstm}({node.arg(0)}{states})")
    apart = f"{steps}.reshape({steps}.shape[0], {steps}.shape[1], {_directions(node)}, {hidden}).transpose(1, 2)"
    return [apart, last, cell]


def _plain_lstm(node: Node) -> dict[str, Weight] | None:
    """The weights of an equal nn.LSTM, gates in torch's order; None where there is none."""
    plain = _activations(node) == ["sigmoid", "tanh", "tanh"] * _directions(node)
    layout = node.attrs.integer("layout") if "layout" in node.attrs else 0
    known = node.attrs.text("direction") in ("forward", "bidirectional")
    if not plain or layout or not known or node.attrs["clip"] or node.attrs.flag("input_forget"):
        return None
    if node.has(4) or node.has(7) or node.has(5) != node.has(6):
        return None
    given = [owned(node, at) for at in (1, 2, 3)]
    if given[0] is None or given[1] is None or (node.has(3) and given[2] is None):
        return None
    found: dict[str, Weight] = {}
    for direction, suffix in enumerate(("", "_reverse")[: _directions(node)]):
        found[f"weight_ih_l0{suffix}"] = _gates(given[0], direction, 0)
        found[f"weight_hh_l0{suffix}"] = _gates(given[1], direction, 0)
        if given[2] is not None:
            found[f"bias_ih_l0{suffix}"] = _gates(given[2], direction, 0, parts=2)
            found[f"bias_hh_l0{suffix}"] = _gates(given[2], direction, 1, parts=2)
    return found


def _gates(weight: Weight, direction: int, part: int, parts: int = 1) -> Weight:
    """One direction's rows in the order input, forget, cell, output; ONNX has input, output, forget, cell."""
    rows = weight.shape[1] // parts
    shape = (rows, *weight.shape[2:])

    def compute() -> np.ndarray:
        i, o, f, c = np.split(weight.array()[direction, part * rows : (part + 1) * rows], 4)
        return np.concatenate([i, f, c, o])

    return ComputedWeight(shape, weight.dtype, compute)


WRITE = {
    "RNN": Row(_rnn, since=7),
    "GRU": Row(_gru, since=7),
    "LSTM": Row(_lstm, since=7),
}
