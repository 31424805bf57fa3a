"""Checks as JUnit XML: a case an output, one a look inside, and one for the verdict, red unless the status is 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from zoo.parity.account import Account, Look, answers, figure, label, looks, missed, printable

_SHOWN = ("ratio", "needed", "max_abs", "max_rel", "rms", "snr_db", "cosine", "outside", "size")


def junit(accounts: Sequence[Account]) -> str:
    """A document of the schema that Jenkins' xUnit plugin publishes (junit-10.xsd), one test suite a check."""
    root = ET.Element("testsuites", name="zoo check-parity")
    suites = [_suite(account) for account in accounts]
    root.extend(suites)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(account: Account) -> ET.Element:
    report = account.report
    cases = [_verdict(account)]
    cases += [_case(account, found.run, found.output) for found in answers(report)]
    cases += [_inside(account, found) for found in looks(report)]
    cases += [_not_run(account, item) for item in report.get("not_run", ())]
    suite = ET.Element("testsuite", name=printable(account.name))
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    runs = [run for run in (report.get("reference"), *report.get("rows", ())) if run]
    suite.set("time", f"{sum(run.get('seconds', 0.0) for run in runs):.3f}")
    suite.append(_properties(account))
    suite.extend(cases)
    return suite


def _properties(account: Account) -> ET.Element:
    report = account.report
    found: dict[str, object] = {f"environment.{name}": value for name, value in report.get("environment", {}).items()}
    found["inputs"] = (report.get("inputs") or {}).get("samples", "")
    if report.get("reference"):
        found["reference"] = label(report["reference"])
    if account.cached:
        found["cached"] = "true"
    properties = ET.Element("properties")
    for name, value in found.items():
        ET.SubElement(properties, "property", name=printable(name), value=printable(value))
    return properties


def _element(account: Account, name: str, group: str, seconds: float = 0.0) -> ET.Element:
    classname = printable(f"{account.name}.{group}" if group else account.name)
    return ET.Element("testcase", name=printable(name), classname=classname, time=f"{seconds:.3f}")


def _verdict(account: Account) -> ET.Element:
    case = _element(account, "verdict", "")
    report = account.report
    if account.status:
        tag = "failure" if account.status == 1 else "error"
        _outcome(case, tag, str(report["verdict"]), str(report["explanation"]))
    return case


def _case(account: Account, run: Mapping[str, Any], output: Mapping[str, Any]) -> ET.Element:
    case = _element(account, output.get("title", output["name"]), label(run), run.get("seconds", 0.0))
    tags = {"fail": "failure", "not exercised": "skipped"}
    if output["verdict"] in tags:
        _outcome(case, tags[output["verdict"]], output["verdict"], str(output.get("reason") or "no reason is given"))
    figures = output.get("figures") or {}
    lines = [f"{name}: {figure(figures[name])}" for name in _SHOWN if name in figures]
    if lines:
        ET.SubElement(case, "system-out").text = "\n".join(lines)
    return case


def _inside(account: Account, found: Look) -> ET.Element:
    """The case `inside` of a run: its inner values and layers together."""
    case = _element(account, "inside", found.run)
    tags = {"fail": "failure", "not compared": "skipped"}
    if found.verdict in tags:
        _outcome(case, tags[found.verdict], found.verdict, found.sentence)
    else:
        ET.SubElement(case, "system-out").text = printable(found.sentence)
    return case


def _not_run(account: Account, item: Mapping[str, Any]) -> ET.Element:
    case = _element(account, missed(item), "not run")
    remedy = f"\nto run it: {item['remedy']}" if item.get("remedy") else ""
    _outcome(case, "error" if item.get("status") else "skipped", "not run", f"{item['why']}{remedy}")
    return case


def _outcome(case: ET.Element, tag: str, kind: str, text: str) -> None:
    first = printable(text).partition("\n")[0]
    ET.SubElement(case, tag, type=printable(kind), message=first).text = printable(text)
