"""Files behind an address: streamed, continued where a transfer broke off, never trusted before they are verified."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from zoo.supply.checksums import CHUNK
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit

if TYPE_CHECKING:
    from requests import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_HOPS = 5
_MAX_PAUSE = 10.0  # seconds that a Retry-After may ask for
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class HttpMirror(BaseModel):
    """An http or https address; plain http is fine, because every file is verified."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kind: Literal["http"] = "http"
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/\S*$", max_length=2000)]
    status: Status | None = None
    note: str | None = None

    def __str__(self) -> str:
        return self.url


class Interrupted(Exception):
    """The transfer broke off in a way that another try can mend."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


def fetch(mirror: HttpMirror, sink: Sink, transit: Transit) -> None:
    """Bring what lies at the mirror's address."""
    bring(mirror.url, sink, transit)


def bring(url: str, sink: Sink, transit: Transit) -> None:
    """Stream `url` into the sink, continuing bytes that came from the same url and version.

    Raises:
        MirrorFailure: the server refuses, or every try broke off.
    """
    if sink.position and (sink.origin or {}).get("url") != url:
        sink.restart()
    persist(lambda: _once(url, sink, transit), transit)


def persist(attempt: Callable[[], None], transit: Transit) -> None:
    """Repeat an attempt that breaks off, a bounded number of times, with growing pauses."""
    import requests

    why, tries = "", transit.network.tries
    for number in range(tries):
        try:
            attempt()
        except Interrupted as broken:
            why, pause = str(broken), broken.pause
        except requests.RequestException as error:
            why, pause = explain(error), 0.0
        else:
            return
        if number + 1 < tries:
            transit.sleep(min(_MAX_PAUSE, max(pause, transit.network.pause * 2**number)))
    raise MirrorFailure(f"{why} ({tries} tries)" if tries > 1 else why)


def _once(url: str, sink: Sink, transit: Transit) -> None:
    if sink.size is not None and sink.position == sink.size:
        return
    headers = _range_headers(sink)
    with _open(url, headers, transit) as response:
        _prepare(response, sink, asked=bool(headers))
        _remember(url, response, sink)
        for chunk in response.iter_content(CHUNK):
            sink.write(chunk)
    _judge_end(response, sink)


def _range_headers(sink: Sink) -> dict[str, str]:
    """Ask for the rest, on condition that it is still the same file; nothing is asked where that cannot be said."""
    validator = (sink.origin or {}).get("validator")
    if not sink.position:
        return {}
    if not validator:
        sink.restart()
        return {}
    return {"Range": f"bytes={sink.position}-", "If-Range": validator}


def _prepare(response: Response, sink: Sink, *, asked: bool) -> None:
    """Decide by the status where the coming bytes belong; only an exact 206 continues.

    Raises:
        Interrupted: another try may get it.
        MirrorFailure: it will not.
    """
    status = response.status_code
    if status == 416 and asked:
        sink.restart()
        raise Interrupted("the server has no such range (416)")
    if status in _RETRY:
        raise Interrupted(f"the server answers {status} {response.reason}".rstrip(), _retry_after(response))
    if status == 206 and asked:
        _continue(response, sink)
    elif status == 200:
        sink.restart()
        total = _content_length(response)
        sink.reserve(total if sink.size is None else None)
    else:
        raise MirrorFailure(f"the server answers {status} {response.reason}".rstrip())


def _continue(response: Response, sink: Sink) -> None:
    told = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(told.strip())
    start, last, total = (int(part) for part in match.groups()) if match else (-1, -1, -1)
    if start != sink.position or last != total - 1 or (sink.size is not None and total != sink.size):
        asked = sink.position
        sink.restart()
        raise Interrupted(f'asked for bytes from {asked} on, the server answers "{told}"')
    sink.reserve(total)


def _remember(url: str, response: Response, sink: Sink) -> None:
    """Note the version of the file, so that a later try can continue it; weak validators cannot promise bytes."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    sink.origin = {"url": url, "validator": validator if plain else ""}


def _judge_end(response: Response, sink: Sink) -> None:
    """A stream that ends early is tried again, unless the server said that this is all there is."""
    if sink.size is None or sink.position == sink.size:
        return
    problem = sink.verdict(f"it ends after {sink.position:,} of {sink.size:,} bytes")
    if response.status_code == 200 and _content_length(response) == sink.position:
        raise MirrorFailure(problem)
    raise Interrupted(problem)


@contextmanager
def _open(url: str, headers: dict[str, str], transit: Transit) -> Iterator[Response]:
    """The response at the end of the redirects; each of them leads to http or https."""
    for _hop in range(_MAX_HOPS + 1):
        response = transit.session.get(
            url, headers=headers, stream=True, allow_redirects=False, timeout=transit.network.timeout
        )
        target = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not target:
            with response:
                yield response
            return
        response.close()
        url = urljoin(url, target)
        if urlsplit(url).scheme not in ("http", "https"):
            raise MirrorFailure(f"it redirects to {url[:200]}, which is neither http nor https")
    raise MirrorFailure(f"more than {_MAX_HOPS} redirects")


def _content_length(response: Response) -> int | None:
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdigit() and len(told) < 19 else None


def _retry_after(response: Response) -> float:
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() and len(told) < 6 else 0.0


def explain(error: Exception) -> str:
    """The reason inside the wrappers of requests and urllib3, without object addresses."""
    import requests

    if isinstance(error, requests.ReadTimeout) or "Read timed out" in str(error):  # the second while the body comes
        return "no byte came in time"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    text = re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", str(error))
    cause = re.search(r"Caused by \w+\(['\"]?(.*?)['\"]?\)+$", text)
    return (cause.group(1) if cause else text)[:300]


SOURCE = Source(kind="http", key="url", mirror=HttpMirror, needs_network=True, fetch=fetch)
