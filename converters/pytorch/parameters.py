"""The parameters that modules of a kind have in the architectures, for the docs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from converters.pytorch.architectures import architectures
from converters.pytorch.network import Network


def names(kind: str) -> tuple[str, ...]:
    """Every attribute that an architecture gives a module of the kind, in the order of its arguments."""
    return _known().get(kind, ())


@cache
def _known() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for card in architectures().values():
        network = Network({})
        card.build(network)
        for module in network.modules:
            found.setdefault(module.kind, {}).update(dict.fromkeys(module.attrs))
    return {kind: tuple(attrs) for kind, attrs in found.items()}
