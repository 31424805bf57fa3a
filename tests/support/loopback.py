"""A real HTTP server on 127.0.0.1 whose answers misbehave in the ways that servers do."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Loopback:
    """`with Loopback() as server: server.on("/a", whole(b"...")); server.url("/a")`."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def on(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url(path)

    def publish(self, project: str, filename: str, archive: bytes, *, digest: str | None = None) -> str:
        """Serve an archive as a package index does; gives the index's address."""
        value = digest or hashlib.sha256(archive).hexdigest()
        page = f'<!DOCTYPE html><html><body><a href="/files/{filename}#sha256={value}">{filename}</a></body></html>'
        self.on(f"/simple/{project}/", whole(page.encode(), kind="text/html"))
        self.on(f"/files/{filename}", whole(archive))
        return self.url("/simple/")

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of every request for `path`, in order."""
        return [headers for asked, headers in self.requests if asked == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loopback: Loopback


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        loopback = self.server.loopback
        loopback.requests.append((self.path, dict(self.headers)))
        answer = loopback.answers.get(self.path, status(404))
        with suppress(ConnectionError):
            answer(self, len(loopback.asked(self.path)))

    def send(self, code: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: requests are kept in `Loopback.requests`."""


Answer = Callable[[_Handler, int], None]


def _length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}


def whole(body: bytes, etag: str = '"v1"', kind: str = "application/octet-stream") -> Answer:
    """A well-behaved file: ranges on condition that the tag is the same."""

    def answer(handler: _Handler, _count: int) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        headers = {"ETag": etag, "Content-Type": kind}
        if not asked or handler.headers.get("If-Range", etag) != etag:
            handler.send(200, headers | _length(body), body)
            return
        start = int(asked[1])
        if start >= len(body):
            handler.send(416, {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
            return
        part = body[start:]
        told = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.send(206, headers | {"Content-Range": told} | _length(part), part)

    return answer


def cut(body: bytes, at: int, then: Answer | None = None, etag: str = '"v1"') -> Answer:
    """The first answer promises the whole body and ends after `at` bytes; the later ones are `then`."""

    def answer(handler: _Handler, count: int) -> None:
        if count > 1:
            (then or whole(body, etag))(handler, count)
            return
        handler.send(200, {"ETag": etag} | _length(body), body[:at])
        handler.close_connection = True

    return answer


def always_cut(body: bytes, at: int) -> Answer:
    """Every answer promises the whole body and ends after `at` bytes."""

    def answer(handler: _Handler, _count: int) -> None:
        handler.send(200, _length(body), body[:at])
        handler.close_connection = True

    return answer


def lying_range(body: bytes, shift: int) -> Answer:
    """Asked for a range, it sends another one and says so."""

    def answer(handler: _Handler, _count: int) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if not asked:
            handler.send(200, {"ETag": '"v1"'} | _length(body), body)
            return
        start = int(asked[1]) + shift
        part = body[start:]
        told = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.send(206, {"ETag": '"v1"', "Content-Range": told} | _length(part), part)

    return answer


def ignores_range(body: bytes) -> Answer:
    """Always the whole body with 200."""
    return lambda handler, _count: handler.send(200, {"ETag": '"v1"'} | _length(body), body)


def bare_206(body: bytes) -> Answer:
    """206 without a Content-Range once a range is asked for."""

    def answer(handler: _Handler, _count: int) -> None:
        ranged = "Range" in handler.headers
        handler.send(206 if ranged else 200, {"ETag": '"v1"'} | _length(body), body)

    return answer


def endless(chunk: bytes) -> Answer:
    """A stream without a length that goes on until somebody hangs up."""

    def answer(handler: _Handler, _count: int) -> None:
        handler.send(200, {"Connection": "close"})
        while not handler.server.loopback.closing.is_set():
            handler.wfile.write(chunk)

    return answer


def status(code: int, then: Answer | None = None, times: int = 1, headers: dict[str, str] | None = None) -> Answer:
    """An error, `times` times; afterwards `then` where that is given."""

    def answer(handler: _Handler, count: int) -> None:
        if then is not None and count > times:
            then(handler, count - times)
        else:
            handler.send(code, {"Content-Length": "0"} | (headers or {}))

    return answer


def redirect(target: str) -> Answer:
    return lambda handler, _count: handler.send(302, {"Location": target, "Content-Length": "0"})


def hang(body: bytes, at: int) -> Answer:
    """The first `at` bytes, then silence until the server closes."""

    def answer(handler: _Handler, _count: int) -> None:
        handler.send(200, {"ETag": '"v1"'} | _length(body), body[:at])
        handler.server.loopback.closing.wait()

    return answer


def ranged(body: bytes, etag: str = '"v1"', pause: float = 0.0, lie_at: int | None = None) -> Answer:
    """A file with closed ranges, as large files on real hosts have; `lie_at` answers that range with other bytes.

    A whole answer comes in pieces with a `pause` between them.
    """

    def answer(handler: _Handler, _count: int) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if not asked or handler.headers.get("If-Range", etag) != etag:
            handler.send(200, headers | _length(body))
            for start in range(0, len(body), 1 << 18):
                handler.wfile.write(body[start : start + (1 << 18)])
                handler.server.loopback.closing.wait(pause)
            return
        start, last = int(asked[1]), int(asked[2] or len(body) - 1)
        part = body[start : last + 1]
        told = start + 1 if start == lie_at else start
        handler.send(206, headers | {"Content-Range": f"bytes {told}-{last}/{len(body)}"} | _length(part), part)

    return answer


def trickle(body: bytes, pause: float = 0.02) -> Answer:
    """A byte now and then: never silent, never done."""

    def answer(handler: _Handler, _count: int) -> None:
        handler.send(200, {"ETag": '"v1"'} | _length(body))
        for number in range(len(body)):
            if handler.server.loopback.closing.wait(pause):
                return
            handler.wfile.write(body[number : number + 1])

    return answer


def slow(body: bytes, etag: str = '"v1"', piece: int = 1 << 16, pause: float = 0.01) -> Answer:
    """A well-behaved file that takes its time; ranges are honoured."""

    def answer(handler: _Handler, _count: int) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(asked[1]) if asked and handler.headers.get("If-Range") == etag else 0
        part = body[start:]
        told = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        handler.send(206 if start else 200, {"ETag": etag} | told | _length(part))
        for place in range(0, len(part), piece):
            handler.wfile.write(part[place : place + piece])
            handler.server.loopback.closing.wait(pause)

    return answer


def signed_in(name: str, then: Answer) -> Answer:
    """`then` for a request with the credentials `name:secret` or a bearer token `name`, 401 for the others."""
    basic = base64.b64encode(f"{name}:secret".encode()).decode()

    def answer(handler: _Handler, count: int) -> None:
        good = handler.headers.get("Authorization") in (f"Basic {basic}", f"Bearer {name}")
        (then if good else status(401))(handler, count)

    return answer
