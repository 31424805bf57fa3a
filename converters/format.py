"""The card of a format: what its files are called, how to recognise them, and where its code lives."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import PurePath
from types import MappingProxyType

Sniffer = Callable[[bytes, PurePath], str | None]
"""(first 4 KiB, file name) -> the role of the file in this format, or None. Standard library only."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the rest of the world must know of a format; code is named by address and imported on use.

    roles   role -> the suffixes that files of this role usually have
    decode  `module:function`, (files by role, input shapes) -> SourceGraph; None for the hub's own format
    ops     the package whose modules hold the READ rows
    encode  `module:function`, (SourceGraph of the target's layers, output path) -> file name -> sha256
    writers the package whose modules hold the WRITE rows
    contract `module:function`, (model) -> None: subgraphs that stand for one layer become one node, before rows match
    compose `module:function`, (hub model, output path, report, source's name) -> file name -> sha256, for a format
            that is written from the graph as a whole, not layer by layer
    operators `module:function`, () -> the operators (domain, name) that `compose` knows
    dialects  variants that can be written, the default first
    inlines operators that it has no row for, and that ONNX defines by others, are written as their definition
    fixed   its files state every size: a symbolic batch must become a number
    keyed   the files may hold several models: decode takes a `key` that picks one
    tree    `module:function`, files by role -> inspection entries of whatever the files hold, a network or not
    tensor  `module:function`, (files by role, key) -> the one tensor meant, for files that may hold bare ones
    parameters  `module:function`, kind -> the names of all parameters that the format gives it (for the docs)
    proof   `module:function`, kind -> what shows that its row is right, where rows have no samples (for the docs)
    settings  names of the options that only this format knows; decode takes them as keyword arguments
    joiner  what stands between a layer's name and its weight's in the names of stored tensors
    stored  `module:function`, files by role -> (layer, key, weight) of all that the weights file holds by itself
    """

    name: str
    title: str
    roles: Mapping[str, tuple[str, ...]]
    sniff: Sniffer
    decode: str | None = None
    ops: str | None = None
    encode: str | None = None
    writers: str | None = None
    contract: str | None = None
    compose: str | None = None
    operators: str | None = None
    dialects: tuple[str, ...] = ("",)
    inlines: bool = False
    fixed: bool = False
    joiner: str = "/"
    stored: str | None = None
    keyed: bool = False
    tree: str | None = None
    tensor: str | None = None
    parameters: str | None = None
    proof: str | None = None
    settings: tuple[str, ...] = ()


@cache
def formats() -> Mapping[str, Format]:
    """Every format: the folders of this package that hold a FORMAT card, and entry points of group `zoo.formats`."""
    found = [
        import_module(f"converters.{module.name}")
        for module in pkgutil.iter_modules(import_module("converters").__path__)
        if module.ispkg
    ]
    cards = [module.FORMAT for module in found if hasattr(module, "FORMAT")]
    cards += [entry.load() for entry in entry_points(group="zoo.formats")]
    table: dict[str, Format] = {}
    for card in cards:
        if card.name in table:
            raise ValueError(f"two formats are called {card.name}: {table[card.name].title} and {card.title}")
        table[card.name] = card
    return MappingProxyType(table)


def resolve(address: str) -> Callable[..., object]:
    """The function at `module:function`."""
    module, _, name = address.partition(":")
    function: Callable[..., object] = getattr(import_module(module), name)
    return function
