"""Accounts of checks go where the command line wants them: files of several kinds, annotations, a step's summary."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.outputs import unwritable, write_text
from zoo.console import Console, document
from zoo.parity.account import Account, gravest
from zoo.parity.github import annotated, summary
from zoo.parity.junit import junit
from zoo.parity.page import page

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Outlets:
    """Files to write, None for those that nobody asked for; `github` writes annotations and the step's summary."""

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    github: bool = False

    @property
    def mode(self) -> str:
        """The console's mode: JSON on stdout takes the place of the text."""
        return "json" if self.json == STDOUT else "human"


def publish(accounts: Sequence[Account], outlets: Outlets, console: Console) -> None:
    """Write everything that was asked for but the result on stdout, which is the command's."""
    whole = _whole(accounts)
    texts: Mapping[Path | None, Callable[[], str]] = {
        Path(outlets.json) if outlets.json not in (None, STDOUT) else None: lambda: document(*whole) + "\n",
        outlets.junit: lambda: junit(accounts),
        outlets.html: lambda: page(accounts),
    }
    for path, made in texts.items():
        if path is not None:
            write_text(path, made())
    if outlets.github:
        for line in annotated(accounts):
            console.note(line)
        _summarise(summary(accounts), console)


def _whole(accounts: Sequence[Account]) -> tuple[str, Mapping[str, object]]:
    if len(accounts) == 1 and accounts[0].place is None:
        return "parity", accounts[0].report
    return "parity-checks", checks(accounts)


def checks(accounts: Sequence[Account]) -> dict[str, object]:
    """Several checks as one payload, schema `zoo/parity-checks`."""
    return {
        "status": gravest([account.status for account in accounts]),
        "checks": [
            {"name": account.name, "cached": account.cached, "place": _place(account), "report": account.report}
            for account in accounts
        ],
    }


def _place(account: Account) -> dict[str, object] | None:
    return account.place._asdict() if account.place else None


def _summarise(text: str, console: Console) -> None:
    """Append to the file that the runner names; elsewhere there is none, which is said."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        console.note("no step summary: GITHUB_STEP_SUMMARY names no file")
        return
    path = Path(name)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        raise unwritable(path, fault) from fault
