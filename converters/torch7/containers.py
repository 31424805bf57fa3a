"""How nn's containers and table modules move values; what computes becomes a layer, the rest leaves none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.torch7 import gmodule, weightnorm
from converters.torch7.objects import Object, Table
from converters.torch7.unroll import Call, Container, Network, Tree, Walk, child, children, integer, leaves


def sequential(_network: Network, call: Call) -> Walk:
    """One after the other."""
    value = call.value
    for inner in children(call):
        value = yield inner._replace(value=value)
    return value


def decorator(network: Network, call: Call) -> Walk:
    """Only its first module counts (Decorator, GPU, DataParallelTable, Profile, dpnn's Inception...)."""
    inner = children(call)[:1]
    if not inner:
        network.refuse(call, "holds no module")
    network.dropped(call, "hands its input to the module inside")
    return (yield inner[0])


def concat_table(_network: Network, call: Call) -> Walk:
    """The same input for each; a table of their outputs."""
    return (yield from _each(children(call)))


def concat(network: Network, call: Call) -> Walk:
    """The same input for each; the outputs joined by a layer of the container's own kind."""
    outputs = yield from _each(children(call))
    (value,) = network.layer(call, inputs=outputs)
    return value


def parallel_table(network: Network, call: Call) -> Walk:
    """An entry of the table for each."""
    inner = children(call)
    entries = _entries(network, call, len(inner))
    return (yield from _each([module._replace(value=entry) for module, entry in zip(inner, entries, strict=True)]))


def map_table(network: Network, call: Call) -> Walk:
    """One module for each entry of the table; clones share its weights."""
    inner = children(call)[:1]
    if not inner:
        network.refuse(call, "holds no module")
    entries = enumerate(_entries(network, call), 1)
    return (yield from _each([child(call, inner[0].module, position, entry) for position, entry in entries]))


def parallel(network: Network, call: Call) -> Walk:
    """A slice of the input for each (along inputDimension), the outputs joined (along outputDimension)."""
    inner = []
    for position, module in enumerate(children(call), 1):
        extra = {"dimension": integer(call, "inputDimension", 1), "index": position}
        (part,) = network.layer(call, kind="nn.Select", extra=extra, role=f"select{position}")
        inner.append(module._replace(value=part))
    outputs = yield from _each(inner)
    (value,) = network.layer(call, inputs=outputs)
    return value


def folded(network: Network, call: Call) -> Walk:
    """Bottle and CReLU: the input is folded, the modules run on it, the result gets its dimensions back."""
    value: Tree
    (value,) = network.layer(call, kind=f"{call.module.kind}/fold", role="fold")
    for inner in children(call):
        value = yield inner._replace(value=value)
    (result,) = network.layer(call, inputs=(value, call.value))
    return result


def convert(network: Network, call: Call) -> Walk:
    """Convert runs the module that it built at its first forward; before that, a transposition of named dimensions."""
    inner = children(call)[:1]
    if inner:
        return (yield inner[0])
    (value,) = network.layer(call)
    return value


def weight_norm(network: Network, call: Call) -> Walk:
    """The inner module with the weight g * v / |v| that WeightNorm's own write() leaves out."""
    inner = children(call)
    if len(inner) != 1:
        network.refuse(call, "holds no module")
    weight = weightnorm.weight(call.module, network.parameters)
    if weight is None:
        network.refuse(call, "lacks v, g or their dimensions")
    network.parameters.lend(inner[0].module, "weight", weight)
    network.dropped(call, "its weight is computed for the module inside")
    return (yield inner[0])


def passed(reason: str) -> Container:
    """A module that returns its input, table or not."""

    def walk(network: Network, call: Call) -> Walk:
        if not isinstance(call.value, str):
            network.dropped(call, reason)
            return call.value
        (value,) = network.layer(call)
        return value
        yield

    return walk


def routed(route: Callable[[Network, Call], Tree], reason: str) -> Container:
    """A module that only chooses, regroups or renames entries of a table."""

    def walk(network: Network, call: Call) -> Walk:
        network.dropped(call, reason)
        return route(network, call)
        yield

    return walk


def split_table(network: Network, call: Call) -> Walk:
    """A table of slices along a dimension: how many shows the shape of the input."""
    if not isinstance(call.value, str):
        network.refuse(call, "splits a tensor, and its input is a table")
    shape = network.shape(network.layers, call.value)
    dimension = integer(call, "dimension", 1) or 1
    count: object = 1
    if shape is not None:
        if dimension < 0:
            dimension += len(shape) + 1
        elif integer(call, "nInputDims") == len(shape) - 1:
            dimension += 1
        if not 1 <= dimension <= len(shape):
            network.refuse(call, f"dimension {dimension} is outside the {len(shape)} dimensions of its input")
        count = shape[dimension - 1]
    if not isinstance(count, int):
        network.refuse(
            call, "splits a dimension whose size is not fixed", "--input NAME:1,3,224,224", code="needs-fixed-shape"
        )
    outputs = network.layer(call, outputs=count)
    return outputs
    yield


def mixture_table(network: Network, call: Call) -> Walk:
    """{gater, experts}: the experts are a table or one tensor; the layer is told which."""
    gater, experts = _entries(network, call, 2)
    (value,) = network.layer(call, inputs=(gater, experts), extra={"table": not isinstance(experts, str)})
    return value
    yield


def add_tensor_table(network: Network, call: Call) -> Walk:
    """{x, {a, b}} -> {x + a, x + b}."""
    first, rest = _entries(network, call, 2)
    if isinstance(rest, str) or not isinstance(first, str):
        network.refuse(call, "wants a tensor and a table")
    outputs = [
        network.layer(call, kind="nn.CAddTable", inputs=(entry, first), role=str(position))
        for position, entry in enumerate(rest, 1)
    ]
    return tuple(value for (value,) in outputs)
    yield


def unpooling(network: Network, call: Call) -> Walk:
    """Unpooling reads the indices of a pooling module elsewhere in the network: the layer gets that one's input."""
    pooling = call.module.fields.strings.get("pooling")
    known = network.seen.get(id(pooling))
    if not isinstance(pooling, Object) or known is None:
        network.refuse(call, "its pooling module does not come before it")
    extra = {f"pooling_{name}": value for name, value in network.parameters.attributes(pooling).items()}
    (value,) = network.layer(call, inputs=(call.value, known[1]), extra=extra)
    return value
    yield


def partial_linear(network: Network, call: Call) -> Walk:
    """PartialLinear keeps its weight in the LookupTable of a network of its own; the layer is lent it."""
    inner = call.module.fields.strings.get("network")
    for position in (1, 2):
        modules = inner.fields.strings.get("modules") if isinstance(inner, Object) else None
        listed = modules.array() if isinstance(modules, Table) else []
        inner = listed[position - 1] if len(listed) >= position else None
    if not isinstance(inner, Object):
        network.refuse(call, "has no network of a ParallelTable with a LookupTable")
    for name, weight in network.parameters.weights(inner).items():
        network.parameters.lend(call.module, str(name), weight)
    (value,) = network.layer(call)
    return value
    yield


def _each(calls: Sequence[Call]) -> Walk:
    """Their outputs as a table."""
    outputs = []
    for call in calls:
        output = yield call
        outputs.append(output)
    return tuple(outputs)


def _entries(network: Network, call: Call, count: int | None = None) -> tuple[Tree, ...]:
    if isinstance(call.value, str):
        network.refuse(
            call,
            "wants a table, and its input is one tensor",
            "name the entries of an input table: --input input1:1,3,32,32 --input input2:1,8",
        )
    if count is not None and len(call.value) != count:
        network.refuse(call, f"wants a table of {count}, and its input is a table of {len(call.value)}")
    return call.value


def _select(network: Network, call: Call) -> Tree:
    entries = _entries(network, call)
    index = integer(call, "index")
    if index is None:
        network.refuse(call, "selects by a key that is no number")
    position = index + len(entries) if index < 0 else index - 1
    if not 0 <= position < len(entries):
        network.refuse(call, f"selects entry {index} of {len(entries)}")
    return entries[position]


def _narrow(network: Network, call: Call) -> Tree:
    entries = _entries(network, call)
    first, length = integer(call, "offset", 1) or 1, integer(call, "length", 1) or 1
    if first < 1 or first - 1 + length > len(entries):
        network.refuse(call, f"takes entries {first} to {first + length - 1} of {len(entries)}")
    return entries[first - 1 : first - 1 + length]


def _flatten(network: Network, call: Call) -> Tree:
    _entries(network, call)
    return tuple(leaves(call.value))


def _zip(network: Network, call: Call) -> Tree:
    rows = _entries(network, call)
    if any(isinstance(row, str) for row in rows) or len({len(row) for row in rows}) > 1:
        network.refuse(call, "wants tables of one length in a table")
    return tuple(tuple(row[position] for row in rows) for position in range(len(rows[0]) if rows else 0))


def _zip_one_to_many(network: Network, call: Call) -> Tree:
    one, many = _entries(network, call, 2)
    if isinstance(many, str):
        network.refuse(call, "wants a table as its second entry")
    return tuple((one, entry) for entry in many)


def _just_element(network: Network, call: Call) -> Tree:
    return _entries(network, call, 1)[0]


CONTAINERS: dict[str, Container] = {
    "nn.Sequential": sequential,
    "nn.SpatialLPPooling": sequential,
    "nn.Maxout": sequential,
    "nn.LayerNormalization": sequential,
    "nn.Decorator": decorator,
    "nn.DontCast": decorator,
    "nn.GPU": decorator,
    "nn.DataParallelTable": decorator,
    "nn.DataParallel": decorator,
    "nn.ModelParallel": sequential,
    "nn.Inception": decorator,
    "nn.Serial": decorator,
    "nn.Profile": decorator,
    "nn.NaN": decorator,
    "nn.Optim": decorator,
    "nn.WeightNorm": weight_norm,
    "nn.Bottle": folded,
    "nn.CReLU": folded,
    "nn.Convert": convert,
    "nn.ConcatTable": concat_table,
    "nn.Concat": concat,
    "nn.DepthConcat": concat,
    "nn.ParallelTable": parallel_table,
    "nn.MapTable": map_table,
    "nn.Parallel": parallel,
    "nn.gModule": gmodule.gmodule,
    "nn.Identity": passed("does nothing"),
    "nn.Copy": passed("copies between tensor types"),
    "nn.Contiguous": passed("changes the memory layout only"),
    "nn.PrintSize": passed("prints while it runs"),
    "nn.ZeroGrad": passed("acts in training only"),
    "nn.GradientReversal": passed("acts in training only"),
    "nn.L1Penalty": passed("acts in training only"),
    "nn.SelectTable": routed(_select, "selects an entry of a table"),
    "nn.NarrowTable": routed(_narrow, "selects entries of a table"),
    "nn.FlattenTable": routed(_flatten, "flattens a table"),
    "nn.ZipTable": routed(_zip, "regroups a table"),
    "nn.ZipTableOneToMany": routed(_zip_one_to_many, "regroups a table"),
    "nngraph.JustElement": routed(_just_element, "takes the only entry of a table"),
    "nngraph.JustTable": routed(lambda _network, call: (call.value,), "makes a table of one entry"),
    "nn.SplitTable": split_table,
    "nn.PartialLinear": partial_linear,
    "nn.MixtureTable": mixture_table,
    "nn.CAddTensorTable": add_tensor_table,
    "nn.SpatialMaxUnpooling": unpooling,
    "nn.VolumetricMaxUnpooling": unpooling,
}
"""Kind -> how its values move. A kind that is not here is a layer with one output."""
