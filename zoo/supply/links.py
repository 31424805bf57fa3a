"""Which addresses of a registry still answer: one byte is asked for, and what comes is told in a report.

Run: python -m zoo.supply.links REPORT.md [REGISTRY]; exit status 1 when an address that is not marked as dead is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zoo.supply.sources import MirrorFailure
from zoo.supply.threads import side_by_side
from zoo.supply.transit import Network, Transit
from zoo.supply.web import Interrupted, opened, persist

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry

_JOBS = 8
_GOOD = frozenset({200, 206})


@dataclass(frozen=True)
class Link:
    """One address, the entries that name it, and the size that a file there must have."""

    url: str
    ids: tuple[str, ...]
    size: int | None
    dead: bool


@dataclass(frozen=True)
class Verdict:
    """What came of asking; `problem` is None for an address that answers as it should."""

    link: Link
    problem: str | None


def links(entries: Iterable[Entry]) -> tuple[Link, ...]:
    """Every http address of the entries, once each, in the order of the addresses."""
    found: dict[str, Link] = {}
    for entry in entries:
        for file in (*entry.files, *entry.extras):
            for mirror in file.mirrors:
                url = str(mirror) if mirror.kind == "hugging-face" else getattr(mirror, "url", None)
                if url is None:
                    continue
                known = found.get(url)
                size = file.size if getattr(mirror, "member", None) is None else None
                ids = (*known.ids, entry.id) if known else (entry.id,)
                found[url] = Link(url, ids, size, mirror.status == "dead")
    return tuple(found[url] for url in sorted(found))


def check(wanted: Sequence[Link], network: Network, jobs: int = _JOBS) -> tuple[Verdict, ...]:
    """A verdict for each link; nothing but the first byte is asked for."""
    with Transit(Path(), network) as transit:
        found = side_by_side([partial(_verdict, link, transit) for link in wanted], jobs)
        return tuple(future.result() for future in found)


def _verdict(link: Link, transit: Transit) -> Verdict:
    problems: list[str | None] = []
    try:
        persist(lambda: problems.append(_ask(link, transit)), transit)
    except MirrorFailure as failure:
        return Verdict(link, str(failure))
    return Verdict(link, problems[-1])


def _ask(link: Link, transit: Transit) -> str | None:
    with opened(link.url, {"Range": "bytes=0-0"}, transit) as response:
        status, told = response.status_code, response.headers
        if status in (429, 500, 502, 503, 504):
            raise Interrupted(f"the server answers {status}")
        if status not in _GOOD:
            return f"the server answers {status} {response.reason}".rstrip()
        if told.get("Content-Type", "").startswith("text/html"):
            return "the server answers with a web page"
        length = told.get("Content-Range", "").rpartition("/")[2] if status == 206 else told.get("Content-Length", "")
    if link.size is not None and length.isdigit() and int(length) != link.size:
        return f"it has {int(length):,} bytes, expected {link.size:,}"
    return None


def report(verdicts: Sequence[Verdict]) -> str:
    """The dead links as Markdown, by host; and those that are marked as dead and live."""
    bad = [verdict for verdict in verdicts if verdict.problem is not None and not verdict.link.dead]
    risen = [verdict for verdict in verdicts if verdict.problem is None and verdict.link.dead]
    lines = [f"{len(verdicts)} addresses were asked for one byte; {len(bad)} did not answer as they should."]
    for host in sorted({urlsplit(verdict.link.url).netloc for verdict in bad}):
        lines += ["", f"### {host}", ""]
        lines += [_line(verdict) for verdict in bad if urlsplit(verdict.link.url).netloc == host]
    if risen:
        lines += ["", "### Marked as dead, and answering", "", *(_line(verdict) for verdict in risen)]
    return "\n".join(lines) + "\n"


def _line(verdict: Verdict) -> str:
    ids = ", ".join(verdict.link.ids[:3]) + (" ..." if len(verdict.link.ids) > 3 else "")
    return f"- {verdict.link.url} ({ids}): {verdict.problem or 'answers'}"


def main(arguments: Sequence[str], network: Network | None = None) -> int:
    """Check the registry that is named, or the shipped one; write the report."""
    from zoo.catalog.registry import load, shipped

    target, *rest = arguments
    entries = load(Path(rest[0]) if rest else shipped()).entries.values()
    verdicts = check(links(entries), network or Network(connect=10, silence=20, tries=3, pause=5.0))
    Path(target).write_text(report(verdicts), encoding="utf-8")
    return int(any(verdict.problem is not None and not verdict.link.dead for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
