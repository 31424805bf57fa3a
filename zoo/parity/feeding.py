"""One set of pictures for every run: each artifact is fed the same samples in its own layout, colours and scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zoo.backends import feeds
from zoo.catalog.schema import InputSpec
from zoo.diagnostics import Diagnostic

Numbers = NDArray[np.generic]
Fed = Mapping[str, Numbers]
EDGES = 4
MOST = 2**28
"""Numbers of one input, all samples together, that are made."""
_TYPES = frozenset({
    "bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
})  # fmt: skip
ALONE = "one"
"""The name of the set that is the first sample alone."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input of an artifact: `shape` as its file or entry declares it, names and None stand for free sizes.

    `dtype` is the type that its file declares, None where it says none. With `below` its numbers are whole, from 0, and
    smaller than that.
    """

    name: str
    shape: tuple[int | str | None, ...]
    spec: InputSpec | None = None
    dtype: str | None = None
    below: int | None = None

    @property
    def pictured(self) -> bool:
        """True when the registry says that this input is a picture: it then has a canonical form."""
        return self.spec is not None and self.spec.color is not None and self.spec.layout is not None

    @property
    def fixed(self) -> int | None:
        """The batch size that the artifact insists on; None where any will do."""
        first = self.shape[0] if self.shape else None
        return first if isinstance(first, int) and first > 0 else None


@dataclass(frozen=True, slots=True)
class Samples:
    """The inputs of a check, by position: canonical RGB pictures (N x 3 x H x W, 0..255) or arrays to feed as they are.

    `leader` holds the ports that the samples were made for; `described` says where they came from. `name` is "given"
    for arrays and photos, else "random", "edge" or "one" (the first sample alone, a batch of one).
    """

    leader: tuple[Port, ...]
    arrays: tuple[Numbers, ...]
    batch: int
    described: str
    name: str = "random"
    seed: int | None = None

    def leading(self, count: int) -> Samples:
        """The first ones."""
        return replace(self, arrays=tuple(array[:count] for array in self.arrays), batch=min(count, self.batch))

    @property
    def first(self) -> Samples:
        """The first sample as a batch of one: whatever mixes samples up shows here."""
        alone = tuple(array[:1] for array in self.arrays)
        return replace(self, arrays=alone, batch=1, described="the first of them alone", name=ALONE)


def batch_size(asked: int, everybody: Sequence[Sequence[Port]]) -> int:
    """The smallest number of samples, at least `asked`, that every artifact's fixed batch divides."""
    fixed = [port.fixed for ports in everybody for port in ports[:1] if port.fixed]
    step = math.lcm(*fixed)
    return -(-asked // step) * step


def leader(everybody: Sequence[Sequence[Port]]) -> tuple[Port, ...]:
    """The first artifact's ports of which the registry knows what they mean; where there are none, the first's.

    Whether their numbers are whole, and below what, any artifact may know.
    """
    first = next((ports for ports in everybody if any(port.pictured for port in ports)), everybody[0])
    alike = [_paired(ports, first) for ports in everybody if len(ports) == len(first)]
    return tuple(_bounded(port, [ports[at] for ports in alike]) for at, port in enumerate(first))


def _bounded(port: Port, others: Sequence[Port]) -> Port:
    """The port with the smallest bound, and the narrowest type, that one of those that mean the same input has."""
    bounds = [other.below for other in others if other.below is not None]
    types = [other.dtype for other in others if other.dtype is not None]
    narrowest = min(types, key=lambda name: (name != "float16", types.index(name)), default=port.dtype)
    return replace(port, below=min(bounds, default=None), dtype=narrowest)


def portion(ports: Sequence[Port]) -> int | None:
    """How many samples an artifact takes at a time; None where any number will do."""
    return next((port.fixed for port in ports if port.fixed), None)


def samples_of(feeds: Fed) -> int:
    """How many samples one portion has."""
    return next((len(array) for array in feeds.values() if array.ndim), 0)


def random_samples(ports: tuple[Port, ...], seed: int, batch: int) -> Samples:
    """Seeded samples: pictures where the registry says so, normal noise elsewhere."""
    arrays = [
        feeds.random_images(port.spec, seed + index, batch)
        if port.pictured and port.spec
        else _noise(port, _sized(port, batch), seed)
        for index, port in enumerate(ports)
    ]
    kind = "seeded pictures" if any(port.pictured for port in ports) else "seeded noise"
    below = [f"{port.name}: whole numbers below {port.below}" for port in ports if port.below is not None]
    return Samples(ports, tuple(arrays), batch, ", ".join([f"{batch} {kind}", *below, f"seed {seed}"]), seed=seed)


def _noise(port: Port, shape: tuple[int, ...], seed: int) -> Numbers:
    """Normal noise, or whole numbers where the port holds them; what float16 cannot hold is not fed to anybody."""
    if port.below is not None:
        return feeds.seeded_whole(port.name, shape, seed, port.below)
    found = feeds.seeded(port.name, shape, seed)
    return found.astype(np.float16).astype(np.float32) if port.dtype == "float16" else found


def edge_samples(ports: tuple[Port, ...], batch: int) -> Samples | None:
    """Zeros, a constant, the largest value everywhere, and one single bright spot; None for inputs of free sizes."""
    try:
        arrays = [_edges(port, batch) for port in ports]
    except Diagnostic:
        return None
    return Samples(ports, tuple(arrays), batch, f"{min(batch, 4)} edge cases", "edge")


def more_samples(samples: Samples) -> list[Samples]:
    """The further sets of a check: the first sample alone, and beside random samples the edge cases."""
    edges = edge_samples(samples.leader, min(samples.batch, EDGES)) if samples.name == "random" else None
    alone = [samples.first] if samples.batch > 1 else []
    return [*alone, *([edges] if edges else [])]


def _edges(port: Port, batch: int) -> Numbers:
    shape: tuple[int, ...]
    half: float
    most: float
    if port.pictured and port.spec:
        shape, half, most = (batch, 3, *feeds.size(port.spec)), 128.0, 255.0
    else:
        shape, half, most = _sized(port, batch), 0.5, 4.0  # 4: about the largest of the normal noise
    if port.below is not None:
        half, most = port.below // 2, port.below - 1
    found = np.zeros(shape, np.float32 if port.below is None else np.int64)
    found[1::4], found[2::4] = half, most
    spot: tuple[int | slice, ...] = (slice(3, None, 4), slice(None), *(size // 3 for size in shape[2:]))
    found[spot[: len(shape)]] = most
    return found


def given_samples(ports: tuple[Port, ...], arrays: Fed, described: str) -> Samples:
    """The caller's own arrays under the input names of `ports`; raises Diagnostic for names that do not fit."""
    names = [port.name for port in ports]
    if set(arrays) != set(names):
        raise Diagnostic(
            "inputs-differ",
            f"{described} holds {', '.join(arrays) or 'nothing'}; the inputs are {', '.join(names)}",
            hint="one array an input, under the input's name",
        )
    batches = {array.shape[0] if array.ndim else 0 for array in arrays.values()}
    if len(batches) != 1 or 0 in batches:
        raise Diagnostic("inputs-differ", f"{described}: the arrays do not hold the same number of samples")
    return Samples(ports, tuple(arrays[name] for name in names), batches.pop(), described, "given")


def fed(ports: Sequence[Port], samples: Samples, label: str) -> list[Fed]:
    """What to feed to one artifact, in portions of the batch that it insists on; their order is that of the samples.

    Pictures go through the port's own preprocessing. A port without any gets what the leading artifact is fed.
    Raises Diagnostic when inputs cannot be paired.
    """
    if len(ports) != len(samples.leader):
        wanted = ", ".join(port.name for port in samples.leader)
        raise Diagnostic(
            "inputs-differ", f"{label} has the inputs {', '.join(p.name for p in ports)}, the reference {wanted}"
        )
    step = portion(ports) or samples.batch
    if samples.batch % step:
        raise Diagnostic("inputs-differ", f"{label} takes {step} samples at a time, there are {samples.batch}")
    return [
        {
            port.name: _prepared(port, first, array[start : start + step], label)
            for port, first, array in zip(_paired(ports, samples.leader), samples.leader, samples.arrays, strict=True)
        }
        for start in range(0, samples.batch, step)
    ]


def _prepared(port: Port, first: Port, array: Numbers, label: str) -> Numbers:
    spec = (port.spec if port.pictured else first.spec) if first.pictured else None
    fitting = feeds.apply(spec, array) if spec else array
    _demand_fit(port, fitting, label)
    return _typed(fitting, port.dtype or (None if first.below is None else "float32"))


def _typed(array: Numbers, dtype: str | None) -> Numbers:
    """The same numbers in the type that an input has; as they are where that is unknown or does not hold them."""
    if dtype is None or dtype not in _TYPES or array.dtype == dtype:
        return array
    cast = array.astype(dtype)
    return cast if np.array_equal(cast.astype(array.dtype), array, equal_nan=array.dtype.kind == "f") else array


def _paired(ports: Sequence[Port], like: Sequence[Port]) -> list[Port]:
    """`ports` in the order of `like`: by name when both have the same names, else as they come."""
    by_name = {port.name: port for port in ports}
    names = [port.name for port in like]
    return [by_name[name] for name in names] if set(by_name) == set(names) else list(ports)


def _sized(port: Port, batch: int) -> tuple[int, ...]:
    sizes = [size for size in port.shape[1:] if isinstance(size, int) and size > 0]
    if not port.shape:
        raise Diagnostic("free-input", f"input {port.name} has no axis for samples: a scalar, or of unknown shape",
                         hint="--inputs F.npz with one array an input, the first axis for samples")  # fmt: skip
    if len(sizes) != len(port.shape) - 1:
        raise Diagnostic(
            "free-input",
            f"input {port.name} has the shape {_dims(port.shape)}: its sizes are for the caller to choose",
            hint="--inputs F.npz with one array an input",
        )
    if batch * math.prod(sizes) > MOST:
        raise Diagnostic("input-too-large", f"input {port.name} is {_dims(port.shape)}: {batch} samples of it are over "
                         f"{MOST:,} numbers", hint="--batch 1, or --inputs F.npz")  # fmt: skip
    return (batch, *sizes)


def _demand_fit(port: Port, array: Numbers, label: str) -> None:
    expected = port.shape[1:]
    actual = array.shape[1:]
    same = len(expected) == len(actual)
    if same and all(not isinstance(want, int) or want == got for want, got in zip(expected, actual, strict=True)):
        return
    raise Diagnostic(
        "inputs-differ",
        f"{label}: input {port.name} is {_dims(port.shape)}, the samples are {_dims(array.shape)}",
        hint="only a registry entry can say that an input has another layout (docs/parity.md, 'Inputs')",
    )


def _dims(shape: Sequence[int | str | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"
