"""What a file is, from its first 4 KiB: the formats' own sniffers first, then what people get by accident."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converters.binary import opened
from converters.format import formats

HEAD = 4096


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A file's format and role as far as its first bytes tell; `what` describes it in words for messages."""

    format: str | None
    role: str | None
    what: str


def sniff(given: Path | str) -> Sniffed:
    """Say what a file is; an unreadable one is a `Diagnostic`, an unknown one has no format."""
    import os

    path = Path(given)
    with opened(path) as descriptor:
        head = os.read(descriptor, HEAD)
    stray = no_model(head)
    if stray is not None:
        return Sniffed(None, None, stray)
    for card in formats().values():
        role = card.sniff(head, path)
        if role is not None:
            return Sniffed(card.name, role, f"{card.title} ({role})")
    container = next((what for what, matches in _CONTAINERS if matches(head)), "a file of no known format")
    return Sniffed(None, None, container)


def no_model(head: bytes) -> str | None:
    """What the first bytes show that is certainly no model, such as a web page; None when they may be one."""
    return substitute(head) or next((what for what, matches in _NO_MODEL if matches(head)), None)


def substitute(head: bytes) -> str | None:
    """What servers send in place of a file, in its own words where it has some; None where it is nothing of these."""
    if _html(head):
        refusal = store_error(head)
        if refusal:
            return f"an error message of an object store ({refusal})"
        title = re.search(r"<title[^>]*>\s*([^<]{1,100}?)\s*<", head.decode("utf-8", "replace"), re.IGNORECASE)
        named = f' titled "{" ".join(title[1].split())}"' if title else ""
        return f"an HTML or XML page{named} (a login or error page saved instead of the file?)"
    return next((what for what, matches in _SUBSTITUTES if matches(head)), None)


def store_error(head: bytes) -> str | None:
    """The code and message of an object store's refusal; both of S3 and of Google's XML API have this form."""
    found = re.search(rb"<Code>([^<]{1,80})</Code>(?:\s*<Message>([^<]{1,200})</Message>)?", head)
    return ": ".join(part.decode("utf-8", "replace") for part in found.groups() if part) if found else None


def is_text(head: bytes) -> bool:
    """Whether the bytes look like text: no control characters but white space."""
    return bool(head) and not any(byte < 9 or 13 < byte < 32 for byte in head)


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _html(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error>"))


def _tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


_SUBSTITUTES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("an empty file", lambda head: not head),
    (
        "a Git LFS pointer (the text that stands for a file; the file itself was not fetched)",
        _starts(b"version https://git-lfs.github.com/spec/"),
    ),
    ("a JSON error message", lambda head: head.lstrip().startswith((b'{"error"', b'{"message"', b'{"detail"'))),
)
_NO_MODEL: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("a PNG image", _starts(b"\x89PNG\r\n")),
    ("a JPEG image", _starts(b"\xff\xd8\xff")),
    ("a gzip archive", _starts(b"\x1f\x8b")),
)

_CONTAINERS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("an HDF5 file", _starts(b"\x89HDF\r\n\x1a\n")),
    ("a zip archive", _starts(b"PK\x03\x04", b"PK\x05\x06")),
    ("a tar archive", _tar),
    ("a Python pickle", _starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")),
)
