"""The parts of a check's page, in their order; each is empty where the report has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from zoo.parity.account import Answer, answers, figure, label, looks, missed
from zoo.parity.page.plots import by_depth, histogram
from zoo.parity.page.tree import Child, code, element, pill, table

Report = Mapping[str, Any]
Section = Callable[[Report], Iterator[ET.Element]]

_TENSOR = ("kind", "ratio", "rms", "floor_rms", "max", "floor_max")


def _details(report: Report) -> Iterator[ET.Element]:
    lines = report.get("details") or ()
    if lines:
        yield element("pre", "\n".join(map(str, lines)))


def _outputs(report: Report) -> Iterator[ET.Element]:
    found = list(answers(report))
    if not found:
        return
    reference = report.get("reference")
    first: list[list[Child]] = [[code(label(reference)), "", "reference", *("" for _ in MAIN)]] if reference else []
    yield element("h2", "Outputs")
    yield _figures(found, MAIN, first, reasons=True)
    for said in _beside(report):
        yield element("p", said, class_="quiet")
    every = [title for title, cell in COLUMNS.items() if any(cell(one) != "-" for one in found)]
    yield element("details", element("summary", "All figures"), _figures(found, every, [], reasons=False))


def _figures(
    found: Sequence[Answer], titles: Sequence[str], first: Sequence[Sequence[Child]], *, reasons: bool
) -> ET.Element:
    """A row an output; the run is named once, and the reason of what is no plain pass has a row of its own."""
    rows: list[Sequence[Child] | ET.Element] = [*first]
    for place, one in enumerate(found):
        again = place > 0 and found[place - 1].run is one.run
        output = code(one.output.get("title", one.output["name"]))
        cells = [COLUMNS[title](one) for title in titles]
        rows.append(["" if again else code(label(one.run)), output, pill(one.output["verdict"]), *cells])
        if reasons and one.output.get("reason"):
            said = element("td", str(one.output["reason"]), colspan=len(titles) + 2)
            rows.append(element("tr", element("td"), said, class_="why"))
    return table(("run", "output", "verdict", *titles), rows, numbers=3)


def _beside(report: Report) -> Iterator[str]:
    """What speaks for or against the reference itself, in sentences."""
    again = report.get("reference_again")
    if again:
        moved = [output["figures"]["max_abs"] for output in again["outputs"] if output.get("figures")]
        steady = "gave the same numbers" if moved and not any(moved) else f"moved by {figure(max(moved, default=None))}"
        yield f"The reference, run twice, {steady}."
    float64, weights = report.get("float64") or {}, report.get("weights") or {}
    if float64.get("ran"):
        yield f"Float64 against float64: {float64['sentence']}."
    if weights.get("compared"):
        one, other = weights["of"]
        how = weights.get("how", "by content")
        yield f"Weights: {weights['equal']} of {weights['compared']} of {one} are in {other} bit for bit ({how})."


def _cell(one: Answer, name: str) -> str:
    return figure(one.figures[name]) if name in one.figures else "-"


def _exact(one: Answer, name: str, form: str) -> str:
    value = one.figures.get(name)
    return form.format(value) if isinstance(value, int | float) else _cell(one, name)


def _ratio(one: Answer) -> Child:
    value = one.figures.get("ratio")
    return f"{value:.3g}" if isinstance(value, int | float) else _cell(one, "ratio")


def _ulp(one: Answer) -> Child:
    ulp = one.figures.get("ulp")
    return f"{_count(ulp['p50'])} / {_count(ulp['p99'])} / {_count(ulp['max'])}" if ulp else "-"


def _count(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) and value < 10_000 else figure(value)


def _needed(one: Answer) -> Child:
    needed = one.figures.get("needed")
    if isinstance(needed, Mapping):
        return element("span", f"rtol {figure(needed['rtol'])}", element("br"), f"atol {figure(needed['atol'])}")
    return _cell(one, "needed")


def _outside(one: Answer) -> Child:
    outside, size = one.figures.get("outside"), one.figures.get("size")
    return f"{outside / size:.2%}" if isinstance(outside, int) and size else "-"


def _top1(one: Answer) -> Child:
    top1 = one.output.get("top1")
    return f"{top1['agreed']}/{top1['rows']}" if top1 else "-"


COLUMNS: Mapping[str, Callable[[Answer], Child]] = {  # heading -> the cell of an output, "-" where it has none
    "\N{MULTIPLICATION SIGN} floor": _ratio,
    "RMS": lambda one: _cell(one, "rms"),
    "max abs": lambda one: _cell(one, "max_abs"),
    "max rel": lambda one: _cell(one, "max_rel"),
    "SNR dB": lambda one: _exact(one, "snr_db", "{:.1f}"),
    "cosine": lambda one: _exact(one, "cosine", "{:.9f}"),
    "ULP p50/p99/max": _ulp,
    "outside": _outside,
    "would pass": _needed,
    "KL": lambda one: figure(one.output["kl"]) if one.output.get("kl") is not None else "-",
    "top-1": _top1,
}

MAIN = ("\N{MULTIPLICATION SIGN} floor", "RMS", "max abs", "SNR dB", "outside", "would pass", "top-1")


def _inside(report: Report) -> Iterator[ET.Element]:
    """A row a run that was looked into, its sentence below."""
    found = list(looks(report))
    if not found:
        return
    yield element("h2", "Inside")
    rows: list[Sequence[Child] | ET.Element] = []
    for one in found:
        far = "-" if not one.values and not one.layers else "inf" if one.worst is None else f"{one.worst:.3g}"
        counts = [str(one.values) if one.run else "-", str(one.layers) if one.run else "-"]
        rows.append([code(one.run) if one.run else "all runs", pill(one.verdict), *counts, far])
        rows.append(element("tr", element("td"), element("td", one.sentence, colspan=4), class_="why"))
    yield table(("run", "verdict", "inner values", "layers", "\N{MULTIPLICATION SIGN} floor, worst"), rows, numbers=2)


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
        yield _figures(found, MAIN, [], reasons=True)
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
        title = f"input {one.get('name')}, {one.get('kind')}"
        facts[title] = _sentence({key: value for key, value in one.items() if key not in ("name", "kind")})
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


SECTIONS: tuple[Section, ...] = (
    _details, _outputs, _inside, _doctor, _depth, _spread, _opinions, _idle, _not_run, _conditions,
)  # fmt: skip
