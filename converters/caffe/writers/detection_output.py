"""DetectionOutput: the sixty nodes that zoo's reader makes of it, recognised as a whole, become SSD's layer again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.decoding import CODES
from converters.caffe.ops.detection_output import detection_output as read
from converters.caffe.writers.joints import parameter
from converters.diagnostic import Diagnostic
from converters.hub.attributes import Attributes
from converters.hub.builder import Builder
from converters.hub.emit import Emit
from converters.hub.layer import Layer, Port
from converters.hub.matching import Declined, Match, attributes
from converters.hub.report import Report
from converters.hub.view import View
from converters.hub.writetable import Write

DOMAIN, OPERATOR = "zoo.caffe", "DetectionOutput"
_BOTTOMS = ("location", "confidence", "priors")
_REACH = 120  # nodes; the reader's own subgraph has about sixty
_ALL = 1 << 30


@dataclass(frozen=True, slots=True)
class _Read:
    """What the subgraph's own constants say, whatever the code of its boxes is."""

    end: ir.Node
    priors: int
    classes: int
    background: int
    top_k: int
    keep: int
    overlap: float
    threshold: float | None

    def fields(self, code: str, *, shared: bool, plain: bool) -> dict[str, object]:
        """The layer's parameters."""
        found: dict[str, object] = {
            "num_classes": self.classes,
            "share_location": shared,
            "background_label_id": self.background,
            "nms_param": {"nms_threshold": self.overlap, "top_k": self.top_k},
            "code_type": code,
            "variance_encoded_in_target": plain,
            "keep_top_k": self.keep,
        }
        return found if self.threshold is None else {**found, "confidence_threshold": self.threshold}


def contract(model: ir.Model) -> None:
    """Each subgraph that is, node for node, what the reader makes of some DetectionOutput becomes one node.

    The node has the layer's parameters as attributes; its inputs are location, confidence and priors.
    """
    for node in list(model.graph):
        if node.op_type == "NonMaxSuppression" and not node.domain:
            found = _recognised(node)
            if found is not None:
                _replace(model.graph, *found)
                model.graph.opset_imports[DOMAIN] = 1


def _recognised(node: ir.Node) -> tuple[ir.Node, list[ir.Node], list[ir.Value], Mapping[str, object]] | None:
    """The last node, all nodes, the three bottoms, and the parameters; None where nothing fits node for node."""
    read_off = _read_off(node)
    if read_off is None:
        return None
    for code, shared, plain in product(CODES, (True, False), (False, True)):
        fields = read_off.fields(code, shared=shared, plain=plain)
        template = _template(read_off, fields, shared=shared)
        found = None if template is None else _same(template, read_off.end.outputs[0])
        if found is not None:
            nodes, bound = found
            if _closed(nodes, read_off.end):
                return read_off.end, nodes, [bound[name] for name in _BOTTOMS], fields
    return None


def _closed(nodes: Sequence[ir.Node], end: ir.Node) -> bool:
    """Whether nobody but these nodes reads what the inner ones make."""
    members = set(nodes)
    inner = [value for node in members - {end} for value in node.outputs]
    return all(not value.is_graph_output() and all(reader in members for reader, _ in value.uses()) for value in inner)


def _read_off(node: ir.Node) -> _Read | None:
    most, overlap, threshold = ((_numbers(node, slot)) for slot in (2, 3, 4))
    gather, by_prior = _scores(node)
    labels, sizes = _numbers(gather, 1), _numbers(by_prior, 1)
    if most is None or overlap is None or labels is None or sizes is None or len(sizes) != 3:
        return None
    after = list(_followers(node))
    end = next((member for member in after if member.op_type == "Unsqueeze" and _is(member, 1, [0, 1])), None)
    best = next((member for member in after if member.op_type == "TopK" and _axis(member) == 1), None)
    keep = _numbers(best, 1)
    classes = int(sizes[2])
    missing = sorted(set(range(min(classes, _REACH**2))) - {int(label) for label in labels})
    if end is None or keep is None or len(missing) > 1:
        return None
    background = missing[0] if missing else -1
    limit = None if threshold is None else float(threshold[0])
    return _Read(end, int(sizes[1]), classes, background, int(most[0]), int(keep[0]), float(overlap[0]), limit)


def _scores(node: ir.Node) -> tuple[ir.Node | None, ir.Node | None]:
    """Upwards from the scores: the Gather that picks classes, and the Reshape that says how many there are."""
    gather: ir.Node | None = None
    above: ir.Value | None = node.inputs[1]
    for _ in range(8):
        maker = above.producer() if above is not None else None
        if maker is None:
            return None, None
        if gather is None and maker.op_type == "Gather" and _axis(maker) == 1:
            gather = maker
        elif gather is not None and maker.op_type == "Reshape":
            return gather, maker
        above = maker.inputs[0]
    return None, None


def _followers(node: ir.Node) -> Iterator[ir.Node]:
    """The nodes behind, nearest first, as far as one layer's subgraph can reach."""
    seen, line = {node}, [node]
    while line and len(seen) < _REACH:
        current = line.pop(0)
        for value in current.outputs:
            for reader, _ in value.uses():
                if reader not in seen:
                    seen.add(reader)
                    line.append(reader)
                    yield reader


def _template(found: _Read, fields: Mapping[str, object], *, shared: bool) -> ir.Value | None:
    """The reader's own result for a layer with these parameters; None where it would refuse it."""
    nms = {"eta": 1.0, **Attributes(fields).record("nms_param")} if fields["nms_param"] else None  # type: ignore[dict-item] # a record is a mapping
    values = {"no_permute": False, "normalized": True, "confidence_threshold": None, **fields, "nms_param": nms}
    layer = Layer(OPERATOR, OPERATOR, _BOTTOMS, ("out",), Attributes(values, frozenset(fields)))
    builder = Builder(Report())
    boxes = found.priors * 4
    shapes = ((1, boxes * (1 if shared else found.classes)), (1, found.priors * found.classes), (1, 2, boxes))
    inputs = tuple(builder.input(Port(name, shape, "float32")) for name, shape in zip(_BOTTOMS, shapes, strict=True))
    if found.priors < 1 or found.classes < 1 or boxes * found.classes > _ALL:
        return None
    try:
        return read(layer, Emit(builder, layer, inputs))
    except Diagnostic:
        return None


def _same(template: ir.Value, value: ir.Value) -> tuple[list[ir.Node], dict[str, ir.Value]] | None:
    """The nodes of the graph that are those of the template, and the values in place of its inputs."""
    nodes: dict[ir.Node, ir.Node] = {}
    bound: dict[str, ir.Value] = {}
    pairs: list[tuple[ir.Value | None, ir.Value | None]] = [(template, value)]
    while pairs:
        wanted, found = pairs.pop()
        if wanted is None or found is None:
            if wanted is not found:
                return None
        elif wanted.const_value is not None:
            if not _equal(wanted, found):
                return None
        elif wanted.producer() is None:
            if bound.setdefault(str(wanted.name), found) is not found:
                return None
        else:
            more = _paired(wanted, found, nodes)
            if more is None:
                return None
            pairs += more
    return list(nodes.values()), bound


def _paired(
    wanted: ir.Value, found: ir.Value, nodes: dict[ir.Node, ir.Node]
) -> list[tuple[ir.Value | None, ir.Value | None]] | None:
    """The inputs of the two nodes that make these values, side by side; None where the nodes differ."""
    one, other = wanted.producer(), found.producer()
    if one is None or other is None or wanted.index() != found.index():
        return None
    if one in nodes:
        return [] if nodes[one] is other else None
    alike = one.op_type == other.op_type and not other.domain and len(one.inputs) == len(other.inputs)
    if not alike or dict(attributes(one)) != dict(attributes(other)):
        return None
    nodes[one] = other
    return list(zip(one.inputs, other.inputs, strict=True))


def _equal(wanted: ir.Value, found: ir.Value) -> bool:
    if found.const_value is None or wanted.const_value is None:
        return False
    if found.const_value.shape != wanted.const_value.shape or found.dtype != wanted.dtype:
        return False
    return bool(np.array_equal(wanted.const_value.numpy(), found.const_value.numpy()))


def _replace(
    graph: ir.Graph,
    end: ir.Node,
    nodes: Sequence[ir.Node],
    bottoms: Sequence[ir.Value],
    fields: Mapping[str, object],
) -> None:
    flat = {name: value for name, value in fields.items() if name != "nms_param"}
    flat |= Attributes(fields).record("nms_param") or {}
    typed = {name: int(value) if isinstance(value, bool) else value for name, value in flat.items()}
    old = end.outputs[0]
    node = ir.node(OPERATOR, bottoms, attributes=typed, domain=DOMAIN, num_outputs=1, name=end.name)  # type: ignore[arg-type] # numbers and texts
    (made,) = node.outputs
    made.name, made.shape, made.type = old.name, old.shape, old.type
    graph.insert_after(end, node)
    old.name = f"{old.name}/contracted"
    old.replace_all_uses_with(made, replace_graph_outputs=True)
    graph.remove(list(nodes), safe=True)


def _numbers(node: ir.Node | None, slot: int) -> np.ndarray | None:
    """A stored input, flat; None where it is computed or absent."""
    if node is None or slot >= len(node.inputs):
        return None
    value = node.inputs[slot]
    return None if value is None or value.const_value is None else value.const_value.numpy().reshape(-1)


def _is(node: ir.Node, slot: int, wanted: Sequence[int]) -> bool:
    numbers = _numbers(node, slot)
    return numbers is not None and numbers.tolist() == list(wanted)


def _axis(node: ir.Node) -> object:
    return attributes(node).get("axis")


def detection_output(match: Match, view: View) -> Sequence[Layer]:
    """Writes the subgraph that zoo reads DetectionOutput as back as DetectionOutput, stored priors as a Parameter."""
    if view.dialect != "ssd":
        raise Declined(
            "it is SSD's DetectionOutput, and plain BVLC Caffe has no such layer",
            "--dialect ssd for forks that have it",
        )
    attrs = match.attrs[0]
    nms = {"nms_threshold": attrs.number("nms_threshold"), "top_k": attrs.integer("top_k")}
    fields: dict[str, object] = {
        "num_classes": attrs.integer("num_classes"),
        "share_location": attrs.flag("share_location"),
        "background_label_id": attrs.integer("background_label_id"),
        "nms_param": nms,
        "code_type": attrs.text("code_type"),
        "variance_encoded_in_target": attrs.flag("variance_encoded_in_target"),
        "keep_top_k": attrs.integer("keep_top_k"),
    }
    if "confidence_threshold" in attrs.explicit:
        fields["confidence_threshold"] = attrs.number("confidence_threshold")
    values = [match.operand(slot) for slot in range(3)]
    layers, bottoms = [], list[str]()
    for role, value in zip(_BOTTOMS, values, strict=True):
        assert value is not None
        name = f"{match.name}/{role}" if view.is_constant(value) else str(value.name)
        if view.is_constant(value):
            layers.append(parameter(match, view, value, name, role=role))
        elif role != "priors" and view.sizes(value)[1:2] != (view.count(value, 1),):
            raise Declined(f"its {role} {value.name} is no vector an image")
        bottoms.append(name)
    return [*layers, match.layer(OPERATOR, fields, inputs=bottoms)]


WRITE = (Write(detection_output, (f"{DOMAIN}::{OPERATOR}",)),)
