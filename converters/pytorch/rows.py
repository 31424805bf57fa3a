"""The table of small functions that write one ONNX operator each, gathered from a folder of sibling files."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from converters.pytorch.code import Code
from converters.pytorch.held import Host, Several
from converters.pytorch.node import Node

Result = str | Sequence[str | None] | Host | Several
"""What a row gives: an expression for the first output, one for each, integers in Python, or a tuple's expression."""
WriteOp = Callable[[Node, Code], Result]

_PACKAGE = "converters.pytorch.writers"
_NEWEST = 10**6


@dataclass(frozen=True, slots=True)
class Row:
    """One operator: the function that writes it and the versions of its definition that the function knows.

    `neutral` names attributes that change no number at inference.
    """

    write: WriteOp
    since: int = 1
    until: int = _NEWEST
    neutral: tuple[str, ...] = ()
    domain: str = ""
    address: str = ""


Table = Mapping[tuple[str, str], Sequence[Row]]
"""(domain, operator) -> its rows, whose ranges of versions do not overlap."""


@cache
def gather(package: str = _PACKAGE) -> Table:
    """Every module's `WRITE`, merged; two rows for one version of an operator are a fault that names both."""
    table: dict[tuple[str, str], list[Row]] = {}
    for found in sorted(pkgutil.iter_modules(import_module(package).__path__), key=lambda module: module.name):
        address = f"{package}.{found.name}"
        for name, rows in getattr(import_module(address), "WRITE", {}).items():
            for row in rows if isinstance(rows, Sequence) else (rows,):
                kin = table.setdefault((row.domain, name), [])
                clash = next((other for other in kin if _overlap(other, row)), None)
                if clash is not None:
                    raise ValueError(f"{name} is written twice: in {clash.address} and in {address}")
                kin.append(replace(row, address=address))
    return table


def find(table: Table, domain: str, name: str, version: int) -> Row | None:
    """The row for an operator whose definition dates from `version`."""
    return next((row for row in table.get((domain, name), ()) if row.since <= version <= row.until), None)


def _overlap(one: Row, other: Row) -> bool:
    return one.since <= other.until and other.since <= one.until
