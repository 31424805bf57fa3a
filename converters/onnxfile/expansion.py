"""Operators that ONNX itself defines as functions become local functions of the model, ready to be inlined."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import onnx
from onnx import defs, inliner, shape_inference

from converters.diagnostic import Diagnostic

Known = Collection[tuple[str, str]]
_DOMAIN = "zoo.expanded"


_DEEPEST = 8  # definitions that hold operators with definitions


def expanded(proto: onnx.ModelProto, known: Known) -> onnx.ModelProto:
    """The model with every operator that is not `known` but has a definition replaced by that definition."""
    for _ in range(_DEEPEST):
        if not call(proto, known):
            break
        try:
            proto = inliner.inline_local_functions(proto, convert_version=True)
        except RuntimeError as fault:
            reason = str(fault).strip().splitlines()[0]
            raise Diagnostic("invalid-model", f"an operator's definition cannot take its place: {reason}") from fault
    return proto


def call(proto: onnx.ModelProto, known: Known) -> int:
    """Let every node that is not `known` but has a definition call that definition; returns how many do."""
    versions = {entry.domain if entry.domain != "ai.onnx" else "": entry.version for entry in proto.opset_import}
    if not any(_defined(node, versions, known) for node in _nodes(proto.graph)):
        return 0
    types = _types(shape_inference.infer_shapes(proto, data_prop=True).graph)
    count = 0
    for node in _nodes(proto.graph):
        schema = _defined(node, versions, known)
        body = None if schema is None else _body(node, schema, versions, types)
        if schema is None or body is None:
            continue
        body.name, body.domain = f"{node.op_type}_{count}", _DOMAIN
        proto.functions.append(body)
        _pass_attributes(node, body, schema)
        node.op_type, node.domain = body.name, _DOMAIN
        count += 1
    if count and not any(entry.domain == _DOMAIN for entry in proto.opset_import):
        proto.opset_import.add(domain=_DOMAIN, version=1)
    return count


def _nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of a graph and of those inside it."""
    found = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found += _nodes(inner)
    return found


def _defined(node: onnx.NodeProto, versions: Mapping[str, int], known: Known) -> Any | None:
    domain = node.domain if node.domain != "ai.onnx" else ""
    if (domain, node.op_type) in known or domain not in versions:
        return None
    try:
        schema: Any = defs.get_schema(node.op_type, versions[domain], domain)  # its stub lacks the functions
    except defs.SchemaError:
        return None
    return schema if schema.has_function or schema.has_context_dependent_function else None


def _types(graph: onnx.GraphProto) -> dict[str, onnx.TypeProto]:
    found = {value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)}
    for tensor in graph.initializer:
        found.setdefault(tensor.name, onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims))
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found |= _types(inner)
    return found


def _body(
    node: onnx.NodeProto, schema: Any, versions: Mapping[str, int], types: Mapping[str, onnx.TypeProto]
) -> onnx.FunctionProto | None:
    """The definition for this very node, in the newest form that is not newer than the model's operator set."""
    current = versions.get("", 1)
    inputs = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
    if schema.has_context_dependent_function:
        stated = schema.context_dependent_function_opset_versions
        version = max((entry for entry in stated if entry <= current), default=None)
        if version is None:
            return None
        text = schema.get_context_dependent_function_with_opset_version(version, node.SerializeToString(), inputs)
    else:
        version = max((entry for entry in schema.function_opset_versions if entry <= current), default=None)
        if version is None:
            return None
        text = schema.get_function_with_opset_version(version)
    body = onnx.FunctionProto()
    body.ParseFromString(text)
    return body if body.node else None


def _pass_attributes(node: onnx.NodeProto, body: onnx.FunctionProto, schema: defs.OpSchema) -> None:
    """The call states what the body asks for, defaults too, and nothing that the body was built for already."""
    asked = {*body.attribute, *(attribute.name for attribute in body.attribute_proto)}
    kept = {attribute.name: attribute for attribute in node.attribute if attribute.name in asked}
    for name in asked - set(kept):
        if name in schema.attributes and schema.attributes[name].default_value.name:
            kept[name] = schema.attributes[name].default_value
    attributes = list(kept.values())
    del node.attribute[:]
    node.attribute.extend(attributes)
