"""Sequences are Python lists of tensors; optionals are values or None."""

from __future__ import annotations

import onnx_ir as ir

from converters.pytorch.code import Code
from converters.pytorch.layout import annotation
from converters.pytorch.node import Node
from converters.pytorch.rows import Result, Row
from converters.pytorch.writers.control import _graph, inside


def _construct(node: Node, code: Code) -> str:
    return f"[{', '.join(node.args())}]"


def _empty(node: Node, code: Code) -> str:
    if node.attrs["dtype"] is not None:
        node.attrs.integer("dtype")
    return "[]"


def _at(node: Node, code: Code) -> str:
    return f"{node.arg(0)}[{node.integer(1)}]"


def _insert(node: Node, code: Code) -> str:
    items = node.arg(0)
    if not node.has(2):
        return f"{items} + [{node.arg(1)}]"
    place = node.integer(2)
    return f"{items}[:{place}] + [{node.arg(1)}] + {items}[{place}:]"


def _erase(node: Node, code: Code) -> str:
    return f"{code.function('without')}({node.arg(0)}, {node.integer(1) if node.has(1) else -1})"


def _length(node: Node, code: Code) -> str:
    return f"torch.tensor(len({node.arg(0)}), device={code.like()}.device)"


def _split(node: Node, code: Code) -> str:
    axis = node.attrs.integer("axis")
    keep = node.attrs.flag("keepdims")
    x = node.arg(0)
    if not node.has(1):
        return f"list(torch.split({x}, 1, {axis}))" if keep else f"list(torch.unbind({x}, {axis}))"
    sizes = node.integer(1) if node.rank(1) == 0 else node.ints(1)
    return f"list(torch.split({x}, {sizes}, {axis}))"


def _join(node: Node, code: Code) -> str:
    call = "torch.stack" if node.attrs.flag("new_axis") else "torch.cat"
    return f"{call}({node.arg(0)}, {node.attrs.integer('axis')})"


def _map(node: Node, code: Code) -> Result:
    body = _graph(node, "body")
    lists = [code.fresh(str(value.name)) for value in node.ir.outputs]
    for name in lists:
        code.line(f"{name} = []")
    step = code.fresh("step")
    with code.block(f"for {step} in range(len({node.arg(0)})):"):
        given = {}
        for at, value in enumerate(body.inputs):
            outer = node.value(at)
            is_list = outer is not None and isinstance(outer.type, ir.SequenceType)
            given[value] = code.fresh(str(value.name))
            code.line(f"{given[value]} = {node.arg(at)}{f'[{step}]' if is_list else ''}")
        for name, text in zip(lists, inside(body, given, code), strict=True):
            code.line(f"{name}.append({text})")
    return lists


def _optional(node: Node, code: Code) -> str:
    node.attrs["type"]
    return node.optional(0)


def _has_element(node: Node, code: Code) -> str:
    value = node.value(0)
    if value is None:
        return f"torch.tensor(False, device={code.like()}.device)"
    if "Optional[" not in annotation(value):
        return f"torch.tensor(True, device={code.like()}.device)"
    return f"torch.tensor({node.arg(0)} is not None, device={code.like()}.device)"


def _get_element(node: Node, code: Code) -> str:
    value = node.value(0)
    if value is not None and "Optional[" in annotation(value):
        return f"{code.function('present_list' if 'List[' in annotation(value) else 'present')}({node.arg(0)})"
    return node.arg(0)


WRITE = {
    "SequenceConstruct": Row(_construct),
    "SequenceEmpty": Row(_empty),
    "SequenceAt": Row(_at),
    "SequenceInsert": Row(_insert),
    "SequenceErase": Row(_erase),
    "SequenceLength": Row(_length),
    "SplitToSequence": Row(_split),
    "ConcatFromSequence": Row(_join),
    "SequenceMap": Row(_map),
    "Optional": Row(_optional),
    "OptionalHasElement": Row(_has_element),
    "OptionalGetElement": Row(_get_element),
}
