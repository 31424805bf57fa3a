"""One request at a time: redirects that lead only where they may, pauses that servers ask for, reasons in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from zoo.supply.sources import MirrorFailure

if TYPE_CHECKING:
    from requests import Response

    from zoo.supply.transit import Transit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_HOPS = 5
_SILENT = ("no byte came in time", "no connection in time")
_SPOKEN_PAUSE = 3.0  # seconds; shorter pauses are not worth a line


class Interrupted(Exception):
    """The transfer broke off in a way that another try can mend; `pause` is what the server asks for."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


def persist(attempt: Callable[[], None], transit: Transit, *, leave_silent: bool = False) -> None:
    """Repeat an attempt that breaks off, a bounded number of times, with growing pauses.

    Raises:
        MirrorFailure: every try broke off; the server asks for a longer pause than `Network.longest_pause`; or it is
            silent, which is not waited for twice where `leave_silent` says that there is somebody else to ask.
    """
    import requests

    why, network = "", transit.network
    for number in range(network.tries):
        try:
            attempt()
        except Interrupted as broken:
            why, asked = str(broken), broken.pause
        except requests.RequestException as error:
            why, asked = explain(error), 0.0
        else:
            return
        if asked > network.longest_pause:
            raise MirrorFailure(f"{why}, and asks to wait {asked:,.0f} s")
        if leave_silent and why in _SILENT:
            raise MirrorFailure(why)
        if number + 1 < network.tries:
            pause = max(asked, network.pause * 2**number)
            if pause >= _SPOKEN_PAUSE:
                transit.note(f"{why}; the next try comes in {pause:.0f} s")
            transit.sleep(pause)
    raise MirrorFailure(f"{why} ({network.tries} tries)" if network.tries > 1 else why)


@contextmanager
def opened(url: str, headers: Mapping[str, str], transit: Transit) -> Iterator[Response]:
    """The response at the end of the redirects; credentials stay with the host that they are meant for.

    Raises:
        MirrorFailure: a redirect to something else than http or https, from https to http, or too many of them.
    """
    sent = dict(headers)
    for _hop in range(_MAX_HOPS + 1):
        response = transit.session.get(
            url, headers=sent, stream=True, allow_redirects=False, timeout=transit.timeout, verify=transit.verify
        )
        target = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not target:
            with response:
                yield response
            return
        response.close()
        before, url = urlsplit(url), urljoin(url, target)
        after = urlsplit(url)
        if after.scheme not in ("http", "https"):
            raise MirrorFailure(f"it redirects to {url[:200]}, which is neither http nor https")
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            sent.pop("Authorization", None)
    raise MirrorFailure(f"more than {_MAX_HOPS} redirects")


def without_credentials(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def retry_after(response: Response) -> float:
    """Seconds that the server asks to wait, given as a number or as a date; 0 where it asks for nothing."""
    told = response.headers.get("Retry-After", "")
    if told.isdigit() and len(told) < 8:
        return float(told)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return 0.0


def content_length(response: Response) -> int | None:
    """The length that the server promises, where it is a sane number."""
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdigit() and len(told) < 19 else None


def explain(error: Exception) -> str:
    """The reason inside the wrappers of requests and urllib3, without object addresses."""
    import requests

    if isinstance(error, requests.ReadTimeout) or "Read timed out" in str(error):  # the second while the body comes
        return _SILENT[0]
    if isinstance(error, requests.ConnectTimeout):
        return _SILENT[1]
    text = re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", str(error))
    cause = re.search(r"Caused by \w+\(['\"]?(.*?)['\"]?\)+$", text)
    return (cause.group(1) if cause else text)[:300]
