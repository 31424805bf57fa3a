"""Symbol + parameters -> a SourceGraph: labels dropped, parameters in their roles, inputs with their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from converters.diagnostic import Diagnostic, Where
from converters.hub.attributes import Attributes
from converters.hub.layer import Dim, Layer, SourceGraph
from converters.mxnet import archives, inputs, params, symbol
from converters.mxnet.epochs import chosen
from converters.mxnet.nodes import OPERANDS, Step, is_variable, step
from converters.mxnet.symbol import Entry, Symbol
from converters.weights import Weight

Shapes = Mapping[str, tuple[Dim, ...]]
_PREFIXES = ("arg:", "aux:")
PARAMETER_ROLES = frozenset(("weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "parameters"))
"""Roles that only a stored parameter plays: a variable in one of them is missing, not an input."""


def decode(files: Mapping[str, Path], given: Shapes) -> SourceGraph:
    """Read an MXNet network. `files`: role "graph" -> symbol.json, "weights" -> .params (may be absent), or "archive".

    `given` are input shapes: a symbol holds none but those noted in `__shape__`.
    """
    if "archive" in files:
        files = archives.unpacked(files["archive"])
    if "graph" not in files:
        weights = files["weights"]
        raise Diagnostic(
            "graph-missing",
            "a .params file holds the weights; the network itself is in a symbol (JSON)",
            where=Where(file=str(weights)),
            hint=f"zoo convert model-symbol.json {weights.name} --to onnx",
        )
    arrays = bare(params.read(files["weights"])) if "weights" in files else {}
    notes = chosen(files["weights"]) if "weights" in files else ()
    return _Assembly(symbol.read(files["graph"]), arrays).graph(given, notes)


def stored(files: Mapping[str, Path]) -> Iterator[tuple[str, str, Weight]]:
    """Every array of the weights file: its name split at the last underscore, weight."""
    for name, weight in bare(params.read(files["weights"])).items():
        layer, _, role = name.rpartition("_")
        yield layer, role, weight


def bare(arrays: Mapping[str, Weight]) -> dict[str, Weight]:
    """The arrays without the prefixes `arg:` and `aux:` of checkpoints; gluon writes none."""
    return {name[4:] if name.startswith(_PREFIXES) else name: weight for name, weight in arrays.items()}


@dataclass(slots=True)
class _Assembly:
    """A symbol and its arrays on the way to layers."""

    symbol: Symbol
    arrays: Mapping[str, Weight]
    _values: dict[Entry, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _blobs: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def graph(self, given: Shapes, notes: tuple[str, ...]) -> SourceGraph:
        """The whole graph: what the heads need, in the file's order."""
        steps = self._steps()
        needed = _needed(self.symbol, steps)
        kept = {index: one for index, one in steps.items() if index in needed}
        free = self._free(kept, needed, given)
        for index in free:
            self._values[index, 0] = self._unique(self.symbol.nodes[index].name)
        layers = [layer for index, one in kept.items() for layer in (self._layer(index, one),)]
        outputs = tuple(self._output(entry, layers) for entry in self.symbol.heads)
        ports = inputs.ports(self.symbol, free, kept, self.arrays, given)
        return SourceGraph(
            name=Path(self.symbol.file).name.removesuffix(".json").removesuffix("-symbol"),
            inputs=ports,
            outputs=outputs,
            layers=tuple(layers),
            blobs=self._blobs,
            pruned=tuple(self._pruned(steps, needed)),
            unused=tuple(name for name in self.arrays if name not in self._used),
            notes=notes,
        )

    def _steps(self) -> dict[int, Step]:
        """The computing nodes by index; all bad attributes are refused together."""
        read = [entry for node in self.symbol.nodes for entry in node.inputs]
        most: dict[int, int] = {}
        for source, output in (*read, *self.symbol.heads):
            most[source] = max(most.get(source, 0), output)
        steps, faults = {}, []
        for index, node in enumerate(self.symbol.nodes):
            if is_variable(node):
                continue
            try:
                steps[index] = step(self.symbol, node, most.get(index, 0))
            except Diagnostic as fault:
                faults.append(fault)
        if len(faults) == 1:
            raise faults[0]
        if faults:
            details = [f"{fault.where.layer}: {fault.message}" for fault in faults[:100]]
            where = Where(file=self.symbol.file)
            raise Diagnostic("bad-attribute", f"{len(faults)} nodes have bad attributes", where=where, details=details)
        return steps

    def _free(self, steps: Mapping[int, Step], needed: set[int], given: Shapes) -> tuple[int, ...]:
        """The variables that must be fed: needed, not stored, and not in a role that only a parameter plays.

        A variable whose shape the caller gives is an input, whatever its role.
        """
        roles: dict[int, set[str]] = {}
        for one in steps.values():
            for role, (source, _) in one.operands:
                roles.setdefault(source, set()).add(role)
        heads = {source for source, _ in self.symbol.heads}
        return tuple(
            index
            for index, node in enumerate(self.symbol.nodes)
            if is_variable(node)
            and index in needed
            and node.name not in self.arrays
            and (index in heads or node.name in given or not roles.get(index, set()) <= PARAMETER_ROLES)
        )

    def _layer(self, index: int, one: Step) -> Layer:
        """A node as a layer; a stored variable among its operands is a weight of that role."""
        reads: list[str] = []
        weights: dict[int | str, Weight] = {}
        for role, entry in one.operands:
            name = self.symbol.nodes[entry[0]].name
            if entry in self._values:
                reads.append(self._values[entry])
            elif is_variable(self.symbol.nodes[entry[0]]):
                self._take(name, role, weights)
            else:
                raise _no_output(one, entry, self.symbol)
        for role in one.lacking:  # before 0.9 the auxiliary states stood in no node
            self._take(f"{one.name}_{role}", role, weights)
        outputs = []
        for position, name in enumerate(one.outputs):
            value = self._unique(name)
            self._values[index, position] = value
            self._blobs[value] = name
            outputs.append(value)
        return Layer(one.kind, one.name, tuple(reads), tuple(outputs), one.attrs, weights, one.where)

    def _take(self, name: str, role: str, weights: dict[int | str, Weight]) -> None:
        if name in self.arrays:
            self._used.add(name)
            weights[role] = self.arrays[name]

    def _output(self, entry: Entry, layers: list[Layer]) -> str:
        """The value of a head; a parameter that is an output passes through a copy."""
        if entry in self._values:
            return self._values[entry]
        node = self.symbol.nodes[entry[0]]
        if entry[1] or not is_variable(node) or node.name not in self.arrays:
            raise Diagnostic(
                "damaged-file",
                f'the symbol has no output {entry[1]} of "{node.name}", which is one of its heads',
                where=Where(file=self.symbol.file),
            )
        self._used.add(node.name)
        value = self._values[entry] = self._unique(node.name)
        where = Where(file=self.symbol.file, layer=f'"{node.name}"')
        attrs = Attributes({OPERANDS: ("data",)}, frozenset())
        layers.append(Layer("_copy", node.name, (), (value,), attrs, {"data": self.arrays[node.name]}, where))
        return value

    def _unique(self, name: str) -> str:
        """A name for a value: MXNet lets nodes share names, ONNX does not."""
        candidate, number = name, 0
        while candidate in self._taken:
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate)
        return candidate

    def _pruned(self, steps: Mapping[int, Step], needed: set[int]) -> Iterator[tuple[str, str]]:
        """What the heads do not need: labels and whatever only prepares them, and parameters of nothing."""
        for index, node in enumerate(self.symbol.nodes):
            if index not in needed and (index in steps or node.name not in self.arrays):
                yield node.name, "a label, or made from one: only training reads it"
                self._used.add(node.name)


def _needed(graph: Symbol, steps: Mapping[int, Step]) -> set[int]:
    """The nodes behind the heads; labels are no longer among the operands."""
    needed = {source for source, _ in graph.heads}
    waiting = list(needed)
    while waiting:
        one = steps.get(waiting.pop())
        for source in {entry[0] for _, entry in one.operands} - needed if one else ():
            needed.add(source)
            waiting.append(source)
    return needed


def _no_output(one: Step, entry: Entry, graph: Symbol) -> Diagnostic:
    source = graph.nodes[entry[0]].name
    return Diagnostic(
        "damaged-file", f'reads output {entry[1]} of "{source}", which has no such output', where=one.where
    )
