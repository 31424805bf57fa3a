"""Operators that choose: behind them a tie moves whole rows, and no floor says how far."""

from __future__ import annotations

from zoo.parity.graphs.graph import Graph

CHOICES = frozenset({"ArgMax", "ArgMin", "NonMaxSuppression", "NonZero", "TopK", "Unique"})


def behind_choices(graph: Graph) -> set[str]:
    """Values that follow from a choice (which boxes stay, which values are the largest): there a tie moves whole rows.

    No floor says how far; what is chosen from is compared, and outputs of this kind are compared as sets.
    """
    found: set[str] = set()
    for node in graph.nodes:
        if node.op_type in CHOICES or found & set(node.input):
            found |= set(node.output)
    return found
