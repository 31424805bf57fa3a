"""Checks as GitHub Actions shows them: annotations on stderr, and a table in the summary of the step."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence

from zoo.parity.account import Account, answers, figure, label, looks, missed

# A summary may hold 1 MiB a step (docs.github.com, "Workflow commands"); what is cut off is said.
MOST = 1 << 20
_HEADER = ("run", "output", "verdict", "ratio", "max abs", "would pass")


def annotated(accounts: Sequence[Account]) -> list[str]:
    """One workflow command a run that differs, a backend that did not run, and a check that does not say yes.

    GitHub shows ten errors a step: the outputs of one run share a line.
    """
    return [line for account in accounts for line in _annotated(account)]


def _annotated(account: Account) -> Iterator[str]:
    report = account.report
    if account.status:
        yield _command("error", account, f"{report['verdict']}: {report['explanation']}")
    wrong: dict[str, list[str]] = {}
    for found in answers(report):
        if found.output["verdict"] == "fail":
            wrong.setdefault(label(found.run), []).append(
                f"{found.output.get('title', found.output['name'])}: {found.output.get('reason')}"
            )
    for look in looks(report):
        if look.verdict == "fail":
            wrong.setdefault(look.run, []).append(f"inside: {look.sentence}")
    for run, reasons in wrong.items():
        yield _command("error", account, "\n".join([f"{run} differs from the reference", *reasons]))
    for cause in report.get("doctor") or ():
        yield _command("error", account, f"likely cause: {cause.get('cause')}: {cause.get('proof')}")
    for item in report.get("not_run", ()):
        yield _command("error" if item.get("status") else "warning", account, f"{missed(item)}: {item['why']}")


def _command(kind: str, account: Account, text: str) -> str:
    """`::error title=...::text`, escaped as the runner's own toolkit does it."""
    place = account.place
    where = f"file={_property(place.file)},line={place.line}," if place else ""
    return f"::{kind} {where}title={_property(f'parity of {account.name}')}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def inert(text: str) -> str:
    """The text between `stop-commands` marks: a name in a network's file that looks like a command is none."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def summary(accounts: Sequence[Account]) -> str:
    """Markdown: the verdict of each check, its outputs, and what did not run; nothing in it is markup of a file's."""
    lines: list[str] = []
    for account in accounts:
        lines += _section(account)
    text, size = "", 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > MOST - 200:
            return f"{text}\nThe summary is longer than GitHub accepts and ends here; `--html` has all of it.\n"
        text += f"{line}\n"
    return text


def _section(account: Account) -> Iterator[str]:
    report = account.report
    sign = ":white_check_mark:" if not account.status else ":warning:" if account.status == 6 else ":x:"
    yield f"### {sign} {_plain(account.name)}: {_plain(report['verdict'])}"
    yield ""
    yield f"{_plain(report['explanation'])}{' (from the cache)' if account.cached else ''}"
    yield ""
    if report.get("reference"):
        yield f"Reference: {_plain(label(report['reference']))}. Inputs: {_plain(report['inputs']['samples'])}."
        yield ""
    rows = [
        (
            label(found.run),
            found.output.get("title", found.output["name"]),
            found.output["verdict"] + (f" ({found.output['reason']})" if found.output.get("reason") else ""),
            *(figure(found.figures[name]) if name in found.figures else "-" for name in ("ratio", "max_abs", "needed")),
        )
        for found in answers(report)
    ]
    if rows:
        yield f"| {' | '.join(_HEADER)} |"
        yield f"|{'---|' * len(_HEADER)}"
        for row in rows:
            yield f"| {' | '.join(map(_plain, row))} |"
        yield ""
    for look in looks(report):
        yield f"- inside{f' {_plain(look.run)}' if look.run else ''}: {_plain(look.sentence)}"
    for cause in report.get("doctor") or ():
        yield f"- likely cause: {_plain(cause.get('cause'))} ({_plain(cause.get('proof'))})"
    for item in report.get("not_run", ()):
        remedy = f" To run it: {_plain(item['remedy'])}" if item.get("remedy") else ""
        yield f"- not run: {_plain(missed(item))}: {_plain(item['why'])}{remedy}"
    yield ""


def _plain(text: object) -> str:
    """Text in which no character means anything to Markdown or HTML; everything on one line."""
    words = " ".join(str(text).split())
    return re.sub(r"[^\w .,;/%+()-]|_|(?<=www)\.", lambda match: f"&#{ord(match[0])};", words)
