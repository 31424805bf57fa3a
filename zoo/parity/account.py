"""One finished check as every kind of report reads it: its name and its JSON payload, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# What neither XML nor HTML can hold, and the marks that turn the direction of the text after them.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)

# Of several checks the gravest decides: a difference, a backend, the files, the input, then what nobody could decide.
_GRAVEST = (70, 1, 5, 4, 3, 6)


class Place(NamedTuple):
    """Where a project asks for a check: the file and its line."""

    file: str
    line: int


class Account(NamedTuple):
    """A check by name; `report` is the payload of schema `zoo/parity` (docs/parity.md).

    Reports are read as they are found: a field that an older or a cached one lacks is left out of what is shown.
    """

    name: str
    report: Mapping[str, Any]
    cached: bool = False
    place: Place | None = None

    @property
    def status(self) -> int:
        """The exit status that this check alone would give."""
        return int(self.report["status"])


class Answer(NamedTuple):
    """One output of one run, against the reference."""

    run: Mapping[str, Any]
    output: Mapping[str, Any]

    @property
    def figures(self) -> Mapping[str, Any]:
        """The figures, empty where nothing could be measured."""
        return self.output.get("figures") or {}


def answers(report: Mapping[str, Any]) -> Iterator[Answer]:
    """Every output of every run that was compared with the reference."""
    for row in report.get("rows", ()):
        for output in row.get("outputs", ()):
            yield Answer(row, output)


def label(run: Mapping[str, Any]) -> str:
    """`open-nsfw@caffe in opencv 4.11.0`."""
    version = (run.get("versions") or {}).get(run["backend"], "")
    return f"{run['artifact']} in {run['backend']} {version}".rstrip()


def missed(item: Mapping[str, Any]) -> str:
    """Who did not run."""
    return str(item["label"]) if item.get("backend", "-") == "-" else f"{item['label']} in {item['backend']}"


def gravest(statuses: Sequence[int]) -> int:
    """The exit status of several checks together; an unknown one stands behind those that are known."""
    found = {status for status in statuses if status}
    return next((status for status in _GRAVEST if status in found), max(found, default=0))


def printable(text: object) -> str:
    """The text with a replacement character for what XML and HTML cannot hold, and for marks of writing direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def figure(value: object) -> str:
    """Two digits, as much as an error figure means; `0` for exactly zero, `inf` where JSON has no number."""
    if value is None:
        return "inf"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {figure(part)}" for name, part in value.items())
    if not isinstance(value, int | float):
        return str(value)
    return "0" if value == 0 else f"{value:.1e}" if abs(value) < float("inf") else "inf"
