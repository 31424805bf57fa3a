"""registry.yaml becomes entries, or one `Diagnostic` that lists every fault with its line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zoo.catalog import compiled, layers
from zoo.catalog.entries import Entries
from zoo.catalog.naming import Choice, choose, siblings
from zoo.catalog.schema import Entry
from zoo.diagnostics import Diagnostic, Where

MAX_BYTES = 32 << 20  # 490 facts entries take 2 MB


@dataclass(frozen=True)
class Registry:
    """All entries by id, in the order of the file."""

    entries: Entries

    def find(self, name: str) -> tuple[Entry, ...]:
        """The entry that `name` means; of a bare name its default and the same weights in every other format.

        Raises:
            UsageFault: `unknown-model`, with the nearest names.
        """
        return siblings(self.pick(name))

    def pick(self, name: str) -> Choice:
        """The one entry that `name` means, and the others that it could mean.

        Raises:
            UsageFault: `unknown-model`, with the nearest names.
        """
        return choose(self.entries, name)


def load(path: Path | None = None) -> Registry:
    """The registry in `path` alone; without it the shipped one and those beside it (zoo.catalog.layers).

    Raises:
        Diagnostic: `registry`, with every fault of a file and its line; `registry-overlap`: one id in two files.
    """
    if path is not None:
        return Registry(_read(path, ()))
    entries = _shipped(shipped(), shipped().stat().st_mtime_ns)
    homes = dict.fromkeys(entries, shipped())
    for place in layers.paths():
        more = _read(place, entries)
        twice = [f"{name}: {homes[name]} and {place}" for name in more if name in entries]
        if twice:
            hint = "give the entry a source of its own: name@mine, with a format"
            count = f"{len(twice)} id(s) stand in two registries"
            raise Diagnostic("registry-overlap", count, details=twice, hint=hint)
        entries = entries | more
        homes |= dict.fromkeys(more, place)
    return Registry(entries)


@cache
def _shipped(place: Path, _changed: int) -> Entries:
    """The shipped registry, read once a process as long as the file stays the same."""
    return _read(place, ())


def _read(place: Path, known: Collection[str]) -> Entries:
    try:
        if place.stat().st_size > MAX_BYTES:
            raise Diagnostic("registry", f"larger than {MAX_BYTES:,} bytes", where=Where(str(place)))
        content = place.read_bytes()
    except OSError as error:
        raise Diagnostic("registry", f"cannot be read: {error}", where=Where(str(place))) from error
    found = compiled.recall(content, known)
    if found is None:
        found = _parsed(place, content, known)
        compiled.keep(content, known, found)
    return found


def _parsed(place: Path, content: bytes, known: Collection[str]) -> Entries:
    from zoo.catalog.parsing import parse

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Diagnostic("registry", f"cannot be read: {error}", where=Where(str(place))) from error
    entries, faults = parse(text, known)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise Diagnostic(
            "registry",
            f"{count} in the registry",
            where=Where(str(place), line=faults[0].line),
            details=[str(fault) for fault in faults],
            hint="docs/registry.md describes every key",
        )
    return Entries(entries)


def shipped() -> Path:
    """The registry that came with the program: beside this file in a wheel, at the root of a checkout."""
    here = Path(__file__).resolve()
    inside = here.with_name("registry.yaml")
    return inside if inside.exists() else here.parents[2] / "registry.yaml"
