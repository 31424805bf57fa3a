"""Layers -> hub: preflight, the READ rows one after the other, names, and the account of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import onnx_ir as ir

from converters.diagnostic import NOWHERE, Diagnostic, Where
from converters.hub.builder import IR_VERSION, OPSET, Builder
from converters.hub.emit import Emit
from converters.hub.layer import Layer, SourceGraph
from converters.hub.optable import OpTable
from converters.hub.report import Report

MAX_FAULTS = 100


def read(
    graph: SourceGraph,
    table: OpTable,
    report: Report,
    *,
    file: str,
    allow_missing: bool = False,
    init: int | None = None,
) -> ir.Model:
    """The hub model of a source graph; every layer is mapped, dropped with a reason, or refused.

    Raises `Diagnostic` with code `unsupported-ops` (all kinds at once), `unsupported-layer`, `attribute-ignored`
    or `weights-mismatch` (all weights at once; missing ones are filled when `allow_missing`). With `init`, a seed, a
    graph without any weights gets variance-preserving ones (hub/initial.py).
    """
    preflight(graph, table, file)
    if init is not None and any(layer.weights for layer in graph.layers):
        raise Diagnostic(
            "init-with-weights",
            "has weights of its own; --init is for a graph without any",
            where=Where(file=file),
            hint="leave out the weights file, or --init; --allow-missing fills single gaps",
        )
    builder = Builder(report, init=init)
    builder.names.update(name for layer in graph.layers for name in layer.outputs)
    builder.names.update(port.name for port in graph.inputs)
    environment = {port.name: builder.input(port) for port in graph.inputs}
    inputs = list(environment.values())
    report.kinds.update(layer.kind for layer in graph.layers)
    report.dropped.update(dict(graph.pruned))
    report.unused.extend(graph.unused)
    report.notes.extend(graph.notes)
    report.metadata.update(graph.metadata)
    for layer in graph.layers:
        _read_layer(layer, table, builder, environment, graph.blobs)
    _settle_weights(graph, builder, file, allow_missing=allow_missing)
    outputs = _outputs(graph, builder, environment)
    _trace(graph, environment, report)
    hub = ir.Graph(
        inputs,
        outputs,
        nodes=builder.nodes,
        initializers=list(builder.initializers.values()),
        opset_imports={"": OPSET},
        name=graph.name or "network",
    )
    return ir.Model(hub, ir_version=IR_VERSION, producer_name="zoo")


def preflight(graph: SourceGraph, table: OpTable, file: str) -> None:
    """Refuses a graph with kinds that the table does not hold: all of them, with counts and first places."""
    counts = Counter(layer.kind for layer in graph.layers if layer.kind not in table)
    if not counts:
        return
    width = max(len(kind) for kind in counts)
    details, first_names = [], []
    for kind, count in sorted(counts.items()):
        first = next(layer for layer in graph.layers if layer.kind == kind)
        near = get_close_matches(kind, table, n=2)
        line = f" (line {first.where.line})" if first.where.line else ""
        like = f"   similar: {', '.join(near)}" if near else ""
        details.append(f'{kind:<{width}} {count:>4}x   first: layer "{first.name}"{line}{like}')
        first_names.append(first)
    earliest = min(first_names, key=graph.layers.index)
    before = earliest.inputs[0] if earliest.inputs else None
    cut = f"--cut-at {graph.blobs.get(before, before)}, or " if before else ""
    what = "kind has" if len(counts) == 1 else "kinds have"
    raise Diagnostic(
        "unsupported-ops",
        f"cannot be read: {len(counts)} layer {what} no mapping",
        where=Where(file=file),
        details=details,
        hint=f'{cut}add one file a kind (CONTRIBUTING, "a layer")',
    )


def _read_layer(
    layer: Layer, table: OpTable, builder: Builder, environment: dict[str, ir.Value], blobs: Mapping[str, str]
) -> None:
    row = table[layer.kind]
    emit = Emit(builder, layer, tuple(environment[name] for name in layer.inputs))
    result = row.op(layer, emit)
    values = (result,) if isinstance(result, ir.Value) else tuple(result)
    if len(values) != len(layer.outputs):
        emit.refuse(f"has {len(layer.outputs)} tops, a {layer.kind} has {len(values)}")
    _demand_all_read(layer, row.neutral)
    _name_nodes(layer, emit, values, builder)
    for name, value in zip(layer.outputs, values, strict=True):
        environment[name] = value
        _name_value(value, name, emit.nodes, blobs)
    report = builder.report
    if emit.dropped_reason:
        report.dropped[layer.name] = emit.dropped_reason
    else:
        report.mapped[layer.name] = [node.op_type for node in emit.nodes]


def _demand_all_read(layer: Layer, neutral: Sequence[str]) -> None:
    ignored = [name for name in layer.attrs.unread() if name not in neutral]
    if ignored:
        raise Diagnostic(
            "attribute-ignored",
            f"sets {', '.join(ignored)}, which zoo does not know for this kind; ignoring it could change the numbers",
            where=layer.where,
            hint="remove it if the framework that made the file ignores it too",
        )


def _name_nodes(layer: Layer, emit: Emit, values: Sequence[ir.Value], builder: Builder) -> None:
    """The node that makes the layer's result bears the layer's name, the others `layer/Operator`."""
    last = {value.producer() for value in values}
    for node in emit.nodes:
        role = layer.name if node in last else f"{layer.name}/{node.op_type}"
        node.name = _unique_node(role, builder)
        for value in node.outputs:
            if value not in values:
                value.name = builder.unique(node.name if len(node.outputs) == 1 else f"{node.name}.{value.index()}")


def _unique_node(name: str, builder: Builder) -> str:
    """Node names live in a name space of their own, marked by a character that no value name starts with."""
    return builder.unique(f"\0{name}")[1:]


def _name_value(value: ir.Value, name: str, nodes: Sequence[ir.Node], blobs: Mapping[str, str]) -> None:
    """A new value takes the source's name; a value passed on takes it where it is the same blob, later in the chain.

    An input of the network keeps its name whatever passes it on.
    """
    made_here = value.producer() in nodes
    same_blob = value.name in blobs and blobs[str(value.name)] == blobs.get(name)
    if made_here or (same_blob and value.producer() is not None):
        value.name = name


def _settle_weights(graph: SourceGraph, builder: Builder, file: str, *, allow_missing: bool) -> None:
    """Refuses graph and weights that do not fit, with all faults in one table."""
    faults = builder.weight_faults
    missing = [fault for fault in faults if fault.found is None]
    extra = [*_unread_weights(graph.layers, builder), *graph.surplus]
    report = builder.report
    if len(missing) == len(faults) and (allow_missing or not (missing or extra)):
        report.filled.update({f"{fault.layer}/{fault.role}": "the filler's constant, or zero" for fault in missing})
        report.unused.extend(extra)
        return
    details = [str(fault) for fault in faults]
    details += [f"{name}: in the weights file only, though the graph depends on it" for name in extra]
    if len(details) > MAX_FAULTS:
        details[MAX_FAULTS:] = [f"... and {len(details) - MAX_FAULTS} more"]
    differing = len(faults) - len(missing)
    raise Diagnostic(
        "weights-mismatch",
        f"graph and weights do not fit: {len(missing)} missing, {len(extra)} extra, {differing} of another shape",
        where=Where(file=file),
        details=details,
        hint="are the two files of the same network?"
        if differing
        else "--allow-missing goes on with what the framework would start from",
    )


def _unread_weights(layers: Sequence[Layer], builder: Builder) -> list[str]:
    unread = ((layer, key) for layer in layers for key in layer.weights if (layer.name, key) not in builder.used)
    return [f"{layer.name}/{key}" for layer, key in unread]


def _outputs(graph: SourceGraph, builder: Builder, environment: Mapping[str, ir.Value]) -> list[ir.Value]:
    """The graph's outputs under the source's names; an Identity where a dropped layer leaves no value of that name."""
    outputs = []
    for name in graph.outputs:
        value = environment[name]
        if value.name != name or value in outputs or value.producer() is None:
            node = builder.node("Identity", (value,), 1, {})
            node.name = _unique_node(name, builder)
            (value,) = node.outputs
            value.name = name
        outputs.append(value)
    if not outputs:
        raise Diagnostic("no-output", "the network has no output", where=NOWHERE)
    return outputs


def _trace(graph: SourceGraph, environment: Mapping[str, ir.Value], report: Report) -> None:
    """Provenance both ways: which layer made each ONNX value, and which value is each blob of the source."""
    for layer in graph.layers:
        for name in layer.outputs:
            value = str(environment[name].name)
            report.provenance[value] = layer.name
            report.blobs[graph.blobs.get(name, name)] = value
