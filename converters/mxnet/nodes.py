"""Stored nodes -> what they mean today: today's names, typed attributes, every operand with its role."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converters.diagnostic import Diagnostic, Where
from converters.hub.attributes import Attributes
from converters.mxnet import names
from converters.mxnet.schema import Operator, find
from converters.mxnet.symbol import VARIABLE, Entry, Node, Symbol

_HIDDEN = re.compile(r"__.*__|(?:\w+_)?(?:ctx_group|lr_mult|wd_mult|force_mirroring|mirror_stage)")
"""Attributes for the trainer and the memory planner (c_api_symbolic.cc, kHiddenKeys)."""
_UNSET_BEFORE: Mapping[tuple[str, str], tuple[int, str]] = {
    ("argmax", "axis"): (905, "-1"),
    ("argmin", "axis"): (905, "-1"),
}
"""What once stood for "not set": before 0.9.5 argmax over all axes was -1 (legacy_json_util.cc). No other default has
changed its meaning from 0.7 to 1.9 (read from every release's DMLC_DECLARE_FIELD)."""
_RENAMED: Mapping[str, str] = {"CuDNNBatchNorm": "BatchNorm"}
LABELLED = frozenset(
    ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput")
)
"""Operators whose second input, the label, matters to the gradient only."""
OPERANDS = "<operands>"
"""The attribute that lists the roles of a layer's operands in order; no file can set one of this name."""


@dataclass(frozen=True, slots=True)
class Step:
    """A node that computes: kind by today's name, operands by role, in order; names of its visible outputs."""

    kind: str
    name: str
    attrs: Attributes
    operands: tuple[tuple[str, Entry], ...]
    outputs: tuple[str, ...]
    lacking: tuple[str, ...]
    where: Where


def step(symbol: Symbol, node: Node, most_read: int) -> Step:
    """What a stored node means; its label operand is left out. Refuses attributes that are no such value.

    `most_read` is the last of its outputs that anybody reads: all that is known of an operator that zoo does not know.
    """
    where = Where(file=symbol.file, layer=f'"{node.name}" ({node.op})')
    operator = find(_RENAMED.get(node.op, node.op))
    if operator is None:
        kind = f"Custom:{node.attrs.get('op_type', '?')}" if node.op == "Custom" else node.op
        return Step(kind, node.name, Attributes({}), _plain(node.inputs), _guessed(node.name, most_read), (), where)
    values, explicit = _typed(operator, node, symbol.version, where)
    operands = tuple((_role(operator, position, values), entry) for position, entry in enumerate(node.inputs))
    if operator.kind in LABELLED:
        operands = operands[:1]
    values[OPERANDS] = tuple(role for role, _ in operands)
    stated = explicit - {"num_args"}
    attrs = Attributes(values, frozenset(stated))
    outputs = names.outputs(operator.kind, node.name, values)
    lacking = operator.inputs[len(operands) :] if operator.kind.startswith("BatchNorm") else ()
    return Step(operator.kind, node.name, attrs, operands, outputs, lacking, where)


def _typed(operator: Operator, node: Node, version: int, where: Where) -> tuple[dict[str, object], frozenset[str]]:
    """All attributes with defaults filled in, and which of them the file sets."""
    values: dict[str, object] = {name: parameter.default for name, parameter in operator.parameters.items()}
    faults, explicit = [], set()
    for name, text in node.attrs.items():
        if _HIDDEN.fullmatch(name) or _unset(operator.kind, name, text, version):
            continue
        explicit.add(name)
        known = operator.parameters.get(name)
        try:
            values[name] = text if known is None else known.parse(text)
        except (ValueError, OverflowError):
            faults.append(f"{name} is {text[:80]!r}, expected {known.kind if known else 'text'}")
    required = [name for name, known in operator.parameters.items() if known.required and name not in explicit]
    faults += [f"{name} is not set" for name in required]
    if faults:
        raise Diagnostic("bad-attribute", "; ".join(faults), where=where)
    return values, frozenset(explicit)


def _unset(kind: str, name: str, text: str, version: int) -> bool:
    before = _UNSET_BEFORE.get((kind, name))
    return before is not None and version < before[0] and text == before[1]


def _role(operator: Operator, position: int, values: Mapping[str, object]) -> str:
    """The role of an operand; an input that the attributes switch off is skipped."""
    if operator.kind == "RNN" and values["mode"] != "lstm" and position >= 3:
        position += 1  # only an LSTM has a cell
    return operator.role(position)


def _plain(inputs: Sequence[Entry]) -> tuple[tuple[str, Entry], ...]:
    return tuple((f"arg{position}", entry) for position, entry in enumerate(inputs))


def _guessed(name: str, most_read: int) -> tuple[str, ...]:
    """Output names of an operator that zoo does not know."""
    if most_read == 0:
        return (f"{name}_output",)
    return tuple(f"{name}_output{position}" for position in range(min(most_read, 999) + 1))


def is_variable(node: Node) -> bool:
    """Whether a node is a value from outside: an input, a parameter, a label."""
    return node.op == VARIABLE
