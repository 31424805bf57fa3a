"""Where files come from: one kind of source a module here, gathered by listing this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from zoo.supply.staging import Sink
    from zoo.supply.transit import Transit

Status = Literal["dead", "failing", "unknown"]


class Mirror(Protocol):
    """One place where a file lies; `str()` names it in messages."""

    kind: Any
    status: Status | None
    note: str | None


@dataclass(frozen=True)
class Source:
    """One kind of mirror: the closed schema of its entry, the key that marks it, and how bytes are brought."""

    kind: str
    key: str
    mirror: type[Any]
    needs_network: bool
    fetch: Callable[[Any, Sink, Transit], None]


class MirrorFailure(Exception):
    """A mirror did not deliver; the next one is tried."""


class TooSlow(Exception):
    """A mirror delivers, but so slowly that another one is tried; `rate` is in bytes a second."""

    def __init__(self, rate: float) -> None:
        super().__init__(f"{rate:,.0f} bytes a second")
        self.rate = rate


@cache
def sources() -> Mapping[str, Source]:
    """Every kind of source by name.

    Raises:
        ValueError: two modules claim the same kind or the same key.
    """
    found: dict[str, Source] = {}
    for module in sorted(item.name for item in iter_modules(__path__)):
        source: Source = import_module(f"{__name__}.{module}").SOURCE
        rival = next((other for other in found.values() if source.kind == other.kind or source.key == other.key), None)
        if rival is not None:
            raise ValueError(f"{module}: the source kind {source.kind} overlaps with {rival.kind}")
        found[source.kind] = source
    return found


def kind_of(value: object) -> str | None:
    """The kind that a mirror's mapping says or shows by its keys; None where it shows none."""
    if not isinstance(value, Mapping):
        kind = getattr(value, "kind", None)
        return kind if isinstance(kind, str) else None
    said = value.get("kind")
    if said is not None:
        return said if isinstance(said, str) and said in sources() else None
    return next((source.kind for source in sources().values() if source.key in value), None)
