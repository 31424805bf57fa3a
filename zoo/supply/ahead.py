"""The rest of a large file over several connections: blocks are asked for ahead and written in order.

What is on the disk is always a beginning of the file, so a broken transfer continues as one over a single connection
does, and the digests run along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from zoo.supply.threads import spawn
from zoo.supply.web import Interrupted, opened

if TYPE_CHECKING:
    from requests import Response

    from zoo.supply.staging import Sink
    from zoo.supply.transit import Transit

BLOCK = 2 << 20
_LEAST = 16 << 20  # bytes still to come for which several connections are worth their beginning
_FAST = 5e6  # bytes a second that one connection must reach to be left alone


def worthwhile(response: Response, sink: Sink, rate: float) -> bool:
    """Whether the rest should come over several connections: it is long, this one is slow, and ranges are promised."""
    if sink.size is None or sink.size - sink.position < _LEAST or rate >= _FAST:
        return False
    return response.headers.get("Accept-Ranges") == "bytes" and bool((sink.origin or {}).get("validator"))


def bring(url: str, validator: str, sink: Sink, transit: Transit, headers: Mapping[str, str]) -> None:
    """Write the rest of `url` into the sink, `Network.connections` blocks on their way at a time.

    Raises:
        Interrupted: a block did not come as asked for; what stands before it is kept.
    """
    assert sink.size is not None, "worthwhile() says no without a size"
    conditions, total = {**headers, "If-Range": validator}, sink.size
    in_order(sink, total, transit, lambda start, last: _block(url, (start, last), conditions, total, transit))


def in_order(sink: Sink, total: int, transit: Transit, block: Callable[[int, int], bytes]) -> None:
    """Write bytes from the sink's position up to `total`; `block(first, last)` brings one span, several at a time."""
    starts = deque(range(sink.position, total, BLOCK))
    coming: deque[Future[bytes]] = deque()
    while starts or coming:
        while starts and len(coming) < transit.network.connections:
            start = starts.popleft()
            coming.append(spawn(partial(block, start, min(start + BLOCK, total) - 1)))
        sink.write(coming.popleft().result())


def _block(url: str, span: tuple[int, int], headers: Mapping[str, str], total: int | None, transit: Transit) -> bytes:
    start, last = span
    with opened(url, {**headers, "Range": f"bytes={start}-{last}"}, transit) as response:
        told = response.headers.get("Content-Range", "").strip()
        if response.status_code != 206 or told != f"bytes {start}-{last}/{total}":
            raise Interrupted(f'asked for bytes {start}-{last}, the server answers {response.status_code} "{told}"')
        body: bytes = response.raw.read(last - start + 1, decode_content=False)
    if len(body) != last - start + 1:
        raise Interrupted(f"bytes {start}-{last} ended after {len(body):,}")
    return body
