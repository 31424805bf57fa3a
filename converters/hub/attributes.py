"""A layer's attributes, typed on access, which remember who read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast


class Attributes(Mapping[str, object]):
    """Attributes in the source's spelling, defaults filled in.

    `explicit` names those that the file itself sets: each must be read by the op function (or be listed in its row
    as neutral), else the layer is refused. So no attribute gets lost.
    """

    __slots__ = ("_values", "explicit", "read")

    def __init__(self, values: Mapping[str, object], explicit: frozenset[str] | None = None) -> None:
        self._values = dict(values)
        self.explicit = frozenset(self._values) if explicit is None else explicit
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.read.add(key)
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def integer(self, name: str) -> int:
        """An integer; 0 where the file and the format's defaults say nothing."""
        return cast("int", self[name] or 0)

    def number(self, name: str) -> float:
        """A real number; 0.0 where the file and the format's defaults say nothing."""
        return cast("float", self[name] or 0.0)

    def flag(self, name: str) -> bool:
        """A boolean; false where nothing is said."""
        return bool(self[name])

    def text(self, name: str) -> str:
        """A string or the name of an enumeration's value."""
        return cast("str", self[name] or "")

    def integers(self, name: str) -> tuple[int, ...]:
        """A repeated integer."""
        return cast("tuple[int, ...]", self[name] or ())

    def numbers(self, name: str) -> tuple[float, ...]:
        """A repeated real number."""
        return cast("tuple[float, ...]", self[name] or ())

    def record(self, name: str) -> Mapping[str, object] | None:
        """A nested message; None where it is not set."""
        return cast("Mapping[str, object] | None", self[name])

    def unread(self) -> list[str]:
        """Attributes that the file sets and that nobody looked at."""
        return sorted(self.explicit - self.read)
