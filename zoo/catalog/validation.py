"""The types of a registry as pydantic validates them: raw values become entries, or faults with their places."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from zoo.catalog.schema import FORMATS, Entry

T = TypeVar("T")


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What turns plain values into this type, made once a process."""
    return TypeAdapter(kind)


def validated(kind: type[T], value: Any) -> T:
    """The value as an instance of `kind`. An entry `net@caffe` has said its format; `net@publisher` needs the key.

    Raises:
        pydantic.ValidationError: it is none.
    """
    known: Any = kind  # mypy takes a type variable for no hashable
    found: T = adapter(known).validate_python(_with_format(value) if kind is Entry else value)
    return found


def _with_format(value: Any) -> Any:
    source = str(value.get("id", "")).rpartition("@")[2] if isinstance(value, dict) else ""
    return {**value, "format": source} if source in FORMATS and "format" not in value else value
