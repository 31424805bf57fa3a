"""Mean and scale of the input: solved from what the first layer gave, because that layer is linear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from zoo.parity.doctor.case import Array, Case, Doubles, Hypothesis, doubles
from zoo.parity.doctor.pictures import affine
from zoo.parity.graphs.graph import Graph

Runner = Callable[[Sequence[tuple[Graph, Mapping[str, Array]]]], Sequence[Array | None]]
_SMALL = 4
_NOTHING = 1e-6  # an input multiplied by less than this is weights that are missing


def solved(case: Case, run: Runner) -> Iterator[Hypothesis]:
    """The scale and the shift a channel that bring the reference's first layer nearest to the candidate's.

    The layer is run on each channel alone and on a 1 in each channel; the candidate's result is a sum of these.
    """
    if not _applies(case):
        return
    (name,) = case.reference.inputs
    picture = case.fed[name]
    channels = range(picture.shape[1])
    only = [np.where(_one(picture, channel), picture, 0).astype(picture.dtype) for channel in channels]
    ones = [np.broadcast_to(_one(picture, channel), picture.shape).astype(picture.dtype) for channel in channels]
    feeds = [np.zeros_like(picture), *only, *ones]
    answers = run([(case.reference, {**case.fed, name: feed}) for feed in feeds])
    if any(answer is None for answer in answers):
        return
    base, *parts = [doubles(answer) for answer in answers if answer is not None]
    basis = np.stack([(part - base).ravel() for part in parts], axis=1)
    wanted = (doubles(case.got) - base).ravel()
    scale, shift = _fitted(basis, wanted, picture.shape[1])
    if np.abs(scale).max() > _NOTHING:
        yield from _told(case, name, scale, shift)


def _told(case: Case, name: str, scale: Doubles, shift: Doubles) -> Iterator[Hypothesis]:
    """A mean alone, a scale alone, or both."""
    ones, zeros = np.ones_like(scale), np.zeros_like(shift)
    means = ", ".join(f"{-number:.4g}" for number in shift)
    factors = ", ".join(f"{number:.5g}" for number in scale)
    by_mean, by_scale = f"{means} subtracted from {name}", f"{name} multiplied by {factors}"
    yield Hypothesis("mean of the input", by_mean, affine(case, ones, shift))
    yield Hypothesis("scale of the input", by_scale, affine(case, scale, zeros))
    yield Hypothesis("mean and scale of the input", f"{by_scale}, then {by_mean}", affine(case, scale, shift))


def _fitted(basis: Doubles, wanted: Doubles, channels: int) -> tuple[Doubles, Doubles]:
    """Least squares: the shift alone, the scale alone, or both, whichever needs fewer numbers and fits as well."""
    kept = []
    for columns in (range(channels, 2 * channels), range(channels), range(2 * channels)):
        chosen = list(columns)
        start = wanted - (basis[:, :channels].sum(1) if chosen[0] >= channels else 0)
        answer = np.linalg.lstsq(basis[:, chosen], start, rcond=None)[0]
        left = float(np.linalg.norm(basis[:, chosen] @ answer - start))
        kept.append((left, chosen, answer))
    best = min(left for left, _chosen, _answer in kept)
    _left, chosen, answer = next(item for item in kept if item[0] <= 2 * best)
    scale, shift = np.ones(channels), np.zeros(channels)
    for column, number in zip(chosen, answer, strict=True):
        (scale if column < channels else shift)[column % channels] = number
    return scale, shift


def _applies(case: Case) -> bool:
    """One picture goes into one convolution or product, and nothing that bends the line stands behind it."""
    if not case.starts or len(case.reference.inputs) != 1:
        return False
    if case.got.shape != case.exact.shape or not np.isfinite(case.got).all():
        return False
    (name,) = case.reference.inputs
    linear = {"Conv", "Gemm", "MatMul", "Add", "BatchNormalization", "Flatten", "Identity"}
    shape = case.fed[name].shape
    return len(shape) == 4 and shape[1] <= _SMALL and all(node.op_type in linear for node in case.nodes())


def _one(picture: Array, channel: int) -> Array:
    mask = np.zeros((1, picture.shape[1], 1, 1), picture.dtype)
    mask[0, channel] = 1
    return mask
