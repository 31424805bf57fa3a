"""Control flow: If, Loop and Scan become Python's own if and for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import onnx_ir as ir

from converters.pytorch.code import Code
from converters.pytorch.held import Held
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row


def _graph(node: Node, name: str) -> ir.Graph:
    graph = node.attrs[name]
    if not isinstance(graph, ir.Graph):
        raise Refused(f"its {name} is no graph")
    return graph


def inside(graph: ir.Graph, given: Mapping[ir.Value, str], code: Code) -> list[str]:
    """Write the nodes of an inner graph where the code stands; returns its results' names."""
    for value, name in given.items():
        code.hold(value, Held(name))
    assert code.walk is not None
    code.walk.write(list(graph))
    return [code.tensor(value) for value in graph.outputs]


def _if(node: Node, code: Code) -> Result:
    branches = _graph(node, "then_branch"), _graph(node, "else_branch")
    condition = node.scalar(0)
    if condition is not None:
        return inside(branches[0 if condition == "True" else 1], {}, code)
    names = [code.fresh(str(value.name)) for value in node.ir.outputs]
    test = node.arg(0)
    for head, branch in zip((f"if bool({test}):", "else:"), branches, strict=True):
        with code.block(head):
            for name, text in zip(names, inside(branch, {}, code), strict=True):
                code.line(f"{name} = {text}")
    return names


def _loop(node: Node, code: Code) -> Result:
    body = _graph(node, "body")
    starts = [node.optional(at) for at in range(2, node.count)]
    carried = _starts(code, starts, [str(value.name) for value in body.inputs[2:]])
    scans = [code.fresh(f"{value.name}_steps") for value in body.outputs[1 + len(carried) :]]
    for name in scans:
        code.line(f"{name} = []")
    step, go = code.fresh(str(body.inputs[0].name)), code.fresh(str(body.inputs[1].name))
    code.line(f"{go} = {f'bool({node.arg(1)})' if node.has(1) else True}")
    count = code.fresh("count")
    limit = node.integer(0) if node.has(0) else str(2**63 - 1)
    code.line(f"{count} = 0")
    with code.block(f"while {go} and {count} < {limit}:"):
        code.line(f"{step} = torch.tensor({count}, device={code.like()}.device)")
        flag = code.fresh("condition")
        code.line(f"{flag} = torch.tensor({go}, device={code.like()}.device)")
        given = dict(zip(body.inputs, [step, flag, *carried], strict=True))
        results = inside(body, given, code)
        code.line(f"{go} = bool({results[0]})")
        for name, text in zip(scans, results[1 + len(carried) :], strict=True):
            code.line(f"{name}.append({text})")
        _advance(code, carried, results[1 : 1 + len(carried)])
        code.line(f"{count} += 1")
    return [*carried, *(_stacked(code, name, value) for name, value in zip(scans, _tail(node, carried), strict=True))]


def _tail(node: Node, carried: Sequence[str]) -> list[ir.Value]:
    return list(node.ir.outputs[len(carried) :])


def _stacked(code: Code, name: str, value: ir.Value) -> str:
    """Steps joined along a new first axis; of no steps, an empty tensor of the known element shape."""
    shape = value.shape
    sizes = [dim if isinstance(dim, int) else 0 for dim in shape][1:] if shape is not None else []
    kind = code.dtype(value.dtype)
    empty = f"torch.zeros([{', '.join(map(str, [0, *sizes]))}], dtype={kind}, device={code.like()}.device)"
    return f"torch.stack({name}) if len({name}) > 0 else {empty}"


def _starts(code: Code, texts: Sequence[str], names: Sequence[str]) -> list[str]:
    carried = []
    for text, wanted in zip(texts, names, strict=True):
        name = code.fresh(wanted)
        code.line(f"{name} = {text}")
        carried.append(name)
    return carried


def _advance(code: Code, carried: Sequence[str], results: Sequence[str]) -> None:
    """All at once: a result may be another one's old value."""
    pairs = [(name, text) for name, text in zip(carried, results, strict=True) if name != text]
    if pairs:
        code.line(f"{', '.join(name for name, _ in pairs)} = {', '.join(text for _, text in pairs)}")


def _scan(node: Node, code: Code) -> Result:
    body, count = _graph(node, "body"), node.attrs.integer("num_scan_inputs")
    states = node.count - count
    scans = len(body.outputs) - states
    axes = Axes(
        list(node.attrs.integers("scan_input_axes")) or [0] * count,
        list(node.attrs.integers("scan_output_axes")) or [0] * scans,
        list(node.attrs.integers("scan_input_directions")) or [0] * count,
        list(node.attrs.integers("scan_output_directions")) or [0] * scans,
    )
    starts = [node.optional(at) for at in range(states)]
    return _steps(code, body, starts, [node.arg(states + at) for at in range(count)], axes)


def _old_scan(node: Node, code: Code) -> Result:
    """Version 8: the states and columns of each sample of a batch, one sample after the other."""
    if node.has(0):
        raise Refused("version 8 of Scan with sequence_lens is not written")
    body, count = _graph(node, "body"), node.attrs.integer("num_scan_inputs")
    states = node.count - 1 - count
    scans = len(body.outputs) - states
    backwards = list(node.attrs.integers("directions")) or [0] * count
    batches = [code.fresh(f"{value.name}_samples") for value in node.ir.outputs]
    for name in batches:
        code.line(f"{name} = []")
    sample = code.fresh("sample")
    with code.block(f"for {sample} in range({node.arg(1)}.shape[0]):"):
        starts, columns = ([f"{node.arg(1 + at)}[{sample}]" for at in part] for part in _split(states, count))
        axes = Axes([0] * count, [0] * scans, backwards, [0] * scans)
        for name, text in zip(batches, _steps(code, body, starts, columns, axes), strict=True):
            code.line(f"{name}.append({text})")
    return [f"torch.stack({name})" for name in batches]


def _split(states: int, columns: int) -> tuple[range, range]:
    return range(states), range(states, states + columns)


class Axes(NamedTuple):
    """Of every column and of every list of results: the axis that is walked along, and whether from its end."""

    columns: Sequence[int]
    results: Sequence[int]
    backwards: Sequence[int]
    reverse: Sequence[int]


def _steps(code: Code, body: ir.Graph, starts: Sequence[str], columns: Sequence[str], axes: Axes) -> list[str]:
    """The loop over the columns; returns the last states and the stacked results."""
    states = len(starts)
    carried = _starts(code, starts, [str(value.name) for value in body.inputs[:states]])
    lists = [code.fresh(f"{value.name}_steps") for value in body.outputs[states:]]
    for name in lists:
        code.line(f"{name} = []")
    step = code.fresh("step")
    with code.block(f"for {step} in range({columns[0]}.shape[{axes.columns[0]}]):"):
        picks = []
        for at, column in enumerate(columns):
            name = code.fresh(str(body.inputs[states + at].name))
            place = f"-1 - {step}" if axes.backwards[at] else step
            code.line(f"{name} = {column}.select({axes.columns[at]}, {place})")
            picks.append(name)
        results = inside(body, dict(zip(body.inputs, [*carried, *picks], strict=True)), code)
        for name, text in zip(lists, results[states:], strict=True):
            code.line(f"{name}.append({text})")
        _advance(code, carried, results[:states])
    stacks = zip(lists, axes.reverse, axes.results, strict=True)
    return [*carried, *(f"torch.stack({name}{'[::-1]' if end else ''}, {axis})" for name, end, axis in stacks)]


WRITE = {
    "If": Row(_if),
    "Loop": Row(_loop),
    "Scan": [Row(_scan, since=9), Row(_old_scan, until=8)],
}
