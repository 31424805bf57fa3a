"""What else the two layers' nodes say differently: an attribute, named by what it means."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited
from zoo.parity.graphs.graph import Graph, attributes, change

CAUSES = {
    "pads": "pad side",
    "auto_pad": "pad side",
    "output_padding": "pad side",
    "dilations": "dilation",
    "strides": "stride",
    "kernel_shape": "pooling window",
    "ceil_mode": "ceil or floor pooling",
    "count_include_pad": "count_include_pad",
    "epsilon": "BatchNorm eps",
    "perm": "order of axes",
    "mode": "interpolation",
    "coordinate_transformation_mode": "interpolation",
    "nearest_mode": "interpolation",
    "direction": "direction",
    "linear_before_reset": "reset gate",
    "size": "LRN size",
    "beta": "LRN beta",
    "bias": "LRN k",
}
_OF_OPERATOR = {
    ("LRN", "alpha"): "LRN alpha",
    ("LeakyRelu", "alpha"): "activation slope",
    ("Elu", "alpha"): "activation slope",
    ("Gemm", "alpha"): "scale factor",
    ("Gemm", "beta"): "scale factor",
    ("Softmax", "axis"): "softmax axis",
    ("BatchNormalization", "training_mode"): "training mode",
}


def families(case: Case) -> Iterator[Hypothesis]:
    """Each attribute that differs, taken over into the reference's layer; then all of them, with the operator."""
    if case.candidate is None:
        return
    mine, theirs = case.nodes(), case.candidate.nodes
    if len(mine) != len(theirs):
        return
    for node, other in zip(mine, theirs, strict=True):
        if node.op_type != other.op_type:
            said = f"{node.output[0]} is {other.op_type} instead of {node.op_type}"
            yield Hypothesis("another operator", said, edited(case, node, _like(other)))
            continue
        held, theirs_held = attributes(node), attributes(other)
        for name in sorted(held.keys() | theirs_held.keys()):
            old, new = held.get(name), theirs_held.get(name)
            if old != new:
                cause = _OF_OPERATOR.get((node.op_type, name)) or CAUSES.get(name) or "attribute"
                said = f"{name} of {node.output[0]} is {_text(new)} instead of {_text(old)}"
                yield Hypothesis(cause, said, edited(case, node, _set(name, new)))
        if held != theirs_held:
            said = f"{node.output[0]} has other attributes than the reference's"
            yield Hypothesis("attribute", said, edited(case, node, _like(other)))


def _set(name: str, value: object) -> Change:
    return lambda _graph, node: change(node, **{name: value})


def _like(other: Node) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = other.op_type
        del node.attribute[:]
        node.attribute.extend(other.attribute)

    return apply


def _text(value: object) -> str:
    return "not set" if value is None else value.decode() if isinstance(value, bytes) else f"{value}"
