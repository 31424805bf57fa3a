"""Cast, CastLike and BitCast."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import Host
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row
from converters.pytorch.types import FLOAT8, NARROW, torch_type


def _cast(node: Node, code: Code) -> Result:
    target = node.out_dtype()
    saturate = "saturate" not in node.attrs or node.attrs.flag("saturate")
    if "round_mode" in node.attrs and node.attrs.text("round_mode") not in ("", "up"):
        raise Refused(f"it rounds {node.attrs.text('round_mode')}")
    if target is None:
        raise Refused("its result's element type cannot be inferred")
    held = node.host(0)
    if held is not None and held.numbers is None and target.name in ("INT64", "INT32"):
        return Host(held.items, held.vector)
    if node.dtype(0) is None or torch_type(node.dtype(0)) == "":
        raise Refused("its input's element type cannot be inferred")
    if node.dtype(0) == target:
        return node.arg(0)
    if target.name in FLOAT8:
        return f"{code.function('to_float8')}({node.arg(0)}, {torch_type(target)}, {saturate})"
    if target.name == "FLOAT8E8M0":
        raise Refused("PyTorch rounds to 8-bit exponents otherwise than ONNX does")
    if target.name in NARROW:
        low, high = NARROW[target.name]
        return f"{code.function('to_narrow')}({node.arg(0)}, {low}, {high}).to({torch_type(target)})"
    return f"{node.arg(0)}.to({code.dtype(target)})"


def _cast_from_attribute(node: Node, code: Code) -> Result:
    node.attrs.integer("to")
    return _cast(node, code)


def _bit_cast(node: Node, code: Code) -> str:
    node.attrs.integer("to")
    kinds = (node.dtype(0), node.out_dtype())
    if any(kind is None or kind.name in NARROW for kind in kinds):
        raise Refused("PyTorch has no tensors of 4-bit numbers")
    return f"{node.arg(0)}.view({torch_type(node.out_dtype())})"


WRITE = {
    "Cast": Row(_cast_from_attribute, since=6),
    "CastLike": Row(_cast),
    "BitCast": Row(_bit_cast),
}
