"""A store of objects on 127.0.0.1 that speaks what s3fs and gcsfs ask for: metadata, and ranges of bytes.

The clients are the real ones; the answers follow the REST references of both stores and were compared with those of
moto (S3).
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

_NO_KEY = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>"
_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_EMPTY = b"<?xml version='1.0'?><ListBucketResult><Name>b</Name><KeyCount>0</KeyCount></ListBucketResult>"


@dataclass
class ObjectStore:
    """`with ObjectStore() as store: store.objects["bucket/key"] = b"..."`; both protocols show the same objects.

    `before` is called with the first byte of every range and may change the objects, or give a status to answer.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[int], int | None] = lambda _first: None
    private: bool = False
    _scheme: str = "http"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.store = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "https"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: ObjectStore


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            self._answer()

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _answer(self) -> None:
        store, parts = self.server.store, urlsplit(self.path)
        store.headers.append(dict(self.headers))
        google = re.fullmatch(r"(/download)?/storage/v1/b/([^/]+)/o(?:/(.*))?", parts.path)
        if google:
            self._google(f"{google[2]}/{unquote(google[3] or '')}", media=bool(google[1]))
        elif store.private and "Authorization" not in self.headers:
            self._send(403, _DENIED, {})
        elif "list-type" in parts.query:
            self._send(200, _EMPTY, {"Content-Type": "application/xml"})
        else:
            self._bytes(unquote(parts.path).lstrip("/"), _NO_KEY)

    def _google(self, name: str, *, media: bool) -> None:
        body = self.server.store.objects.get(name)
        if body is None:
            self._send(404, json.dumps({"error": {"code": 404, "message": "No such object"}}).encode(), {})
        elif media:
            self._bytes(name, b"")
        else:
            bucket, _, key = name.partition("/")
            told = {"kind": "storage#object", "bucket": bucket, "name": key, "size": str(len(body)), "etag": _tag(body)}
            self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _bytes(self, name: str, absent: bytes) -> None:
        store = self.server.store
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            status = store.before(int(asked[1]))
            if status is not None:
                self._send(status, b"", {})
                return
        body = store.objects.get(name)
        if body is None:
            self._send(404, absent, {"Content-Type": "application/xml"})
            return
        headers = {
            "ETag": f'"{_tag(body)}"',
            "Accept-Ranges": "bytes",
            "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT",
        }
        if not asked:
            self._send(200, body, headers)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(body) - 1), len(body) - 1)
        store.ranges.append((first, last))
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        self._send(206, body[first : last + 1], headers)

    def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: ranges are kept in `ObjectStore.ranges`."""


def _tag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
