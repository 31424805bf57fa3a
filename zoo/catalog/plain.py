"""Entries as plain values, and back: mappings, lists, text and numbers, as JSON knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

from zoo.catalog import schema
from zoo.supply.sources import kind_of, sources

T = TypeVar("T")
Skip = Callable[[Field[Any], Any], bool]
_PARTS: Mapping[type, Mapping[str, type | None]] = {  # what the values of a key become
    schema.Entry: {
        "licence": schema.Licence,
        "files": schema.File,
        "extras": schema.File,
        "inputs": schema.InputSpec,
        "outputs": schema.OutputSpec,
        "metrics": schema.Metric,
        "provenance": schema.Provenance,
    },
    schema.File: {"checksums": schema.Checksum, "mirrors": None},
    schema.InputSpec: {"resize": schema.Resize},
}


def values(thing: Any, skip: Skip = lambda _field, _value: False) -> Any:
    """The thing as plain values, without the fields that `skip` names."""
    if is_dataclass(thing):
        found = ((field, getattr(thing, field.name)) for field in fields(thing))
        return {field.name: values(value, skip) for field, value in found if not skip(field, value)}
    if isinstance(thing, (tuple, list)):
        return [values(item, skip) for item in thing]
    if isinstance(thing, Mapping):
        return {key: values(value, skip) for key, value in thing.items()}
    return thing


def is_default(field: Field[Any], value: Any) -> bool:
    """Whether the value need not be said."""
    return field.default is not MISSING and value == field.default


def is_none(_field: Field[Any], value: Any) -> bool:
    """Whether the value says nothing."""
    return value is None


def made(kind: type[T], row: Mapping[str, Any]) -> T:
    """The dataclass that `values` was made of; its own rules hold, the types of single values are taken on trust.

    Raises:
        TypeError, ValueError, KeyError: it was made of something else.
    """
    parts = _PARTS.get(kind, {})
    return kind(
        **{
            name: _part(parts[name], value) if name in parts else tuple(value) if isinstance(value, list) else value
            for name, value in row.items()
        }
    )


def _part(kind: type | None, value: Any) -> Any:
    """A dataclass, or several; without a kind they are mirrors."""
    if isinstance(value, list):
        return tuple(_part(kind, item) for item in value)
    return made(kind or sources()[str(kind_of(value))].mirror, value)
