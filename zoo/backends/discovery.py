"""Which backends there are, and which interpreter can run each: said with versions, or why not and what to type."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from zoo.backends import card as cards
from zoo.backends import environments
from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Hello
from zoo.backends.session import SERVE, greet
from zoo.diagnostics import UsageFault

__all__ = ["Card", "Status", "backends", "find", "probe"]

WORKERS = SERVE.parent
_LIMIT = 120.0  # seconds; importing a large framework from a cold disk takes tens of them


class Candidate(NamedTuple):
    """An interpreter that may be able to run a backend, and who proposed it."""

    interpreter: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a backend can run: the interpreter that does and its versions, or why none does and what to type."""

    available: bool
    interpreter: Path | None = None
    origin: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    why_not: str | None = None
    remedy: str | None = None


def backends() -> tuple[Card, ...]:
    """The card of every worker file, by name, each followed by its variants; no framework is imported."""
    files = sorted(path for path in WORKERS.glob("*.py") if not path.name.startswith("_"))
    return tuple(card for path in files for card in cards.read(path).family())


def find(name: str) -> Card:
    """The card of that name; UsageFault `unknown-backend` with the nearest names otherwise."""
    known = {card.name: card for card in backends()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise UsageFault("unknown-backend", f"there is no backend named {name}", hint=hint)


def probe(card: Card) -> Status:
    """The first interpreter that runs the backend: ZOO_PYTHON_<NAME>, the installed environment, zoo's own Python.

    An interpreter that ran it before is believed as long as neither it, nor its packages, nor the worker file changed.
    """
    reasons = []
    for candidate in _candidates(card):
        answer = _recall(card, candidate.interpreter) or _ask(card, candidate.interpreter)
        if isinstance(answer, Hello):
            return Status(
                available=True, interpreter=candidate.interpreter, origin=candidate.origin, versions=answer.versions
            )
        reasons.append(f"{candidate.origin}: {answer.detail}")
    remedy = f"zoo backends install {card.home}" if card.environment else f"set {environments.variable(card)}"
    return Status(available=False, why_not="; ".join(reasons), remedy=remedy)


def _candidates(card: Card) -> Iterator[Candidate]:
    named = environments.proposed(card)
    if named:
        yield Candidate(named, environments.variable(card))
    installed = environments.interpreter(card)
    if installed:
        yield Candidate(installed, "installed environment")
    yield Candidate(Path(sys.executable), "zoo's own Python")


def _ask(card: Card, interpreter: Path) -> Hello | Failed:
    if interpreter == Path(sys.executable):
        missing = [name for name in card.needs if importlib.util.find_spec(name.partition(".")[0]) is None]
        if missing:
            return Failed("missing-module", f"No module named {missing[0]!r}")
    answer = greet(card, interpreter, _LIMIT)
    if isinstance(answer, Hello):
        _remember(card, interpreter, answer)
    return answer


def _memory() -> Path:
    return environments.root() / "probes.json"


def _recall(card: Card, interpreter: Path) -> Hello | None:
    """What this interpreter answered before, when nothing that the answer rests on has changed since."""
    if card.programs:
        return None
    known: Any = _memories().get(f"{card.worker} {interpreter}")
    try:
        hello = Hello(known["versions"], known["python"], tuple(known["sites"]))
        return hello if known["stamps"] == _stamps(card, interpreter, hello) else None
    except (TypeError, KeyError, OSError):
        return None


def _remember(card: Card, interpreter: Path, hello: Hello) -> None:
    """Keep the answer for next time; a folder that cannot be written only costs time."""
    entry: dict[str, object] = {"versions": dict(hello.versions), "python": hello.python, "sites": list(hello.sites)}
    try:
        entry["stamps"] = _stamps(card, interpreter, hello)
        whole = {**_memories(), f"{card.worker} {interpreter}": entry}
        _memory().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=_memory().parent, suffix=".part", delete=False) as file:
            json.dump(whole, file)
        Path(file.name).replace(_memory())
    except OSError:
        return


def _memories() -> dict[str, Any]:
    try:
        known = json.loads(_memory().read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _stamps(card: Card, interpreter: Path, hello: Hello) -> list[int]:
    watched = (interpreter, card.worker, SERVE, *map(Path, hello.sites))
    return [path.stat().st_mtime_ns for path in watched]
