"""One ONNX node as a row sees it: its inputs as expressions, as numbers or as integers, its attributes and types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx import defs, helper

from converters.hub.attributes import Attributes
from converters.pytorch.held import Host, literal
from converters.pytorch.refusal import Refused
from converters.weights import Weight, nbytes

if TYPE_CHECKING:
    from converters.pytorch.code import Code

_SMALL = 1 << 16  # bytes of numbers that are looked at while writing; larger ones stay where they are
DIRECT_FLOATS = (ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


class Node:
    """What a row may ask. Positions count inputs and outputs; a missing optional one is None."""

    def __init__(self, node: ir.Node, code: Code, version: int) -> None:
        self.ir = node
        self.op = node.op_type
        self.name = str(node.name or node.outputs[0].name or node.op_type)
        domain = "" if node.domain == "ai.onnx" else node.domain
        schema = defs.get_schema(node.op_type, version, domain)
        self.since = schema.since_version
        self.attrs = _attributes(node, schema)
        self._code = code

    @property
    def count(self) -> int:
        """How many inputs are listed."""
        return len(self.ir.inputs)

    @property
    def outputs(self) -> int:
        """How many outputs are listed."""
        return len(self.ir.outputs)

    def value(self, at: int) -> ir.Value | None:
        """The input itself."""
        return self.ir.inputs[at] if at < len(self.ir.inputs) else None

    def has(self, at: int) -> bool:
        """Whether the input is there."""
        return self.value(at) is not None

    def gives(self, at: int) -> bool:
        """Whether somebody may read the output."""
        if at >= len(self.ir.outputs):
            return False
        value = self.ir.outputs[at]
        return bool(value.name) and (bool(value.uses()) or value.is_graph_output())

    def arg(self, at: int) -> str:
        """The input as the name of a tensor, which may be used more than once in an expression."""
        return self._code.tensor(self._present(at))

    def args(self, start: int = 0) -> list[str]:
        """All inputs from `start` on."""
        return [self.arg(at) for at in range(start, self.count) if self.has(at)]

    def optional(self, at: int) -> str:
        """The input's name, or `None`."""
        return self.arg(at) if self.has(at) else "None"

    def inline(self, at: int = 0) -> str:
        """The input as an expression to be used once: the step before may stand in this line."""
        return self._code.expression(self._present(at))

    def weight(self, at: int) -> Weight | None:
        """The input's numbers, which stay where they are, if they are known before the network runs."""
        value = self.value(at)
        return None if value is None else self._code.weight(value)

    def numbers(self, at: int) -> np.ndarray | None:
        """The input's numbers in memory, if they are known and few."""
        weight = self.weight(at)
        return weight.array() if weight is not None and nbytes(weight) <= _SMALL else None

    def host(self, at: int) -> Host | None:
        """The input as integers that Python holds: known numbers, or arithmetic of shapes; None for a tensor."""
        value = self.value(at)
        if value is None:
            return None
        held = self._code.host(value)
        if held is not None:
            return held
        numbers = self.numbers(at)
        if numbers is None or numbers.dtype.kind not in "iub" or numbers.ndim > 1:
            return None
        return Host(tuple(int(number) for number in numbers.reshape(-1)), vector=numbers.ndim == 1)

    def integers(self, at: int) -> tuple[int, ...] | None:
        """The input as known integers."""
        held = self.host(at)
        return None if held is None else held.numbers

    def ints(self, at: int) -> str:
        """The input as an expression that gives a Python list of integers."""
        held = self.host(at)
        if held is not None:
            return Host(held.items).text()
        return f"{self._code.function('integers')}({self.arg(at)})"

    def integer(self, at: int) -> str:
        """The input as an expression that gives one Python integer."""
        held = self.host(at)
        return str(held.items[0]) if held is not None and held.items else f"int({self.arg(at)})"

    def scalar(self, at: int, beside: int | None = None) -> str | None:
        """The input's only number as a literal; `beside` names the input whose rank must not be smaller."""
        array = self.numbers(at)
        if array is None or array.dtype.name == "bfloat16":
            return None
        if beside is not None and array.ndim > (self.rank(beside) or 0):
            return None
        return literal(array)

    def operand(self, at: int, beside: int) -> str:
        """The input for arithmetic with another: a literal where it is one number, else a tensor's name."""
        held, other = self._code.host(self._present(at)), self._code.known(self._present(beside))
        if held is not None and not held.vector and other.host is None and other.weight is None:
            return f"({held.items[0]})" if isinstance(held.items[0], str) else str(held.items[0])
        return self.scalar(at, beside) or self.arg(at)

    def shape(self, at: int) -> tuple[int | str | None, ...] | None:
        """The input's shape as far as it is known: numbers, symbols, None; None where not even the rank is."""
        return _shape(self.value(at))

    def sizes(self, at: int, start: int = 0) -> tuple[int, ...] | None:
        """The input's sizes from an axis on, if all are numbers."""
        shape = self.shape(at)
        if shape is None:
            return None
        numbers = tuple(size for size in shape[start:] if isinstance(size, int))
        return numbers if len(numbers) == len(shape[start:]) else None

    def out_shape(self, at: int = 0) -> tuple[int | str | None, ...] | None:
        """The output's shape."""
        return _shape(self.ir.outputs[at])

    def rank(self, at: int) -> int | None:
        """The input's rank, if it is known."""
        shape = self.shape(at)
        return None if shape is None else len(shape)

    def known_rank(self, at: int) -> int:
        """The input's rank; refuses the node where nobody knows it."""
        rank = self.rank(at)
        if rank is None:
            raise Refused(f"the rank of its input {at} cannot be inferred")
        return rank

    def settle_rank(self, rank: int) -> None:
        """Note the rank of the outputs, which ONNX's inference may not know."""
        for value in self.ir.outputs:
            if value.shape is None:
                value.shape = ir.Shape([None] * rank)

    def dtype(self, at: int) -> ir.DataType | None:
        """The input's element type."""
        value = self.value(at)
        return None if value is None else value.dtype

    def out_dtype(self, at: int = 0) -> ir.DataType | None:
        """The output's element type."""
        return self.ir.outputs[at].dtype

    def is_integer(self, at: int) -> bool:
        """Whether the input holds integers (no booleans)."""
        dtype = self.dtype(at)
        return dtype is not None and dtype.is_integer()

    def _present(self, at: int) -> ir.Value:
        value = self.value(at)
        if value is None:
            raise Refused(f"its input {at} is missing")
        return value


def _shape(value: ir.Value | None) -> tuple[int | str | None, ...] | None:
    if value is None:
        return None
    shape = value.const_value.shape if value.const_value is not None else value.shape
    return None if shape is None else tuple(dim if isinstance(dim, int) else dim.value for dim in shape)


def _attributes(node: ir.Node, schema: defs.OpSchema) -> Attributes:
    """The node's attributes with the defaults of its operator's definition; those without one read as nothing."""
    defaults = {
        name: helper.get_attribute_value(known.default_value) if known.default_value.name else None
        for name, known in schema.attributes.items()
    }
    values = {name: value.decode() if isinstance(value, bytes) else value for name, value in defaults.items()}
    given = {}
    for name, attribute in node.attributes.items():
        if name not in schema.attributes:
            raise Refused(f"{name!r} is no attribute of this version of the operator")
        wanted = str(schema.attributes[name].type).rpartition(".")[2]
        if wanted != attribute.type.name:  # a text where a number belongs must not get far
            raise Refused(f"its {name} is no {wanted}")
        given[name] = attribute.value
    return Attributes({**values, **given}, explicit=frozenset(given))
