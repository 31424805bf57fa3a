"""Files that lie on Google Drive: the page that asks for a confirmation is answered, a login wall is called one."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Annotated, Literal
from urllib.parse import urlencode, urljoin, urlsplit

from zoo.catalog.constraints import Closed, Matching, Text
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.sources.http import bring, opened, persist
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit

_LONGEST_PAGE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveMirror(Closed):
    """The id of a shared file, as it stands in its link."""

    kind: Literal["google-drive"] = "google-drive"
    gdrive: Annotated[str, Matching(r"^[A-Za-z0-9_-]{10,100}$")]
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        return f"https://drive.google.com/open?id={self.gdrive}"


def fetch(mirror: DriveMirror, sink: Sink, transit: Transit) -> None:
    """Bring the file behind the link, through the page that warns of large files."""
    first = f"{transit.network.drive}?{urlencode({'export': 'download', 'id': mirror.gdrive})}"
    found: list[str] = []
    persist(lambda: found.append(_real_address(first, transit)), transit)
    bring(found[-1], sink, transit)


def _real_address(url: str, transit: Transit) -> str:
    """The address of the bytes: `url` itself, or what the form of the confirmation page leads to."""
    with opened(url, {}, transit) as response:
        if urlsplit(response.url).netloc.startswith("accounts."):
            raise MirrorFailure("Google Drive asks for a login; open the link in a browser")
        if "text/html" not in response.headers.get("Content-Type", ""):
            return url
        page = response.raw.read(_LONGEST_PAGE).decode("utf-8", "replace")
        form = _Form()
        form.feed(page)
        if form.action is None:
            raise MirrorFailure(_reason(page, response.status_code))
        target = urljoin(response.url, form.action)
        return f"{target}{'&' if '?' in target else '?'}{urlencode(form.fields)}" if form.fields else target


def _reason(page: str, status: int) -> str:
    told = page.lower()
    if "quota" in told:
        return "Google Drive: too many people fetched this file lately; try again in a day, or with a browser"
    if "sign in" in told or "servicelogin" in told:
        return "Google Drive asks for a login; open the link in a browser"
    return f"Google Drive answers {status} with a page instead of the file"


class _Form(HTMLParser):
    """The download form of a page: its address and hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "download" in told.get("id", "") + told.get("action", "")
            self.action = told.get("action") if self._inside else self.action
        elif tag == "input" and self._inside and told.get("name"):
            self.fields[told["name"]] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


SOURCE = Source(kind="google-drive", key="gdrive", mirror=DriveMirror, needs_network=True, fetch=fetch)
