"""Checks as one page of HTML that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from zoo.parity.account import Account
from zoo.parity.page.sections import SECTIONS
from zoo.parity.page.tree import code, document, element, pill, table


def page(accounts: Sequence[Account]) -> str:
    """The page of one check, or of several with a list of them in front."""
    wrong = sum(bool(account.status) for account in accounts)
    title = "Parity" if len(accounts) != 1 else f"Parity of {accounts[0].name}"
    said = f"{len(accounts) - wrong} of {len(accounts)} checks say yes."
    front = [] if len(accounts) == 1 else [element("p", said, class_="lead"), _contents(accounts)]
    return document(title, element("h1", title), *front, *(_check(i, a) for i, a in enumerate(accounts)))


def _contents(accounts: Sequence[Account]) -> ET.Element:
    rows = [
        (
            element("a", account.name, href=f"#check-{index}"),
            pill(str(account.report["verdict"])),
            str(account.report["explanation"]) + (" (from the cache)" if account.cached else ""),
        )
        for index, account in enumerate(accounts)
    ]
    return table(("check", "verdict", ""), rows)


def _check(index: int, account: Account) -> ET.Element:
    report = account.report
    kind = "yes" if not account.status else "no" if account.status == 1 else "maybe"
    banner = element(
        "header",
        element("p", pill(str(report["verdict"])), " ", code(account.name), class_="who"),
        element("p", f"{report['explanation']}.", class_="lead"),
        class_=f"banner {kind}",
    )
    parts = [made for section in SECTIONS for made in section(report)]
    return element("section", banner, *parts, id=f"check-{index}")
