"""Architectures for files that hold weights alone: each module's `ARCHITECTURES` maps names to builders."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from converters.pytorch.network import Network


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a network is built, and by which tensor one knows that a file may be of it.

    marker   a tensor that every file of this architecture has
    implied  False: only taken when it is named, because another one has the same tensors
    """

    build: Callable[[Network], None]
    marker: str
    implied: bool = True


@cache
def architectures() -> Mapping[str, Architecture]:
    """All architectures by name, in the order of their modules."""
    found: dict[str, Architecture] = {}
    for module in pkgutil.iter_modules(__path__):
        for name, architecture in import_module(f"{__name__}.{module.name}").ARCHITECTURES.items():
            if name in found:
                raise ValueError(f"two architectures are called {name}")
            found[name] = architecture
    return found
