"""nngraph.gModule: any graph of modules, run in the order of `forwardnodes` (nngraph/gmodule.lua)."""

from __future__ import annotations

from converters.torch7.objects import Object, Table, Value
from converters.torch7.unroll import Call, Network, Tree, Walk, child, integer


def gmodule(network: Network, call: Call) -> Walk:
    """Each node collects the outputs of its sources, by `mapindex`; several make a table."""
    fields = call.module.fields.strings
    nodes = _nodes(network, call)
    outnode, innode = fields.get("outnode"), fields.get("innode")
    if not isinstance(outnode, Object) or not isinstance(innode, Object):
        network.refuse(call, "has no innode and outnode")
    several = (integer(call, "nInputs") or len(_list(innode, "children"))) > 1
    if several and isinstance(call.value, str):
        network.refuse(call, "has several inputs, and gets one tensor")
    inputs: dict[int, dict[int, Tree]] = {}
    first = dict(enumerate(call.value, 1)) if several else {1: call.value}
    inputs[id(_data(network, call, innode))] = first
    number = 0
    for node in nodes:
        data = _data(network, call, node)
        gathered = _gathered(inputs.get(id(data), {}))
        module = data.strings.get("module")
        select = data.strings.get("selectindex")
        if isinstance(select, float):
            output = _selected(network, call, gathered, int(select))
        elif isinstance(module, Object):
            number += 1
            output = yield child(call, module, number, _single(gathered))
        else:
            output = _single(gathered)
        for target in _list(node, "children"):
            if isinstance(target, Object):
                _send(network, call, target, data, output, inputs)
    result = _gathered(inputs.get(id(_data(network, call, outnode)), {}))
    if not result:
        network.refuse(call, "no node leads to its outnode")
    return _single(result) if len(_list(outnode, "children")) == 1 else result


def input_count(module: Object) -> int | None:
    """How many inputs the graph has; None for another kind of module."""
    if module.kind != "nn.gModule":
        return None
    count = module.fields.strings.get("nInputs")
    if isinstance(count, float):
        return int(count)
    innode = module.fields.strings.get("innode")
    return len(_list(innode, "children")) if isinstance(innode, Object) else None


def _send(
    network: Network, call: Call, target: Object, source: Table, output: Tree, inputs: dict[int, dict[int, Tree]]
) -> None:
    data = _data(network, call, target)
    mapindex = data.strings.get("mapindex")
    position = mapindex.at(source) if isinstance(mapindex, Table) else None
    if not isinstance(position, float):
        network.refuse(call, "a node does not say which of its inputs comes from where (mapindex)")
    inputs.setdefault(id(data), {})[int(position)] = output


def _gathered(found: dict[int, Tree]) -> tuple[Tree, ...]:
    return tuple(found[position] for position in sorted(found))


def _single(values: tuple[Tree, ...]) -> Tree:
    return values[0] if len(values) == 1 else values


def _selected(network: Network, call: Call, gathered: tuple[Tree, ...], index: int) -> Tree:
    table = gathered[0] if len(gathered) == 1 else None
    if not isinstance(table, tuple) or not 1 <= index <= len(table):
        network.refuse(call, f"a split node takes entry {index} of what is no table of that length")
    return table[index - 1]


def _nodes(network: Network, call: Call) -> list[Object]:
    found = call.module.fields.strings.get("forwardnodes")
    nodes = found.array() if isinstance(found, Table) else []
    if not nodes:
        network.refuse(call, "has no forwardnodes")
    return [node for node in nodes if isinstance(node, Object)]


def _data(network: Network, call: Call, node: Object) -> Table:
    data: Value = node.fields.strings.get("data")
    if not isinstance(data, Table):
        network.refuse(call, "a node has no data")
    return data


def _list(node: Object, name: str) -> list[Value]:
    found = node.fields.strings.get(name)
    return found.array() if isinstance(found, Table) else []
