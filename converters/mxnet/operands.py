"""How op functions ask for a node's operands: by role, whether the network computes them or the file holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.mxnet.nodes import OPERANDS
from converters.weights import ArrayWeight, Shape, Weight


def roles(layer: Layer) -> tuple[str, ...]:
    """The roles of the operands that the node has, in order."""
    return cast("tuple[str, ...]", layer.attrs[OPERANDS])


def has(layer: Layer, role: str) -> bool:
    """Whether the node has an operand of this role."""
    return role in roles(layer)


def value(layer: Layer, emit: Emit, role: str) -> ir.Value:
    """The operand, computed or stored, under its own shape."""
    weight = layer.weights.get(role)
    if weight is not None:
        return emit.weight(role, weight.shape, role=role)
    made = _computed(layer, emit, role)
    if made is None:
        emit.refuse(f"has no input {role}; MXNet refuses it too")
    return made


def every(layer: Layer, emit: Emit) -> tuple[ir.Value, ...]:
    """All operands in order."""
    return tuple(value(layer, emit, role) for role in roles(layer))


def parameter(layer: Layer, emit: Emit, role: str, shape: Shape, view: Shape | None = None) -> ir.Value:
    """A parameter that must have `shape`, seen as `view`; most are stored, some networks compute them."""
    made = None if role in layer.weights else _computed(layer, emit, role)
    if made is None:
        return emit.weight(role, shape, role=role, view=view)
    return emit.reshape(made, view or shape) if emit.shape(made) != (view or shape) else made


def stored(layer: Layer, emit: Emit, role: str, shape: Shape) -> Weight:
    """A parameter's numbers for computing with them; refuses one that the network itself computes."""
    if computed(layer, emit, role):
        emit.refuse(f"its {role} is computed by the network; zoo reads only stored ones here")
    return emit.source(role, shape, role=role)


def computed(layer: Layer, emit: Emit, role: str) -> bool:
    """Whether the network itself computes the operand."""
    return role not in layer.weights and _computed(layer, emit, role) is not None


def number(emit: Emit, like: ir.Value, values: float | Sequence[float] | np.ndarray, role: str) -> ir.Value:
    """Constants of the element type of `like`: ONNX mixes no types. A lone number has rank 0 and fits any shape."""
    dtype = like.dtype
    array = np.asarray(values, dtype=np.float64)
    kind = np.dtype(np.float32) if dtype is None else dtype.numpy()
    return emit.derived(ArrayWeight(array.astype(kind)), role)


def is_float(item: ir.Value) -> bool:
    """Whether the value's elements are floating point numbers."""
    return item.dtype in (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE)


def as_type(emit: Emit, item: ir.Value, dtype: ir.DataType) -> ir.Value:
    """The value as another element type; itself where it has it already."""
    return item if item.dtype == dtype else emit("Cast", item, to=dtype.value)


def as_indices(emit: Emit, item: ir.Value) -> ir.Value:
    """Indices as int64: MXNet keeps them as floats and cuts off what follows the point."""
    return as_type(emit, item, ir.DataType.INT64)


def count(dims: Sequence[int]) -> int:
    """How many values a shape has."""
    return math.prod(dims)


def _computed(layer: Layer, emit: Emit, role: str) -> ir.Value | None:
    read = [name for name in roles(layer) if name not in layer.weights]
    if len(read) != len(emit.inputs):  # a parameter that neither the file nor the network has
        from converters.mxnet.graph import PARAMETER_ROLES

        read = [name for name in read if name not in PARAMETER_ROLES]
    return emit.inputs[read.index(role)] if role in read and read.index(role) < len(emit.inputs) else None
