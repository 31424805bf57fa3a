"""An ONNX graph that can be edited node by node; weights are numpy arrays, shapes come from inference.

The weights of a file stay there: a graph that was loaded, its copies and its parts are as small as their nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from zoo.parity.graphs import lean

Array = NDArray[np.generic]
Shape = tuple[int | None, ...]


class Graph:
    """Edits change the model in place and keep the names of values; `copy()` first to keep the original."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._constants = {node.output[0]: node for node in model.graph.node if node.op_type == "Constant"}

    @classmethod
    def load(cls, path: Path) -> Graph:
        """The graph of a file, which has to stay as it is: large weights are read from it when they are wanted."""
        return cls(lean.opened(path))

    @property
    def size(self) -> int:
        """Bytes of the file that `save` would write."""
        return lean.size(self.model)

    def save(self, path: Path) -> None:
        """Write one file with all weights in it."""
        with path.open("wb") as file:
            file.writelines(lean.written(self.model))

    def copy(self) -> Graph:
        """An independent copy."""
        other = onnx.ModelProto()
        other.CopyFrom(self.model)
        return Graph(other)

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        """The nodes that compute, in the file's order; constants are weights here."""
        return [node for node in self.model.graph.node if node.op_type != "Constant"]

    @property
    def inputs(self) -> list[str]:
        """The inputs that have to be fed."""
        return [port.name for port in self.model.graph.input if port.name not in self._weights]

    @property
    def outputs(self) -> list[str]:
        """The graph's outputs."""
        return [port.name for port in self.model.graph.output]

    @property
    def values(self) -> list[str]:
        """Every value that a node computes, in the file's order."""
        return [name for node in self.nodes for name in node.output if name]

    @property
    def weights(self) -> list[str]:
        """Names of all stored tensors."""
        return [*self._weights, *self._constants]

    def is_weight(self, name: str) -> bool:
        """True for a stored tensor, as an initializer or as the value of a Constant."""
        return name in self._weights or name in self._constants

    def weight(self, name: str) -> Array | None:
        """The numbers of a stored tensor; None for anything else."""
        if name in self._weights:
            return lean.numbers(self._weights[name])
        if name in self._constants:
            held = {attribute.name: attribute for attribute in self._constants[name].attribute}
            return numpy_helper.to_array(held["value"].t) if "value" in held else _plain(held)
        return None

    def operand(self, node: onnx.NodeProto, index: int) -> Array | None:
        """The stored tensor that a node reads at a position; None where it reads a computed value or nothing."""
        return self.weight(node.input[index]) if len(node.input) > index and node.input[index] else None

    def store(self, array: Array, hint: str) -> str:
        """A new initializer and its name, which is no other value's."""
        name = self.fresh(hint)
        tensor = numpy_helper.from_array(np.array(array, order="C"), name)
        self.model.graph.initializer.append(tensor)
        self._weights[name] = self.model.graph.initializer[-1]
        return name

    def give(self, node: onnx.NodeProto, index: int, array: Array) -> None:
        """Let the node read these numbers at a position; other readers of the old tensor keep it."""
        while len(node.input) <= index:
            node.input.append("")
        node.input[index] = self.store(array, node.input[index] or f"{node.output[0]}/{index}")

    def fresh(self, hint: str) -> str:
        """A name that nothing in the graph bears."""
        taken = {*self.inputs, *self.values, *self.weights}
        names = (hint if number == 0 else f"{hint}/{number}" for number in range(len(taken) + 1))
        return next(name for name in names if name not in taken)

    def producer(self, value: str) -> onnx.NodeProto | None:
        """The node that computes a value."""
        return next((node for node in self.nodes if value in node.output), None)

    def readers(self, value: str) -> list[onnx.NodeProto]:
        """The nodes that read a value."""
        return [node for node in self.nodes if value in node.input]

    def after(self, value: str, op: str, *operands: str, **attributes: object) -> onnx.NodeProto:
        """A node behind the one that computes `value`; the new result bears the name, so that all readers get it."""
        node = self.producer(value)
        assert node is not None
        raw = self.fresh(f"{value}/raw")
        node.output[list(node.output).index(value)] = raw
        return self._insert(self._place(node) + 1, op, [raw, *operands], value, attributes)

    def before(self, node: onnx.NodeProto, index: int, op: str, *operands: str, **attributes: object) -> onnx.NodeProto:
        """A node between `node` and the value that it reads at a position; other readers of the value see nothing."""
        name = self.fresh(f"{node.input[index]}/for/{node.output[0]}")
        added = self._insert(self._place(node), op, [node.input[index], *operands], name, attributes)
        node.input[index] = name
        return added

    def instead(self, node: onnx.NodeProto, steps: Iterable[onnx.NodeProto]) -> None:
        """Replace a node by others, which have to compute the same values."""
        place = self._place(node)
        self.model.graph.node.pop(place)
        for offset, step in enumerate(steps):
            self.model.graph.node.insert(place + offset, step)

    def bypass(self, node: onnx.NodeProto) -> None:
        """Turn a node into Identity of its first input."""
        node.op_type, node.domain = "Identity", ""
        del node.attribute[:]
        del node.input[1:]
        del node.output[1:]

    def shapes(self) -> dict[str, Shape]:
        """The shape of every value that ONNX's inference knows; None stands for a free size."""
        inferred = onnx.shape_inference.infer_shapes(self.model, data_prop=True).graph
        found = {port.name: _dims(port) for port in (*inferred.input, *inferred.output, *inferred.value_info)}
        return {name: dims for name, dims in found.items() if dims is not None}

    def rename_input(self, old: str, new: str, axes: tuple[int, ...] | None = None) -> None:
        """Feed the input under another name, which nothing else in the graph may bear; its readers see no change.

        With `axes` it is fed an array that has to be transposed by them to be what it was.
        """
        assert new == old or self.fresh(new) == new
        own = old if new != old else self.fresh(f"{old}/own")
        for node in self.readers(old):
            for index, name in enumerate(node.input):
                node.input[index] = own if name == old else name
        port = next(port for port in self.model.graph.input if port.name == old)
        port.name = new
        dims = port.type.tensor_type.shape.dim
        for axis, dim in zip(axes or (), [type(dim).FromString(dim.SerializeToString()) for dim in dims], strict=False):
            dims[axis].CopyFrom(dim)
        step = helper.make_node("Transpose" if axes else "Identity", [new], [own])
        change(step, perm=axes)
        self.model.graph.node.insert(0, step)

    def _place(self, node: onnx.NodeProto) -> int:
        return next(place for place, other in enumerate(self.model.graph.node) if other.output == node.output)

    def _insert(
        self, place: int, op: str, inputs: list[str], output: str, attributes: dict[str, object]
    ) -> onnx.NodeProto:
        made = helper.make_node(op, inputs, [output])
        change(made, **attributes)
        self.model.graph.node.insert(place, made)
        return self.model.graph.node[place]


def attributes(node: onnx.NodeProto) -> dict[str, object]:
    """A node's attributes as plain values."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def numbers(node: onnx.NodeProto, name: str) -> list[int]:
    """A list attribute of whole numbers; empty where it is not set."""
    return [number for attribute in node.attribute if attribute.name == name for number in attribute.ints]


def change(node: onnx.NodeProto, **values: object) -> None:
    """Set attributes; None removes one."""
    kept = [attribute for attribute in node.attribute if attribute.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items() if value is not None)


def kinds(nodes: Iterable[onnx.NodeProto], *ops: str) -> Iterator[onnx.NodeProto]:
    """The nodes of these operators."""
    return (node for node in nodes if node.op_type in ops)


def _plain(held: dict[str, onnx.AttributeProto]) -> Array:
    """The value of a Constant that is written as a number or a list of numbers."""
    (attribute,) = held.values()
    value = helper.get_attribute_value(attribute)
    return np.asarray(value, np.float32 if attribute.name.startswith("value_float") else np.int64)


def _dims(port: onnx.ValueInfoProto) -> Shape | None:
    if not port.type.tensor_type.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in port.type.tensor_type.shape.dim)
