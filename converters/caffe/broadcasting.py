"""An operand that is smaller than the data: which run of axes it lies along, as Caffe's Scale and Bias want it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converters.hub.matching import Declined
from converters.weights import ComputedWeight, Weight, reshaped

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Axes [axis, axis + len(dims)) of the data, whose sizes are `dims`."""

    axis: int
    dims: Sizes


def full_rank(shape: Sequence[int], rank: int) -> Sizes:
    """The shape with ones in front, as ONNX aligns it."""
    if len(shape) > rank:
        raise Declined(f"its operand {list(shape)} has more dimensions than the data")
    return (1,) * (rank - len(shape)) + tuple(shape)


def fits(data: Sizes, operand: Sequence[int]) -> bool:
    """Whether the operand broadcasts to the data without making it larger."""
    if len(operand) > len(data):
        return False
    return all(dim in (1, size) for dim, size in zip(full_rank(operand, len(data)), data, strict=True))


def run_of(data: Sizes, operand: Sequence[int], *, batch: bool) -> Run:
    """The shortest run of axes outside which the operand is 1; `batch`: axis 0 is in it where the operand has it."""
    dims = full_rank(operand, len(data))
    wide = [axis for axis, dim in enumerate(dims) if dim != 1]
    if batch and len(operand) == len(data) and dims[0] == data[0]:
        wide.insert(0, 0)
    if not wide:
        return Run(0, ())
    return Run(wide[0], tuple(data[wide[0] : wide[-1] + 1]))


def stored(weight: Weight, data: Sizes) -> tuple[Run, Weight]:
    """A stored operand as a blob over its run; where it is 1 inside the run its numbers are repeated."""
    run = run_of(data, weight.shape, batch=False)
    dims = full_rank(weight.shape, len(data))[run.axis : run.axis + len(run.dims)]
    inner = reshaped(weight, dims)
    if dims == run.dims:
        return run, inner
    return run, ComputedWeight(run.dims, weight.dtype, lambda: np.broadcast_to(inner.array(), run.dims))


def computed(data: Sizes, operand: Sequence[int]) -> Run:
    """The run of a computed operand, which must fill it: Caffe does not repeat numbers inside a run."""
    run = run_of(data, operand, batch=True)
    dims = full_rank(operand, len(data))[run.axis : run.axis + len(run.dims)]
    if dims != run.dims:
        raise Declined(f"its operand {list(operand)} is repeated inside {list(data)}; Caffe's lies along whole axes")
    return run
