"""The hub graph under construction: nodes, initializers, their types, and the faults found on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import defs, helper, numpy_helper, shape_inference

from converters.hub.initial import drawn
from converters.hub.layer import Dim, Layer, Port
from converters.hub.report import Report
from converters.weights import ArrayWeight, ComputedWeight, Shape, Weight, cast, nbytes, reshaped

OPSET = 18
"""The hub's one operator set: old enough for every living runtime, new enough for axes as inputs and Mish."""
IR_VERSION = 8
_SMALL = 1024  # bytes; constants up to this size take part in shape inference

WEIGHT = "zoo.weight"
"""Key in a tensor's `meta` under which its lazy `Weight` travels."""


@dataclass(frozen=True, slots=True)
class WeightFault:
    """A weight that the file lacks (`found` is None) or holds under a shape that does not fit."""

    layer: str
    role: str
    expected: Shape
    found: Shape | None

    def __str__(self) -> str:
        held = "none" if self.found is None else str(list(self.found))
        return f"{self.layer}/{self.role}: the graph wants {list(self.expected)}, the weights file has {held}"


@dataclass(slots=True)
class Builder:
    """Collects the hub graph of one network; `weight_faults` are for the driver to report together."""

    report: Report
    init: int | None = None
    nodes: list[ir.Node] = field(default_factory=list)
    initializers: dict[str, ir.Value] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    weight_faults: list[WeightFault] = field(default_factory=list)
    used: set[tuple[str, int | str]] = field(default_factory=set)
    _types: dict[ir.Value, onnx.TypeProto] = field(default_factory=dict)
    _constants: dict[ir.Value, onnx.TensorProto] = field(default_factory=dict)
    _shared: dict[tuple[int, Shape], ir.Value] = field(default_factory=dict)

    def node(self, op: str, inputs: Sequence[ir.Value | None], count: int, attributes: Mapping[str, object]) -> ir.Node:
        """Add a node; its attributes are converted to the schema's types, its outputs' types inferred."""
        schema = defs.get_schema(op, OPSET, "")
        typed: dict[str, Any] = {name: _typed(schema, name, value) for name, value in attributes.items()}
        names = ["" if value is None else f"i{position}" for position, value in enumerate(inputs)]
        proto = helper.make_node(op, names, [f"o{position}" for position in range(count)], **typed)
        present = [(name, value) for name, value in zip(names, inputs, strict=True) if value is not None]
        inferred = shape_inference.infer_node_outputs(
            schema,
            proto,
            {name: self._types[value] for name, value in present},
            {name: self._constants[value] for name, value in present if value in self._constants},
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        node = ir.node(op, inputs, attributes=typed, num_outputs=count)
        for position, value in enumerate(node.outputs):
            self._assign(value, inferred[f"o{position}"])
        self.nodes.append(node)
        return node

    def input(self, port: Port) -> ir.Value:
        """Declare an input of the network."""
        element = helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
        value = ir.Value(name=port.name)
        self._assign(value, helper.make_tensor_type_proto(element, port.shape))
        return value

    def shape(self, value: ir.Value) -> tuple[Dim, ...]:
        """The inferred shape: numbers, symbols, None for unknown."""
        dims = self._types[value].tensor_type.shape.dim
        return tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in dims)

    def initializer(self, name: str, weight: Weight) -> ir.Value:
        """A named tensor whose bytes stay where they are until the model is written."""
        unique = self.unique(name)
        weight = cast(weight, weight.dtype.newbyteorder("<"))
        tensor = lazy_tensor(unique, weight)
        value = ir.Value(name=unique, const_value=tensor)
        self._assign(value, helper.make_tensor_type_proto(tensor.dtype.value, weight.shape))
        if nbytes(weight) <= _SMALL and isinstance(weight, ArrayWeight):
            self._constants[value] = numpy_helper.from_array(weight.array(), unique)
        self.initializers[unique] = value
        return value

    def shared(self, layer: Layer, key: int | str, role: str, weight: Weight) -> ir.Value:
        """An initializer for the layer's weight; a weight that several layers share becomes one initializer."""
        identity = (id(layer.weights.get(key, weight)), weight.shape)
        if identity not in self._shared:
            self._shared[identity] = self.initializer(f"{layer.name}/{role}", weight)
        return self._shared[identity]

    def checked(self, layer: Layer, key: int | str, role: str, shape: Shape, fill: Weight | None) -> Weight:
        """The layer's weight under `shape`, or a stand-in of that shape with the fault noted."""
        found = layer.weights.get(key)
        self.used.add((layer.name, key))
        if found is not None and _without_leading_ones(found.shape) == _without_leading_ones(shape):
            return reshaped(found, shape)
        if found is None and self.init is not None:
            self.report.filled[f"{layer.name}/{role}"] = f"drawn with the seed {self.init}"
            weight = drawn(self.init, layer.tied.get(key, layer.name), role, shape)
            self.report.drawn[layer.name, key] = weight
            return weight
        self.weight_faults.append(WeightFault(layer.name, role, shape, None if found is None else found.shape))
        return fill or ComputedWeight(shape, np.dtype("<f4"), lambda: np.zeros(shape, np.float32))

    def unique(self, name: str) -> str:
        """`name`, or `name_1`, `name_2`... where it is taken; the result is taken from now on."""
        candidate, number = name, 0
        while candidate in self.names:
            number += 1
            candidate = f"{name}_{number}"
        self.names.add(candidate)
        return candidate

    def _assign(self, value: ir.Value, proto: onnx.TypeProto) -> None:
        self._types[value] = proto
        value.dtype = ir.DataType(proto.tensor_type.elem_type)
        if proto.tensor_type.HasField("shape"):
            value.shape = ir.Shape(self.shape(value))


def lazy_tensor(name: str, weight: Weight) -> ir.LazyTensor:
    """An onnx_ir tensor whose bytes stay with `weight` (found again under `meta[WEIGHT]`)."""
    element = helper.np_dtype_to_tensor_dtype(weight.dtype)
    shape = ir.Shape(weight.shape)
    tensor = ir.LazyTensor(lambda: ir.Tensor(weight.array()), dtype=ir.DataType(element), shape=shape, name=name)
    tensor.meta[WEIGHT] = weight
    return tensor


def _typed(schema: defs.OpSchema, name: str, value: object) -> object:
    """A number in the type that the schema wants: Python's 1 may stand for a float."""
    known = schema.attributes.get(name)
    if known is not None and known.type == defs.OpSchema.AttrType.FLOAT and isinstance(value, int):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def _without_leading_ones(shape: Shape) -> Shape:
    """The shape that Caffe compares: old files store four dimensions, the missing ones in front."""
    first = next((axis for axis, dim in enumerate(shape) if dim != 1), len(shape))
    return shape[first:]
