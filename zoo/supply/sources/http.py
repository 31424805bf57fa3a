"""Files behind an address: streamed, continued where a transfer broke off, never trusted before they are verified."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo.catalog.constraints import Closed, Judged, Matching, Text
from zoo.supply import ahead, archive
from zoo.supply.checksums import CHUNK
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.staging import Sink, private_slot
from zoo.supply.transit import Transit
from zoo.supply.web import (
    Interrupted,
    content_length,
    explain,
    opened,
    persist,
    retry_after,
    without_credentials,
)

if TYPE_CHECKING:
    from requests import Response

__all__ = ["HttpMirror", "bring", "explain", "opened", "persist"]

_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMirror(Closed):
    """An http or https address, or a `member` of the archive there; plain http is fine: every file is verified."""

    kind: Literal["http"] = "http"
    url: Annotated[str, Matching(r"^https?://[^\s/]+/\S*$", max_length=2000)]
    member: Annotated[str, Judged(archive.member_name)] | None = None
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        shown = without_credentials(self.url)
        return shown if self.member is None else f"{shown}: {self.member}"


def fetch(mirror: HttpMirror, sink: Sink, transit: Transit) -> None:
    """Bring what lies at the mirror's address, or the member of the archive there."""
    if mirror.member is None:
        bring(mirror.url, sink, transit)
        return
    place = transit.archive(mirror.url, lambda: _fetch_archive(mirror.url, transit))
    archive.extract(place, mirror.member, sink)


def _fetch_archive(url: str, transit: Transit) -> Path:
    """The whole archive in a slot of its own that lasts as long as the journey; its members are verified, not it."""
    shown = without_credentials(url)
    transit.note(f"fetching the archive {shown}")
    sink = transit.keep(private_slot(transit.staging, transit.key(url), None, ()))
    with transit.shown(shown.rpartition("/")[2], None) as sink.advance:
        bring(url, sink, transit)
    transit.finally_do(lambda: sink.path.unlink(missing_ok=True))
    return sink.path


def bring(url: str, sink: Sink, transit: Transit, headers: Mapping[str, str] | None = None) -> None:
    """Stream `url` into the sink, continuing bytes of the same url and version, or of anywhere when all is protected.

    Raises:
        MirrorFailure: the server refuses, or every try broke off; it is silent, and there are other mirrors.
    """
    if sink.position and (sink.origin or {}).get("url") != url and not sink.protected:
        sink.restart()
    persist(lambda: _once(url, sink, transit, headers or {}), transit, leave_silent=sink.pace is not None)


def _once(url: str, sink: Sink, transit: Transit, extra: Mapping[str, str]) -> None:
    if sink.size is not None and sink.position == sink.size:
        return
    asked = _range_headers(url, sink)
    with opened(url, {**extra, **asked}, transit) as response:
        _prepare(response, sink, asked=bool(asked))
        _remember(url, response, sink)
        fast = _pour(response, sink, transit)
        final, status, length = response.url, response.status_code, content_length(response)
        validator = (sink.origin or {}).get("validator", "")
    if not fast:
        ahead.bring(final, validator, sink, transit, dict(extra) if final == url else {})
    _judge_end(status, length, sink)


def _pour(response: Response, sink: Sink, transit: Transit) -> bool:
    """Write the body into the sink; False when the rest should come over several connections instead."""
    began, first = time.monotonic(), sink.position
    for chunk in _body(response, transit):
        sink.write(chunk)
        taken = time.monotonic() - began
        if taken >= transit.network.patience and ahead.worthwhile(response, sink, (sink.position - first) / taken):
            return False
        if taken >= transit.network.patience:
            began, first = time.monotonic(), sink.position
    return True


def _body(response: Response, transit: Transit) -> Iterator[bytes]:
    """The bytes as they come; a trickle below `Network.slowest` counts as silence.

    Raises:
        Interrupted: the server trickles.
    """
    import urllib3

    window, count = time.monotonic(), 0
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk
            count += len(chunk)
            taken = time.monotonic() - window
            if taken >= transit.network.silence:
                if count < transit.network.slowest * taken:
                    raise Interrupted(f"only {count:,} bytes came in {taken:.0f} s")
                window, count = time.monotonic(), 0
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Interrupted(explain(error)) from error


def _range_headers(url: str, sink: Sink) -> dict[str, str]:
    """Ask for the rest, on condition that it is still the same file; nothing is asked where that cannot be said.

    The tag of another address says nothing about this one: only the checksums of the whole can.
    """
    if not sink.position:
        return {}
    origin = sink.origin or {}
    if origin.get("url") != url:
        return {"Range": f"bytes={sink.position}-"}
    validator = origin.get("validator")
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
        raise Interrupted(f"the server answers {status} {response.reason}".rstrip(), retry_after(response))
    if status == 206 and asked:
        _continue(response, sink)
    elif status == 200:
        sink.restart()
        total = content_length(response)
        sink.reserve(total if sink.size is None else None)
    else:
        raise MirrorFailure(_refusal(response))


def _refusal(response: Response) -> str:
    """The status, and what an object store says of it: a 403 of a bucket that asks requesters to pay is told so."""
    from converters.sniffing import store_error

    told = f"the server answers {response.status_code} {response.reason}".rstrip()
    if "xml" not in response.headers.get("Content-Type", ""):
        return told
    reason = store_error(next(_body_start(response), b""))
    return f"{told} ({reason})" if reason else told


def _body_start(response: Response) -> Iterator[bytes]:
    """The first 4 KiB, if they come."""
    import urllib3

    with suppress(urllib3.exceptions.HTTPError, OSError):
        yield response.raw.read(4096, decode_content=False)


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


def _judge_end(status: int, length: int | None, sink: Sink) -> None:
    """A stream that ends early is tried again, unless the server said that this is all there is."""
    if sink.size is None or sink.position == sink.size:
        return
    problem = sink.verdict(f"it ends after {sink.position:,} of {sink.size:,} bytes")
    if status == 200 and length == sink.position:
        raise MirrorFailure(problem)
    raise Interrupted(problem)


SOURCE = Source(kind="http", key="url", mirror=HttpMirror, needs_network=True, fetch=fetch)
