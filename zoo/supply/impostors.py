"""What arrives in the place of weights, told by its first bytes."""

from __future__ import annotations

import re

HEAD = 512  # bytes that are enough to tell
_LOOKS = (
    (re.compile(rb"version https://git-lfs\.github\.com/spec/"), "a Git LFS pointer, not the file it points to"),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL
        ),
        "an HTML page",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml.{0,200}<Error>", re.IGNORECASE | re.DOTALL),
        "an XML error message of a storage service",
    ),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml"), "an XML document"),
    (re.compile(rb'\s*\{\s*"(?:error|message|detail)"'), "a JSON error message"),
)


def impostor(head: bytes) -> str | None:
    """What the first bytes of a file show it to be when it is no model: `an HTML page`; None when nothing is known."""
    return next((what for pattern, what in _LOOKS if pattern.match(head)), None)
