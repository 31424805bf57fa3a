"""Models of a newer operator set than the hub's: relabelled where their operators mean the same in the hub's."""

from __future__ import annotations

import onnx
from onnx import defs, helper

from converters.diagnostic import Diagnostic
from converters.hub.builder import OPSET

_CHANGED = frozenset({"DFT", "GridSample", "GroupNormalization"})
"""Operators that kept their name but mean something else since a later version; all others only took in more types."""


def lower(proto: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """The model in the hub's operator set; refuses what only the newer set can say, all at once."""
    new: set[str] = set()
    for node in proto.graph.node:
        if node.domain not in ("", "ai.onnx"):
            continue
        _drop_defaults(node, version)
        if not _known(node):
            new.add(node.op_type)
    if new:
        raise Diagnostic(
            "opset",
            f"opset {version} says what opset {OPSET} cannot: {', '.join(sorted(new))}",
            hint=f"export the model with opset {OPSET}",
        )
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = OPSET
    return proto


def _known(node: onnx.NodeProto) -> bool:
    if node.op_type in _CHANGED or not defs.has(node.op_type, OPSET, ""):
        return False
    schema = defs.get_schema(node.op_type, OPSET, "")
    count = len(node.input)
    return all(found.name in schema.attributes for found in node.attribute) and count <= schema.max_input


def _drop_defaults(node: onnx.NodeProto, version: int) -> None:
    """Attributes that the hub's set does not know, where they say what is the default anyway."""
    if not (defs.has(node.op_type, OPSET, "") and defs.has(node.op_type, version, "")):
        return
    old, new = (defs.get_schema(node.op_type, number, "").attributes for number in (OPSET, version))
    for found in list(node.attribute):
        if found.name in old or found.name not in new:
            continue
        value, default = helper.get_attribute_value(found), new[found.name].default_value
        plain = found.name == "dilations" and set(value) == {1}
        if plain or (default.name and helper.get_attribute_value(default) == value):
            node.attribute.remove(found)
