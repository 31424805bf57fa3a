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


class Look(NamedTuple):
    """One run that was looked into: `verdict` is `pass`, `fail`, or `not compared`, as the sentence says.

    `values` were compared in the whole network, `layers` fed with the reference's own; `worst` is null for infinity.
    """

    run: str
    verdict: str
    sentence: str
    values: int = 0
    layers: int = 0
    worst: float | None = None


def looks(report: Mapping[str, Any]) -> Iterator[Look]:
    """Every run that was looked into, and one without a name where the check judged outputs and logits alone.

    A layer beyond the limit fails a run only where the rule is the floor: a tolerance set by hand says nothing of it.
    """
    names = {f"{row['artifact']} in {row['backend']}": label(row) for row in report.get("rows", ())}
    judged = (report.get("tolerance") or {}).get("kind", "floor") == "floor"
    for one in report.get("layers") or ():
        values, layers, worst = one.get("values", 0), one.get("layers", 0), one.get("worst")
        verdict = (
            ("fail" if judged else "not compared") if one["first"] else "pass" if values or layers else "not compared"
        )
        said = [*_culprit(one), *_within(one, values, layers, worst), *_missing(one)]
        yield Look(names.get(one["run"], one["run"]), verdict, "; ".join(said), values, layers, worst)
    if report.get("not_inside"):
        yield Look("", "not compared", f"outputs and logits alone were compared: {report['not_inside']}")


def _culprit(one: Mapping[str, Any]) -> Iterator[str]:
    """The first that differs, and what the doctor says of it."""
    if not one["first"]:
        return
    rows = [row for row in one.get("tensors", ()) if row["name"] == one["first"] and row["verdict"] == "fail"]
    row = next((row for row in rows if row.get("kind") == "layer"), rows[0] if rows else {})
    how = f"the conversion computes otherwise than {one['framework']}" if one.get("framework") else "differs"
    far = f", {_floors(row.get('ratio'))}" if row else ""
    what = "value" if row.get("kind") == "inner" else "layer"
    yield f"the first {what} that {how} is {one['first']} ({row.get('op') or 'unknown operator'}){far}"
    for cause in list(one.get("doctor") or ())[:1]:
        yield f"likely cause: {cause.get('cause')}: {cause.get('proof')}"


def _within(one: Mapping[str, Any], values: int, layers: int, worst: float | None) -> Iterator[str]:
    if (values or layers) and not one["first"]:
        also = f" and {layers} layers, fed the reference's own," if layers else ""
        yield (f"{values} inner values{also} are within the limit, the farthest at {_floors(worst)}")
    if one.get("why_not"):
        yield f"not compared: {str(one['why_not']).partition(chr(10))[0]}"


def _missing(one: Mapping[str, Any]) -> Iterator[str]:
    missing = one.get("missing") or ()
    if missing:
        of = f" of {one['of']}" if one.get("of") else ""
        yield f"{len(missing)}{of} inner values of the reference are not in it by name, the first: {missing[0]}"


def _floors(ratio: float | None) -> str:
    return "infinitely many floors" if ratio is None else f"{ratio:.2g} x the floor"


def label(run: Mapping[str, Any]) -> str:
    """`open-nsfw@caffe in opencv 4.11.0`."""
    version = (run.get("versions") or {}).get(str(run["backend"]).partition(":")[0], "")
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
