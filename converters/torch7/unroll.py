"""A tree of modules -> layers: containers are walked as nn walks them, with tables of values where nn has tables.

No recursion: a container is a generator that yields `Call`s and is sent their results, so that nesting is bounded by
a limit of ours and not by Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, Union

from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Layer
from converters.torch7.modules import Parameters
from converters.torch7.objects import Object, Table, Value

MAX_DEPTH = 1000
MAX_LAYERS = 100_000

Tree = Union[str, tuple["Tree", ...]]  # noqa: UP007 - recursive
"""A value, or a Lua table of them."""


class Call(NamedTuple):
    """Run `module` on `value`; `place` is where it stands in the tree, such as `Sequential[3].ConcatTable[1]`."""

    module: Object
    value: Tree
    place: str


Walk = Generator[Call, Tree, Tree]
Container = Callable[["Network", Call], Walk]


@dataclass(slots=True)
class Network:
    """The layers found so far; `shape` says what a value's dimensions are (None: not known)."""

    file: str
    parameters: Parameters
    containers: Mapping[str, Container]
    shape: Callable[[list[Layer], str], tuple[Dim, ...] | None]
    layers: list[Layer] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    pruned: list[tuple[str, str]] = field(default_factory=list)
    seen: dict[int, tuple[Object, Tree]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def run(self, root: Object, value: Tree) -> Tree:
        """Unroll `root`, applied to `value`; returns its output."""
        calls = [Call(root, value, short(root.kind))]
        walks = [self._walk(calls[0])]
        active = {id(root)}
        result: Tree | None = None
        while walks:
            try:
                call = walks[-1].send(result) if result is not None else next(walks[-1])
            except StopIteration as done:
                walks.pop()
                ended = calls.pop()
                active.discard(id(ended.module))
                result = done.value
                self._record(ended, done.value)
                continue
            if id(call.module) in active:
                self.refuse(call, "contains itself")
            if len(walks) >= MAX_DEPTH:
                self.refuse(call, f"is nested more than {MAX_DEPTH} deep")
            result = None
            calls.append(call)
            active.add(id(call.module))
            walks.append(self._walk(call))
        assert result is not None
        return result

    def layer(
        self,
        call: Call,
        *,
        kind: str | None = None,
        inputs: Tree | None = None,
        outputs: int = 1,
        extra: Mapping[str, object] | None = None,
        role: str | None = None,
    ) -> tuple[str, ...]:
        """Add a layer for the module; returns the names of its outputs. `role` tells several layers of one apart."""
        module = call.module
        if len(self.layers) >= MAX_LAYERS:
            self.refuse(call, f"is unrolled into more than {MAX_LAYERS} layers")
        name = self._name(call.place if role is None else f"{call.place}/{role}", None if role else module)
        values = (name,) if outputs == 1 else tuple(f"{name}#{position}" for position in range(1, outputs + 1))
        place = self.where(call)
        attrs = self.parameters.attributes(module, extra)
        weights = self.parameters.weights(module) if kind is None else {}
        flat = tuple(leaves(call.value if inputs is None else inputs))
        if not flat:
            self.refuse(call, "gets no input")
        self.layers.append(Layer(kind or module.kind, name, flat, values, attrs, weights, place))
        self.blobs.update({value: value for value in values})
        return values

    def where(self, call: Call) -> Where:
        """The module's place, for messages."""
        return Where(file=self.file, byte=call.module.byte, layer=f'"{call.place}" ({call.module.kind})')

    def refuse(self, call: Call, message: str, hint: str | None = None, code: str = "unsupported-layer") -> NoReturn:
        """Refuse the module."""
        raise Diagnostic(code, message, where=self.where(call), hint=hint)

    def dropped(self, call: Call, reason: str) -> None:
        """Note that the module leaves no layer."""
        self.pruned.append((call.place, reason))

    def _walk(self, call: Call) -> Walk:
        container = self.containers.get(call.module.kind)
        return _leaf(self, call) if container is None else container(self, call)

    def _record(self, call: Call, output: Tree) -> None:
        """Remember what the module was run on, and let its place stand for its output in --cut-at and --outputs."""
        self.seen[id(call.module)] = (call.module, call.value)
        if isinstance(output, str) and self.layers and output in self.layers[-1].outputs:
            self.blobs[output] = call.place

    def _name(self, place: str, module: Object | None) -> str:
        """The module's own `name` (loadcaffe, user code), else its place; made unique."""
        given = module.fields.strings.get("name") if module else None
        base = given if isinstance(given, str) and given and given.isprintable() else place
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name


def children(call: Call) -> list[Call]:
    """The modules of a container, each with the container's own input."""
    found = call.module.fields.strings.get("modules")
    modules = found.array() if isinstance(found, Table) else []
    return [child(call, module, position) for position, module in enumerate(modules, 1) if isinstance(module, Object)]


def child(call: Call, module: Object, position: int, value: Tree | None = None) -> Call:
    """One module inside another; `Sequential[3]` is the third of the outermost Sequential."""
    within = short(call.module.kind)
    parent = call.place.rpartition(".")[2]
    prefix = f"{call.place}." if "[" in parent else ""
    return Call(module, call.value if value is None else value, f"{prefix}{within}[{position}]")


def leaves(value: Tree) -> Iterator[str]:
    """All values of a table, in order, however deep."""
    waiting: list[Tree] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        else:
            waiting.extend(reversed(item))


def short(kind: str) -> str:
    """`nn.Sequential` -> `Sequential`."""
    return kind.rpartition(".")[2]


def integer(call: Call, name: str, default: int | None = None) -> int | None:
    """A whole number among the module's fields."""
    found: Value = call.module.fields.strings.get(name)
    return int(found) if isinstance(found, float) and found.is_integer() else default


def _leaf(network: Network, call: Call) -> Walk:
    """A module that computes: one layer with one output."""
    (value,) = network.layer(call)
    return value
    yield  # a walk without calls is still a generator
