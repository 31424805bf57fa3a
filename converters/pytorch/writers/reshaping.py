"""Operators that change shapes and keep the numbers."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import Host, listed
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row


def axes(node: Node, at: int, name: str = "axes") -> tuple[int, ...] | None:
    """Known axes, from an attribute (older versions) or an input; () where none is given, None for a tensor."""
    if name in node.attrs:
        return tuple(node.attrs.integers(name))
    return node.integers(at) if node.has(at) else ()


def _reshape(node: Node, code: Code) -> Result:
    allow_zero = "allowzero" in node.attrs and node.attrs.flag("allowzero")
    held = node.host(1)
    source = node.host(0)
    if held is None:
        function = "x" if allow_zero else code.function("reshape")
        return f"{node.arg(0)}.reshape({node.ints(1)})" if allow_zero else f"{function}({node.arg(0)}, {node.ints(1)})"
    if source is not None and held.numbers in ((-1,), (1,), (len(source.items),)):
        return Host(source.items)
    node.settle_rank(len(held.items))
    x = node.arg(0)
    items = [f"{x}.shape[{axis}]" if item == 0 and not allow_zero else item for axis, item in enumerate(held.items)]
    if len(items) == 2 and items[1] == -1 and items[0] == f"{x}.shape[0]" and (node.rank(0) or 0) >= 2:
        return f"torch.flatten({x}, 1)"
    return f"{x}.reshape({listed(items)})"


def _flatten(node: Node, code: Code) -> str:
    axis = node.attrs.integer("axis")
    if axis == 1 and (node.rank(0) or 0) >= 2:
        return f"torch.flatten({node.inline()}, 1)"
    return f"{code.function('flatten')}({node.arg(0)}, {axis})"


def _transpose(node: Node, code: Code) -> str:
    order = node.attrs.integers("perm") or tuple(reversed(range(node.known_rank(0))))
    return f"{node.arg(0)}.permute({listed(order)})"


def _squeeze(node: Node, code: Code) -> Result:
    named = axes(node, 1)
    held = node.host(0)
    if held is not None and held.vector and len(held.items) == 1:
        return Host(held.items, vector=False)
    if named is None:
        return f"{code.function('squeeze')}({node.arg(0)}, {node.ints(1)})"
    if not named:
        return f"torch.squeeze({node.arg(0)})"
    if len(named) == 1:
        return f"{node.arg(0)}.squeeze({named[0]})"
    return f"{code.function('squeeze')}({node.arg(0)}, {listed(named)})"


def _unsqueeze(node: Node, code: Code) -> Result:
    named = axes(node, 1)
    held = node.host(0)
    if held is not None and not held.vector and named in ((0,), (-1,)):
        return Host(held.items)
    if named is None:
        return f"{code.function('unsqueeze')}({node.arg(0)}, {node.ints(1)})"
    if len(named) == 1:
        return f"{node.arg(0)}.unsqueeze({named[0]})"
    return f"{code.function('unsqueeze')}({node.arg(0)}, {listed(named)})"


def _expand(node: Node, code: Code) -> str:
    return f"{code.function('expand')}({node.arg(0)}, {node.ints(1)})"


def _tile(node: Node, code: Code) -> str:
    return f"torch.tile({node.arg(0)}, {node.ints(1)})"


def _identity(node: Node, code: Code) -> Result:
    held = node.host(0)
    return held if held is not None and held.numbers is None else node.arg(0)


def _shape(node: Node, code: Code) -> Result:
    start = node.attrs.integer("start") if "start" in node.attrs else 0
    end = node.attrs.get("end")
    rank = node.rank(0)
    x = node.arg(0)
    if rank is None:
        like = code.like()
        return f"torch.tensor({x}.shape, dtype=torch.int64, device={like}.device)[{start}:{'' if end is None else end}]"
    places = range(rank)[start : rank if end is None else int(str(end))]
    return Host(tuple(f"{x}.shape[{axis}]" for axis in places))


def _size(node: Node, code: Code) -> Host:
    return Host((f"{node.arg(0)}.numel()",), vector=False)


def _depth_to_space(node: Node, code: Code) -> str:
    block = node.attrs.integer("blocksize")
    if "mode" in node.attrs and node.attrs.text("mode") == "CRD":
        return f"F.pixel_shuffle({node.inline()}, {block})"
    return f"{code.function('depth_to_space')}({node.arg(0)}, {block})"


def _space_to_depth(node: Node, code: Code) -> str:
    if "mode" in node.attrs and node.attrs.text("mode") == "CRD":
        return f"F.pixel_unshuffle({node.inline()}, {node.attrs.integer('blocksize')})"
    return f"{code.function('space_to_depth')}({node.arg(0)}, {node.attrs.integer('blocksize')})"


def _dropout(node: Node, code: Code) -> Result:
    training = node.scalar(2)
    if node.has(2) and training is None:
        raise Refused("whether it trains is known only at run time")
    if training == "True" and node.scalar(1) != "0.0":
        raise Refused("it draws random numbers (training mode)")
    x = node.arg(0)
    return [x, f"torch.ones_like({x}, dtype=torch.bool)" if node.gives(1) else None]


WRITE = {
    "Reshape": Row(_reshape, since=5),
    "Flatten": Row(_flatten),
    "Transpose": Row(_transpose),
    "Squeeze": Row(_squeeze),
    "Unsqueeze": Row(_unsqueeze),
    "Expand": Row(_expand),
    "Tile": Row(_tile, since=6),
    "Identity": Row(_identity),
    "Shape": Row(_shape),
    "Size": Row(_size),
    "DepthToSpace": Row(_depth_to_space),
    "SpaceToDepth": Row(_space_to_depth),
    "Dropout": Row(_dropout, since=7, neutral=("ratio", "seed")),
}
