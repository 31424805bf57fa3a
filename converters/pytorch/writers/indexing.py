"""Operators that pick, join, split and place elements."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import Host, Several, listed, number
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row
from converters.pytorch.writers.reshaping import axes

_FAR = 1 << 31  # an end beyond any size says: to the end


def _concat(node: Node, code: Code) -> Result:
    axis = node.attrs.integer("axis")
    held = [node.host(at) for at in range(node.count)]
    if any(part is not None and part.numbers is None for part in held) and all(
        part is not None and part.vector for part in held
    ):
        return Host(tuple(item for part in held if part is not None for item in part.items))
    return f"torch.cat([{', '.join(node.args())}], {axis})"


def _split(node: Node, code: Code) -> Result:
    axis = node.attrs.integer("axis")
    count = node.outputs
    if "split" in node.attrs and node.attrs.integers("split"):
        sizes = listed(node.attrs.integers("split"))
    elif node.has(1):
        sizes = node.ints(1)
    else:
        if "num_outputs" in node.attrs:
            node.attrs.integer("num_outputs")
        x = node.arg(0)
        sizes = f"(({x}.shape[{axis}] + {count - 1}) // {count})"
    parts = code.fresh(f"{node.ir.outputs[0].name}_parts")
    code.line(f"{parts} = torch.split({node.arg(0)}, {sizes}, {axis})")
    return [f"{parts}[{index}]" for index in range(count)]


def _slice(node: Node, code: Code) -> Result:
    parts = _slice_parts(node)
    if parts is None:
        x = node.arg(0)
        starts = node.ints(1)
        named = node.ints(3) if node.has(3) else f"list(range({node.known_rank(0)}))"
        steps = node.ints(4) if node.has(4) else f"[1] * {x}.dim()"
        return f"{code.function('slices')}({x}, {starts}, {node.ints(2)}, {named}, {steps})"
    starts_, ends_, named_, steps_ = parts
    held = node.host(0)
    if (
        held is not None
        and held.vector
        and len(starts_) == 1
        and all(isinstance(item, int) for item in (starts_[0], ends_[0]))
    ):
        return Host(held.items[int(starts_[0]) : int(ends_[0]) : steps_[0]])
    x = node.arg(0)
    if any(step < 1 for step in steps_):
        texts = (listed(starts_), listed(ends_), listed(named_), listed(steps_))
        return f"{code.function('slices')}({x}, {', '.join(texts)})"
    if any(axis < 0 for axis in named_):
        rank = node.known_rank(0)
        named_ = tuple(axis + rank if axis < 0 else axis for axis in named_)
    cuts = [":"] * (max(named_, default=-1) + 1)
    for start, end, axis, step in zip(starts_, ends_, named_, steps_, strict=True):
        first = "" if start == 0 else str(start)
        last = "" if isinstance(end, int) and end >= _FAR - 1 else str(end)
        cuts[axis] = f"{first}:{last}" + ("" if step == 1 else f":{step}")
    return f"{x}[{', '.join(cuts)}]" if cuts else x


def _slice_parts(
    node: Node,
) -> tuple[tuple[int | str, ...], tuple[int | str, ...], tuple[int, ...], tuple[int, ...]] | None:
    """Starts, ends, axes and steps as far as Python holds them; None where a tensor does."""
    if "starts" in node.attrs:
        starts: tuple[int | str, ...] = tuple(node.attrs.integers("starts"))
        ends: tuple[int | str, ...] = tuple(node.attrs.integers("ends"))
        named = tuple(node.attrs.integers("axes")) or tuple(range(len(starts)))
        return starts, ends, named, (1,) * len(starts)
    first, last = node.host(1), node.host(2)
    chosen, steps = axes(node, 3), axes(node, 4)
    if first is None or last is None or chosen is None or steps is None:
        return None
    count = len(first.items)
    return first.items, last.items, chosen or tuple(range(count)), steps or (1,) * count


def _gather(node: Node, code: Code) -> Result:
    axis = node.attrs.integer("axis")
    held, index = node.host(0), node.host(1)
    if held is not None and held.numbers is None and index is not None and index.numbers is not None:
        return Host(tuple(held.items[at] for at in index.numbers), vector=index.vector)
    if axis < 0:
        axis += node.known_rank(0)
    x = node.arg(0)
    before = ":, " * axis
    if index is not None and not index.vector:
        return f"{x}[{before}{index.items[0]}]"
    places = node.arg(1) if node.rank(1) != 0 else f"{node.arg(1)}.reshape([])"
    return f"{x}[{before}{places}]"


def _gather_elements(node: Node, code: Code) -> str:
    axis = node.attrs.integer("axis")
    x = node.arg(0)
    return f"torch.gather({x}, {axis}, {code.function('wrapped')}({node.arg(1)}, {x}.shape[{axis}]))"


def _gather_nd(node: Node, code: Code) -> str:
    batch = node.attrs.integer("batch_dims") if "batch_dims" in node.attrs else 0
    return f"{code.function('gather_nd')}({node.arg(0)}, {node.arg(1)}, {batch})"


_REDUCTIONS = {"none": "none", "": "none", "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _reduction(node: Node) -> str:
    name = node.attrs.text("reduction") if "reduction" in node.attrs else "none"
    if name not in _REDUCTIONS:
        raise Refused(f"its reduction is {name!r}")
    return _REDUCTIONS[name]


def _scatter_elements(node: Node, code: Code) -> str:
    call = code.function("scatter_elements")
    axis = node.attrs.integer("axis")
    return f'{call}({node.arg(0)}, {node.arg(1)}, {node.arg(2)}, {axis}, "{_reduction(node)}")'


def _scatter_nd(node: Node, code: Code) -> str:
    return f'{code.function("scatter_nd")}({node.arg(0)}, {node.arg(1)}, {node.arg(2)}, "{_reduction(node)}")'


def _compress(node: Node, code: Code) -> str:
    call = code.function("compress")
    axis = node.attrs["axis"]
    if axis is None:
        return f"{call}({node.arg(0)}.reshape(-1), {node.arg(1)}, 0)"
    return f"{call}({node.arg(0)}, {node.arg(1)}, {axis})"


def _non_zero(node: Node, code: Code) -> str:
    return f"torch.nonzero({node.arg(0)}).t()"


def _one_hot(node: Node, code: Code) -> str:
    call = code.function("one_hot")
    return f"{call}({node.arg(0)}, {node.integer(1)}, {node.arg(2)}, {node.attrs.integer('axis')})"


def _reverse_sequence(node: Node, code: Code) -> str:
    batch, time = node.attrs.integer("batch_axis"), node.attrs.integer("time_axis")
    return f"{code.function('reverse_sequence')}({node.arg(0)}, {node.arg(1)}, {batch}, {time})"


def _trilu(node: Node, code: Code) -> str:
    call = "torch.triu" if node.attrs.flag("upper") else "torch.tril"
    return f"{call}({node.arg(0)}, {node.integer(1)})" if node.has(1) else f"{call}({node.arg(0)})"


def _unique(node: Node, code: Code) -> Result:
    axis = node.attrs["axis"]
    in_order = not node.attrs.flag("sorted")
    return Several(f"{code.function('unique')}({node.arg(0)}, {axis}, {in_order})", 4)


def _pad(node: Node, code: Code) -> str:
    mode = node.attrs.text("mode")
    x = node.arg(0)
    rank = node.rank(0)
    named = node.integers(3) if node.has(3) else tuple(range(rank)) if rank is not None else None
    if "pads" in node.attrs:
        amounts: tuple[int, ...] | None = tuple(node.attrs.integers("pads"))
        fill: str | None = number(node.attrs.number("value"))
    else:
        amounts = node.integers(1)
        fill = node.scalar(2) if node.has(2) else "0.0"
    if mode == "constant" and amounts is not None and named is not None and rank is not None and fill is not None:
        count = len(named)
        by_axis = {axis % rank: (amounts[at], amounts[count + at]) for at, axis in enumerate(named)}
        pairs = [by_axis.get(axis, (0, 0)) for axis in reversed(range(rank))]
        while pairs and pairs[-1] == (0, 0):
            pairs.pop()
        flat = [amount for pair in pairs for amount in pair]
        value = "" if float(fill.replace('float("', "").replace('")', "")) == 0 else f", value={fill}"
        return f"F.pad({x}, {listed(flat)}{value})" if flat else x
    pads = listed(amounts) if amounts is not None else node.ints(1)
    places = listed(named) if named is not None else node.ints(3) if node.has(3) else f"list(range({x}.dim()))"
    value = node.optional(2) if "pads" not in node.attrs else "None"
    if "pads" in node.attrs:
        node.attrs.number("value")
    return f'{code.function("pad")}({x}, {pads}, {places}, "{_pad_mode(mode)}", {value})'


def _pad_mode(mode: str) -> str:
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise Refused(f"its mode is {mode!r}")
    return mode


WRITE = {
    "Concat": Row(_concat, since=4),
    "Split": Row(_split, since=2),
    "Slice": Row(_slice),
    "Gather": Row(_gather),
    "GatherElements": Row(_gather_elements),
    "GatherND": Row(_gather_nd),
    "Scatter": Row(_scatter_elements),
    "ScatterElements": Row(_scatter_elements),
    "ScatterND": Row(_scatter_nd),
    "Compress": Row(_compress),
    "NonZero": Row(_non_zero),
    "OneHot": Row(_one_hot),
    "ReverseSequence": Row(_reverse_sequence),
    "Trilu": Row(_trilu),
    "Unique": Row(_unique),
    "Pad": Row(_pad, since=2),
}
