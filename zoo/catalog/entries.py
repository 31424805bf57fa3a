"""Entries by id, each built from its row when it is asked for: `zoo pull` needs one of 400."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.catalog.plain import made
from zoo.catalog.schema import Entry


class Entries(Mapping[str, Entry]):
    """A mapping of ids to entries, made of entries or of the rows of a parsed registry."""

    def __init__(self, known: Mapping[str, Entry | dict[str, Any]]) -> None:
        self._known = dict(known)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Entries:
        """These entries, by their ids."""
        return cls({entry.id: entry for entry in entries})

    def __getitem__(self, key: str) -> Entry:
        found = self._known[key]
        if isinstance(found, dict):
            self._known[key] = found = made(Entry, found)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __or__(self, more: Entries) -> Entries:
        return Entries(self._known | more._known)

    def names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every id with all names of its network; nothing is built for that."""
        for key, found in self._known.items():
            aliases = found.get("aliases", ()) if isinstance(found, dict) else found.aliases
            yield key, (key.rpartition("@")[0], *aliases)
