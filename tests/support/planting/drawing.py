"""Mutants of a network: every kind of fault, early, in the middle and late, drawn by a seed."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import onnx

from planting.fault import Fault, Unfit
from planting.faults import FAULTS
from zoo.parity.graphs.graph import Graph

PLACES = ("early", "middle", "late")


@dataclass(frozen=True)
class Mutant:
    """`value` is the result of the layer that the fault was planted in."""

    network: str
    fault: Fault
    place: str
    value: str
    graph: Graph


def mutants(
    network: str,
    graph: Graph,
    seed: int,
    kinds: Collection[str] = tuple(FAULTS),
    places: Collection[str] = PLACES,
) -> Iterator[Mutant]:
    """All faults that fit the network; where several kinds of place coincide, the fault is planted once."""
    for fault in (FAULTS[kind] for kind in kinds):
        try:
            sites = [node.output[0] for node in fault.sites(graph)]
        except Unfit:
            continue
        for place, value in _places(sites):
            if place not in places:
                continue
            rng = np.random.default_rng([seed, zlib.crc32(f"{network}/{fault.name}/{place}".encode())])
            copy = graph.copy()
            node = copy.producer(value)
            assert node is not None
            try:
                fault.plant(copy, node, rng)
            except Unfit:
                continue
            yield Mutant(network, fault, place, value, Graph(copy.model))


def _places(sites: list[str]) -> list[tuple[str, str]]:
    if not sites:
        return []
    chosen = {sites[0]: "early", sites[len(sites) // 2]: "middle", sites[-1]: "late"}
    return [(place, value) for value, place in chosen.items()]


def valid(graph: Graph) -> bool:
    """True when ONNX's own checker takes the graph; a fault may be such that no runtime does."""
    try:
        onnx.checker.check_model(graph.model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return True
