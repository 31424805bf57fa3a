"""Runs of one graph side by side: after each step all of them are looked at, and what nobody reads again is let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from zoo.parity.engine.arrays import WIDE, Array, floating
from zoo.parity.engine.constants import Constant, Input, Signs
from zoo.parity.engine.graph import Graph, Step, release
from zoo.parity.engine.kinds import EXACT, SETTINGS
from zoo.parity.engine.operators import Operator


@dataclass(slots=True)
class Lane:
    """One run: in the file's own types, in float64, or in float64 with random signs; `fault` ends it.

    `own` names the values whose memory nothing else refers to: a step that reads one last may write over it. `shared`
    says that other runs may hold the arrays that the last step made.
    """

    wide: bool
    signs: Signs | None = None
    values: dict[str, Array] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    shared: bool = False
    fault: str | None = None

    def give(self, name: str, array: Array) -> None:
        """Make `array` the value of that name, as an input of this run."""
        if not self.wide or not floating(array.dtype):
            self.values[name] = np.ascontiguousarray(array)
            return
        made = np.array(array, dtype=WIDE, order="C")
        if self.signs is not None:
            self.signs.apply(made, name, array.dtype)
        self.values[name] = made

    def take(self, step: Step, made: Sequence[Array], given: Mapping[str, Array | None]) -> None:
        """Keep what later steps read, of this step's values those that are given, and let go what they do not."""
        owners = {id(_root(self.values[name])): name for name in (*step.inputs, *step.captured) if name in self.values}
        heirs = {memory for memory, name in owners.items() if name in step.frees and name in self.own}
        for name in step.frees:
            self.values.pop(name, None)
            self.own.discard(name)
        for name, array in zip(step.outputs, made, strict=True):
            value = given.get(name)
            if value is not None:
                self.values[name] = value.astype(WIDE) if self.wide and floating(value.dtype) else value
            elif name and name not in step.frees:
                self.values[name] = array
                self._claim(name, _root(array), owners, heirs)

    def _claim(self, name: str, root: Array, owners: dict[int, str], heirs: set[int]) -> None:
        """The value owns its memory if it is new, or was an input's own that no step reads after this one."""
        memory = id(root)
        if not self.shared and (memory in heirs or (memory not in owners and root.base is None)):
            self.own.add(name)
        else:
            self.own.discard(owners.get(memory, ""))
        heirs.discard(memory)
        owners[memory] = name

    def spare(self, step: Step) -> list[Array]:
        """The arrays of inputs that are this run's own and that no later step reads."""
        return [self.values[name] for name in step.inputs if name in self.own and name in step.frees]

    def read(self, graph: Graph, name: str) -> Input:
        """A value, or a stored tensor as this run sees it."""
        if not name:
            return None
        if name in self.values:
            return self.values[name]
        stored = graph.stored[name]
        return Constant(name, stored, WIDE if self.wide and floating(stored.dtype) else stored.dtype, self.signs)


@dataclass(frozen=True, slots=True)
class Made:
    """One value that a step has made; `others` holds the perturbed runs, None for one that could not go on."""

    name: str
    step: Step
    depth: int
    native: Array
    wide: Array
    others: tuple[Array | None, ...]

    @property
    def perturbed(self) -> tuple[Array, ...]:
        """The perturbed runs of equal shape."""
        return tuple(one for one in self.others if one is not None and one.shape == self.wide.shape)

    @property
    def lost(self) -> int:
        """How many perturbed runs ended, or came to another shape."""
        return len(self.others) - len(self.perturbed)


def lockstep(
    graph: Graph,
    feeds: Mapping[str, Array],
    signs: Sequence[Signs],
    pool: Executor,
    forced: Callable[[str], Array | None] = lambda _name: None,
    *,
    noise: bool = True,
) -> Iterator[Made]:
    """Every value of the graph in the order of its steps; arrays are good until the next one is asked for.

    `forced(name)` may give another run's value: it is what later steps read instead of what was made here (teacher
    forcing), in all runs alike. Without `noise` the run in the file's own types is left out. Raises whatever a step
    raises in the file's own types or in float64.
    """
    plain = [Lane(wide=False), Lane(wide=True)] if noise else [Lane(wide=True)]
    wide = plain[-1]
    lanes = [*plain, *(Lane(wide=True, signs=drawn) for drawn in signs)]
    for name, array in feeds.items():
        for lane in lanes:
            lane.give(name, array)
    for depth, step in enumerate(graph.steps):
        operator = Operator(step, graph.opsets)
        jobs = [pool.submit(_advance, lane, wide, operator, step, graph) for lane in lanes]
        results = [job.result() for job in jobs]
        for index, name in enumerate(step.outputs):
            if name:
                arrays = [None if result is None else result[index] for result in results]
                yield _made(name, step, depth, arrays if noise else [arrays[0], *arrays])
        given = {name: forced(name) for name in step.outputs if name}
        for lane, result in zip(lanes, results, strict=True):
            if result is not None:
                lane.take(step, result, given)
        release(graph, step)


def _root(array: Array) -> Array:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _made(name: str, step: Step, depth: int, results: Sequence[Array | None]) -> Made:
    native, wide, *others = results
    assert native is not None
    assert wide is not None
    return Made(name, step, depth, native, wide, tuple(others))


def _advance(lane: Lane, plain: Lane, operator: Operator, step: Step, graph: Graph) -> list[Array] | None:
    """One step of one run; a perturbed run that cannot go on ends, the others do not."""
    if lane.fault is not None:
        return None
    if lane.signs is None:
        return _computed(lane, plain, operator, step, graph)
    try:
        return _computed(lane, plain, operator, step, graph)
    except Exception as fault:  # noqa: BLE001 - sizes that a rounding decided; reported as lost
        lane.fault = f"{type(fault).__name__}: {fault}"
        lane.values.clear()
        return None


def _computed(lane: Lane, plain: Lane, operator: Operator, step: Step, graph: Graph) -> list[Array]:
    settings = SETTINGS.get(step.op, ()) if step.domain == "" else ()
    source = [plain if at in settings else lane for at in range(len(step.inputs))]
    inputs = [one.read(graph, name) for one, name in zip(source, step.inputs, strict=True)]
    captured = [lane.read(graph, name) for name in step.captured]
    with np.errstate(all="ignore"):
        own = operator.kernel(inputs, lane.spare(step))
        made = operator.reference(inputs, captured, wide=lane.wide) if own is None else own
    lane.shared = own is None
    if not lane.wide:
        return [np.ascontiguousarray(array) if array.ndim else array for array in made]
    return [_finished(array, name, lane.signs, step) for array, name in zip(made, step.outputs, strict=True)]


def _finished(array: Array, name: str, signs: Signs | None, step: Step) -> Array:
    """Contiguous float64; with a random last bit where the operator rounds at all."""
    if not floating(array.dtype):
        return array
    shared = signs is not None and step.op not in EXACT
    made = np.array(array, dtype=WIDE, order="C", copy=True if shared and not array.flags.writeable else None)
    if shared and signs is not None:
        signs.apply(made, name, np.dtype(np.float32))
    return made
