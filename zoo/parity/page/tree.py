"""HTML and SVG as a tree of elements: text is text, so nothing that a file says can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from xml.etree import ElementTree as ET

from zoo.parity.account import printable

Child = ET.Element | str | None


def element(tag: str, *children: Child | Iterable[Child], **attributes: object) -> ET.Element:
    """An element; `class_` is `class`, `stroke_width` is `stroke-width`, and None is left out."""
    made = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), printable(_number(value)))
    for child in children:
        for one in [child] if child is None or isinstance(child, str | ET.Element) else child:
            _append(made, one)
    return made


def _append(parent: ET.Element, child: Child) -> None:
    if isinstance(child, ET.Element):
        parent.append(child)
    elif child is not None and len(parent):
        parent[-1].tail = (parent[-1].tail or "") + printable(child)
    elif child is not None:
        parent.text = (parent.text or "") + printable(child)


def _number(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def table(header: Iterable[str], rows: Iterable[Iterable[Child] | ET.Element], *, numbers: int = 10_000) -> ET.Element:
    """A table that scrolls sideways where it must; columns from `numbers` on hold figures and stand to the right.

    A row may come as an element of its own.
    """
    titles = [element("th", title, scope="col", class_=_side(place, numbers)) for place, title in enumerate(header)]
    body = [row if isinstance(row, ET.Element) else _row(row, numbers) for row in rows]
    grid = element("table", element("thead", element("tr", titles)), element("tbody", body))
    return element("div", grid, class_="wide")


def _row(cells: Iterable[Child], numbers: int) -> ET.Element:
    return element("tr", [element("td", cell, class_=_side(place, numbers)) for place, cell in enumerate(cells)])


def _side(column: int, numbers: int) -> str | None:
    return "n" if column >= numbers else None


def pill(verdict: str) -> ET.Element:
    """A verdict in its colour, and in words: colour alone tells nothing to many readers."""
    kinds = {"pass": "yes", "agrees": "yes", "fail": "no", "differs": "no", "nothing compared": "no"}
    return element("span", verdict, class_=f"pill {kinds.get(verdict, 'maybe')}")


def code(text: object) -> ET.Element:
    """A name as it stands in a file; its own writing direction cannot turn the text around it."""
    return element("code", str(text))


def document(title: str, *body: Child) -> str:
    """The whole page: styles inside, no script, and a policy that forbids every fetch."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", files("zoo.parity.page").joinpath("style.css").read_text(encoding="utf-8")),
    )
    page = element("html", head, element("body", element("main", *body)), lang="en")
    return "<!doctype html>\n" + ET.tostring(page, encoding="unicode", method="html") + "\n"
