"""Output names differ between formats (`prob`, `softmax_1:0`): which output of a candidate answers which reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from zoo.catalog.schema import OutputSpec

T = TypeVar("T")


def renamed(
    reference: Sequence[str],
    candidate: Mapping[str, T],
    specs: tuple[Sequence[OutputSpec], Sequence[OutputSpec]] = ((), ()),
) -> tuple[dict[str, T], tuple[str, ...]]:
    """The candidate's outputs under the reference's names, and a note for every name that was changed.

    Equal names stay. Otherwise the registry decides: entries with the same weights list their outputs in the same
    order. Where it does not know both sides, the only output of one answers the only output of the other. Outputs
    that nothing pairs keep their names: compare() then fails them as missing.
    """
    names = _names(reference, tuple(candidate), specs)
    if len(set(names.values())) != len(names):
        return dict(candidate), ()
    notes = tuple(f"{name} is compared with {to}" for name, to in names.items() if name != to)
    return {names[name]: value for name, value in candidate.items()}, notes


def _names(
    reference: Sequence[str], candidate: Sequence[str], specs: tuple[Sequence[OutputSpec], Sequence[OutputSpec]]
) -> dict[str, str]:
    kept = {name: name for name in candidate}
    if set(reference) == set(candidate):
        return kept
    mine, other = specs
    if mine and len(mine) == len(other) and [spec.kind for spec in mine] == [spec.kind for spec in other]:
        pairs = {theirs.name: ours.name for ours, theirs in zip(mine, other, strict=True)}
        return {name: pairs.get(name, name) for name in candidate}
    if len(reference) == len(candidate) == 1:
        return {candidate[0]: reference[0]}
    return kept
