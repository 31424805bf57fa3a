"""The module being written: its submodules and buffers, the lines of its forward, the functions that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnx_ir as ir

from converters.hub.builder import WEIGHT
from converters.pytorch.held import Held, Host, literal
from converters.pytorch.identifiers import Names, identifier
from converters.pytorch.library import functions
from converters.pytorch.refusal import Refused
from converters.pytorch.storing import storable
from converters.pytorch.types import torch_type
from converters.weights import ArrayWeight, Weight

_LONGEST = 40  # characters of an expression that may stand inside another one
_DEEPEST = 20  # Python itself refuses code that is indented a hundred times
CHAIN = "x"
"""The local name of a value that only the next step reads."""


class Walk(Protocol):
    """Writes the nodes of an inner graph (`converters.pytorch.forward`)."""

    def write(self, nodes: Sequence[ir.Node]) -> None:
        """Write them where the code stands."""


@dataclass(slots=True)
class Pending:
    """The last result, not yet assigned: the next node may take it into its own line."""

    value: ir.Value
    text: str


@dataclass(slots=True)
class Code:
    """Collects the text of one module."""

    names: Names = field(default_factory=lambda: Names(functions()))
    fields: Names = field(default_factory=Names)
    members: list[str] = field(default_factory=list)
    stored: dict[str, Weight] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    held: dict[ir.Value, Held] = field(default_factory=dict)
    depth: int = 0
    pending: Pending | None = None
    walk: Walk | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    _like: bool = False

    def line(self, text: str) -> None:
        """Add a line to forward."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines added inside stand under `head`."""
        if self.depth >= _DEEPEST:
            raise Refused(f"it lies inside {_DEEPEST} other graphs")
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def fresh(self, name: str) -> str:
        """A local name that is not used yet."""
        return self.names.take(name.removesuffix("_output_0"))

    def function(self, name: str) -> str:
        """The name of a function of `converters/pytorch/functions`, which the module will hold."""
        self.called[name] = None
        return name

    def like(self) -> str:
        """An empty tensor that follows the module's device and float type."""
        if not self._like:
            self._like = True
            self.members.append('self.register_buffer("like", torch.empty(0))  # follows .to() and .double()')
            self.stored["like"] = ArrayWeight(np.zeros(0, np.float32))
        return "self.like"

    def dtype(self, kind: ir.DataType | None) -> str:
        """The torch dtype of an ONNX element type as text; float32 is the module's own float type."""
        if kind == ir.DataType.FLOAT:
            return f"{self.like()}.dtype"
        return torch_type(kind)

    # --- values ---

    def hold(self, value: ir.Value, held: Held) -> None:
        """From now on `value` is known."""
        self.held[value] = held

    def known(self, value: ir.Value) -> Held:
        """What is known of a value; constants are known from the start."""
        if value not in self.held:
            tensor = value.const_value
            if tensor is None:
                raise Refused(f'it reads the value "{value.name}", which nothing computes')
            self.held[value] = Held(weight=stored_weight(tensor))
        return self.held[value]

    def weight(self, value: ir.Value) -> Weight | None:
        """The numbers of a constant."""
        return self.known(value).weight

    def host(self, value: ir.Value) -> Host | None:
        """The integers of a value that Python holds."""
        return self.known(value).host

    def tensor(self, value: ir.Value) -> str:
        """The name of a value as a tensor: constants become buffers, host integers tensors, when first asked for."""
        if self.pending is not None and self.pending.value is value:
            self.settle()
        held = self.known(value)
        if not held.text:
            text = self._made(value, held)
            held = Held(text, held.weight, held.host)
            self.held[value] = held
        return held.text

    def expression(self, value: ir.Value) -> str:
        """The value for one use: the step before as a nested expression, if it is short."""
        pending = self.pending
        if pending is not None and pending.value is value and len(pending.text) <= _LONGEST:
            self.pending = None
            return pending.text
        return self.tensor(value)

    def settle(self) -> None:
        """Assign the pending result."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            self.assign(pending.value, pending.text, chain=True)

    def assign(self, value: ir.Value, text: str, *, chain: bool = False) -> None:
        """`name = text`."""
        name = CHAIN if chain else self.fresh(str(value.name))
        self.line(f"{name} = {text}")
        self.hold(value, Held(name))

    def _made(self, value: ir.Value, held: Held) -> str:
        if held.weight is not None:
            return self.buffer(str(value.name), held.weight)
        assert held.host is not None
        if held.host.numbers is not None:
            array = np.array(held.host.numbers, np.int64)
            return self.buffer(str(value.name), ArrayWeight(array if held.host.vector else array.reshape(())))
        text = f"torch.tensor({held.host.text()}, dtype=torch.int64, device={self.like()}.device)"
        if self.depth:
            return text
        name = self.fresh(str(value.name))
        self.line(f"{name} = {text}")
        return name

    # --- members ---

    def buffer(self, name: str, weight: Weight) -> str:
        """Register numbers as a buffer; returns `self.<name>`."""
        if not storable(weight.dtype):
            raise Refused(f"PyTorch and safetensors have no element type {weight.dtype.name}")
        attribute = self.fields.take(name, "constant")
        kind = torch_type(ir.DataType.from_numpy(weight.dtype))
        typed = "" if kind == "torch.float32" else f", dtype={kind}"
        self.members.append(f'self.register_buffer("{attribute}", torch.empty({tuple(weight.shape)}{typed}))')
        self.stored[attribute] = weight
        return f"self.{attribute}"

    def module(self, name: str, kind: str, arguments: Sequence[object], weights: Mapping[str, Weight]) -> str:
        """Register a submodule with its weights; returns `self.<name>`."""
        attribute = self.fields.take(name, kind.lower())
        self.members.append(f"self.{attribute} = nn.{kind}({', '.join(map(str, arguments))})")
        for role, weight in weights.items():
            self.stored[f"{attribute}.{role}"] = weight
        return f"self.{attribute}"


def stored_weight(tensor: ir.TensorProtocol) -> Weight:
    """The lazy weight of an initializer."""
    weight = tensor.meta.get(WEIGHT) if hasattr(tensor, "meta") else None
    if isinstance(weight, Weight):
        return weight
    array = tensor.numpy()
    widened = {"int4": np.int8, "uint4": np.uint8, "int2": np.int8, "uint2": np.uint8}.get(array.dtype.name)
    return ArrayWeight(array if widened is None else array.astype(widened))


def layer_name(node_name: str, weight_name: str) -> str:
    """A submodule's name: that of its weight without the word weight, else that of the node."""
    stem, _, last = weight_name.rpartition(".")
    if stem and last in {"weight", "kernel", "W", "w"}:
        return identifier(stem, "layer")
    return identifier(node_name, "layer")


__all__ = ["CHAIN", "Code", "Pending", "layer_name", "literal", "stored_weight"]
