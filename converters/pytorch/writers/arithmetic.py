"""Operators that combine two or more tensors element by element."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import Host
from converters.pytorch.node import Node
from converters.pytorch.rows import Result, Row, WriteOp
from converters.pytorch.types import WIDE_UNSIGNED, torch_type

_ON_HOST = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "//"}


def _combined(template: str) -> WriteOp:
    """`template` has {a} and {b}; integers that Python holds are combined by Python."""

    def write(node: Node, code: Code) -> Result:
        held = _on_host(node)
        return held if held is not None else _widened(node, code, template)

    return write


def _widened(node: Node, code: Code, template: str) -> str:
    """PyTorch has next to no arithmetic for large unsigned types: they are computed as int64."""
    a, b = node.operand(0, 1), node.operand(1, 0)
    kind = node.dtype(0)
    if kind is None or kind.name not in WIDE_UNSIGNED:
        return template.format(a=a, b=b)
    wide = template.format(a=f"{node.arg(0)}.long()", b=f"{node.arg(1)}.long()")
    result = node.out_dtype()
    return wide if result is not None and result.name == "BOOL" else f"({wide}).to({torch_type(kind)})"


def _on_host(node: Node) -> Host | None:
    """Shape arithmetic stays in Python, so that shapes stay integers for scripts and exporters."""
    symbol = _ON_HOST.get(node.op)
    one, other = node.host(0), node.host(1)
    if symbol is None or one is None or other is None or node.out_dtype() not in (node.dtype(0), None):
        return None
    if one.numbers is not None and other.numbers is not None:
        return None
    count = max(len(one.items), len(other.items))
    if {len(one.items), len(other.items)} - {1, count}:
        return None
    left = one.items * (count if len(one.items) == 1 else 1)
    right = other.items * (count if len(other.items) == 1 else 1)
    items = tuple(f"({a} {symbol} {b})" for a, b in zip(left, right, strict=True))
    return Host(items, vector=one.vector or other.vector)


def _div(node: Node, code: Code) -> Result:
    held = _on_host(node)
    if held is not None:
        return held
    whole = 'torch.div({a}, {b}, rounding_mode="trunc")'
    return _widened(node, code, whole if node.is_integer(0) else "{a} / {b}")


def _mod(node: Node, code: Code) -> str:
    call = "torch.fmod" if node.attrs.flag("fmod") else "torch.remainder"
    return _widened(node, code, f"{call}({{a}}, {{b}})")


def _pow(node: Node, code: Code) -> str:
    text = _widened(node, code, "torch.pow({a}, {b})")
    if node.scalar(0, 1) is not None:
        text = f"torch.pow({node.arg(0)}, {node.arg(1)})"
    same = node.dtype(0) == node.dtype(1) or (not node.is_integer(0) and node.is_integer(1))
    return text if same else f"{text}.to({code.dtype(node.dtype(0))})"


def _extreme(call: str) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        kind = node.dtype(0)
        wide = ".long()" if kind is not None and kind.name in WIDE_UNSIGNED else ""
        first, *rest = node.args()
        if not rest:
            return first
        text = f"{first}{wide}"
        for other in rest:
            text = f"{call}({text}, {other}{wide})"
        return f"{text}.to({torch_type(kind)})" if wide else text

    return write


def _sum(node: Node, code: Code) -> str:
    return " + ".join(node.args())


def _mean(node: Node, code: Code) -> str:
    parts = node.args()
    return f"({' + '.join(parts)}) / {len(parts)}"


def _bit_shift(node: Node, code: Code) -> str:
    a, b = node.arg(0), node.arg(1)
    if node.attrs.text("direction") == "LEFT":
        return f"({a}.long() << {b}.long()).to({torch_type(node.dtype(0))})"
    return f"{code.function('shift_right')}({a}, {b})"


def _where(node: Node, code: Code) -> str:
    one, other = node.operand(1, 2), node.operand(2, 1)
    if node.scalar(1, 2) is not None and node.scalar(2, 1) is not None:
        one, other = node.arg(1), node.arg(2)
    return f"torch.where({node.arg(0)}, {one}, {other})"


def _clip(node: Node, code: Code) -> str:
    bounds = []
    for at, name in ((1, "min"), (2, "max")):
        if name in node.attrs:
            value = node.attrs.number(name)
            if abs(value) < 3.4e38:  # older versions state the type's whole range when there is no bound
                bounds.append(f"{name}={value!r}")
        elif node.has(at):
            bounds.append(f"{name}={node.scalar(at) or node.arg(at)}")
    if not bounds:
        return node.arg(0)
    if bounds == ["min=0.0", "max=6.0"]:
        return f"F.relu6({node.inline()})"
    if len({"self." in bound or bound.split("=")[1].isidentifier() for bound in bounds}) > 1:
        bounds = [f"{name}={node.arg(at)}" for at, name in ((1, "min"), (2, "max")) if node.has(at)]
    return f"torch.clamp({node.inline()}, {', '.join(bounds)})"


WRITE = {
    "Add": Row(_combined("{a} + {b}"), since=7),
    "Sub": Row(_combined("{a} - {b}"), since=7),
    "Mul": Row(_combined("{a} * {b}"), since=7),
    "Div": Row(_div, since=7),
    "Mod": Row(_mod),
    "Pow": Row(_pow, since=7),
    "Equal": Row(_combined("{a} == {b}"), since=7),
    "Less": Row(_combined("{a} < {b}"), since=7),
    "LessOrEqual": Row(_combined("{a} <= {b}")),
    "Greater": Row(_combined("{a} > {b}"), since=7),
    "GreaterOrEqual": Row(_combined("{a} >= {b}")),
    "And": Row(_combined("torch.logical_and({a}, {b})"), since=7),
    "Or": Row(_combined("torch.logical_or({a}, {b})"), since=7),
    "Xor": Row(_combined("torch.logical_xor({a}, {b})"), since=7),
    "BitwiseAnd": Row(_combined("torch.bitwise_and({a}, {b})")),
    "BitwiseOr": Row(_combined("torch.bitwise_or({a}, {b})")),
    "BitwiseXor": Row(_combined("torch.bitwise_xor({a}, {b})")),
    "BitShift": Row(_bit_shift),
    "Max": Row(_extreme("torch.maximum"), since=6),
    "Min": Row(_extreme("torch.minimum"), since=6),
    "Sum": Row(_sum, since=6),
    "Mean": Row(_mean, since=6),
    "Where": Row(_where),
    "Clip": Row(_clip, since=6),
}
