"""The parts of a check's page, in their order; each is empty where the report has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from zoo.parity.account import Answer, answers, figure, label, missed
from zoo.parity.page.plots import by_depth, histogram
from zoo.parity.page.tree import Child, code, element, pill, table

Report = Mapping[str, Any]
Section = Callable[[Report], Iterator[ET.Element]]

_FIGURES = {  # heading -> the field of the report
    "ratio": "ratio",
    "would pass": "needed",
    "max abs": "max_abs",
    "max rel": "max_rel",
    "RMS": "rms",
    "SNR dB": "snr_db",
    "cosine": "cosine",
    "KL": "kl",
}
_EXACT = {"cosine": "{:.9f}", "snr_db": "{:.1f}"}
_TENSOR = ("kind", "ratio", "rms", "floor_rms", "max", "floor_max")


def _details(report: Report) -> Iterator[ET.Element]:
    lines = report.get("details") or ()
    if lines:
        yield element("pre", "\n".join(map(str, lines)))


def _outputs(report: Report) -> Iterator[ET.Element]:
    found = list(answers(report))
    if not found:
        return
    columns = {head: name for head, name in _FIGURES.items() if any(name in one.figures for one in found)}
    header = ("run", "output", "verdict", *columns, "top-1")
    reference = report.get("reference")
    rows: list[list[Child]] = []
    if reference:
        rows.append([code(label(reference)), "", "reference", *("" for _ in columns), ""])
    rows += [[*_who(one), *(_cell(one, name) for name in columns.values()), _top1(one)] for one in found]
    yield element("h2", "Outputs")
    yield table(header, rows, numbers=3)
    again = report.get("reference_again")
    if again:
        moved = [output["figures"]["max_abs"] for output in again["outputs"] if output.get("figures")]
        steady = "gave the same numbers" if moved and not any(moved) else f"moved by {figure(max(moved, default=None))}"
        yield element("p", f"The reference, run twice, {steady}.", class_="quiet")


def _who(one: Answer) -> tuple[Child, Child, Child]:
    reason = one.output.get("reason")
    said = element("span", pill(one.output["verdict"]), element("small", str(reason)) if reason else None)
    return code(label(one.run)), code(one.output.get("title", one.output["name"])), said


def _cell(one: Answer, name: str) -> str:
    if name not in one.figures:
        return "-"
    value = one.figures[name]
    return _EXACT[name].format(value) if name in _EXACT and isinstance(value, int | float) else figure(value)


def _top1(one: Answer) -> str:
    top1 = one.output.get("top1")
    return f"{top1['agreed']}/{top1['rows']}" if top1 else "-"


def _depth(report: Report) -> Iterator[ET.Element]:
    tensors = report.get("tensors") or ()
    if not tensors:
        return
    yield element("h2", "Error by depth")
    first = _first(report)
    if first:
        yield element("p", "The first layer whose error leaps: ", code(first), ".")
    yield by_depth(tensors, first)
    rows: list[list[Child]] = [
        [code(one["name"]), str(one.get("op") or ""), pill(one["verdict"]), *(figure(one.get(n, "")) for n in _TENSOR)]
        for one in tensors
    ]
    every = table(("tensor", "operator", "verdict", *_TENSOR), rows, numbers=4)
    yield element("details", element("summary", f"All {len(rows)} tensors"), every)


def _first(report: Report) -> str | None:
    first = report.get("first")
    return str(first["name"]) if isinstance(first, Mapping) and "name" in first else str(first) if first else None


def _spread(report: Report) -> Iterator[ET.Element]:
    found = [one for one in answers(report) if one.output.get("spread")]
    if not found:
        return
    yield element("h2", "Where the differences lie")
    for one in found:
        spread = one.output["spread"]
        about = element("summary", code(label(one.run)), ": ", code(one.output.get("title", one.output["name"])))
        worst: list[list[Child]] = [
            [code(", ".join(map(str, item["index"]))), *(_value(item[n]) for n in ("reference", "candidate")),
             figure(item["difference"])]
            for item in spread["worst"]
        ]  # fmt: skip
        parts: list[Child] = [about, histogram(spread)]
        if worst:
            parts += [element("h3", "Worst elements")]
            parts += [table(("place", "reference", "candidate", "difference"), worst, numbers=1)]
        opened = "" if one.output["verdict"] == "fail" or len(found) == 1 else None
        yield element("details", *parts, open=opened)


def _value(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)


def _doctor(report: Report) -> Iterator[ET.Element]:
    causes = report.get("doctor") or ()
    if causes:
        yield element("h2", "Likely cause")
        rows = [
            (element("strong", str(one.get("cause"))), figure(one.get("before")), figure(one.get("after")),
             str(one.get("proof") or ""))
            for one in causes
        ]  # fmt: skip
        yield table(("cause", "error before", "after the fix", "proof"), rows)


def _not_run(report: Report) -> Iterator[ET.Element]:
    items = report.get("not_run") or ()
    if items:
        yield element("h2", "Not run")
        rows = [
            (code(missed(item)), str(item["why"]), code(item["remedy"]) if item.get("remedy") else "") for item in items
        ]
        yield table(("who", "why", "to run it"), rows)


def _opinions(report: Report) -> Iterator[ET.Element]:
    """Other converters' files against the same reference; they decide nothing."""
    found = list(answers({"rows": report.get("second_opinions") or ()}))
    unheard = report.get("second_opinions_unheard") or ()
    if not found and not unheard:
        return
    yield element("h2", "Second opinions")
    if found:
        columns = ("ratio", "max_abs", "needed")
        rows: list[list[Child]] = [[*_who(one), *(_cell(one, name) for name in columns)] for one in found]
        yield table(("run", "output", "verdict", "ratio", "max abs", "would pass"), rows, numbers=3)
    if unheard:
        yield element("ul", [element("li", code(missed(item)), f": {item['why']}") for item in unheard])


def _idle(report: Report) -> Iterator[ET.Element]:
    items = report.get("not_exercised") or ()
    if items:
        yield element("h2", "Not exercised")
        yield element("ul", [element("li", _sentence(item)) for item in items])


def _sentence(item: object) -> str:
    return ", ".join(f"{name}: {value}" for name, value in item.items()) if isinstance(item, Mapping) else str(item)


def _conditions(report: Report) -> Iterator[ET.Element]:
    yield element("h2", "Conditions")
    facts: dict[str, Child] = {"inputs": str((report.get("inputs") or {}).get("samples", "none"))}
    for one in (report.get("inputs") or {}).get("tensors") or ():
        facts[f"input {one.get('name')}"] = element("span", _sentence({k: v for k, v in one.items() if k != "name"}))
    tolerance = report.get("tolerance") or {}
    if tolerance.get("kind") == "floor":
        said = f"at most {tolerance['k']:g} x the noise floor, by RMS and by maximum; {tolerance['why']}"
        facts[f"rule ({tolerance['source']})"] = said
        facts["floor"] = str(report.get("floor"))
    elif "rtol" in tolerance:
        formula = f"|a - b| <= {tolerance['atol']:g} max|reference| + {tolerance['rtol']:g} |reference|"
        facts[f"tolerance ({tolerance['source']})"] = element("span", code(formula), f" {tolerance['why']}")
    for run in (report.get("reference"), *report.get("rows", ())):
        if run:
            versions = [f"{name} {version}" for name, version in (run.get("versions") or {}).items()]
            settings = [f"{name} = {value}" for name, value in (run.get("settings") or {}).items()]
            said = "; ".join([", ".join(versions), *settings, f"{run.get('seconds', 0.0):.3f} s"])
            facts[label(run)] = said
    facts |= {name: str(value) for name, value in (report.get("environment") or {}).items()}
    yield element("dl", [part for name, value in facts.items() for part in (element("dt", name), element("dd", value))])


SECTIONS: tuple[Section, ...] = (_details, _outputs, _doctor, _depth, _spread, _opinions, _idle, _not_run, _conditions)
