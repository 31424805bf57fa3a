"""Torch7: one .t7 file, binary or ascii, that holds modules of Lua's nn, alone or in tables."""

from __future__ import annotations

from pathlib import PurePath

from converters.format import Format

_SUFFIXES = (".t7", ".th7", ".net", ".t7b", ".ascii")
_TAGS = frozenset(range(9))


def _sniff(head: bytes, name: PurePath) -> str | None:
    """Binary: the tag of an object and its index, which is 1 for the first; ascii: the same as text.

    A file that is named like Torch's may also hold a bare number, string, boolean or nil.
    """
    if head.startswith((b"4\n1\n", b"3\n1\n")):
        return "model"
    if head[:8] in (b"\x04\0\0\0\x01\0\0\0", b"\x03\0\0\0\x01\0\0\0", b"\0\0\0\x04\0\0\0\x01", b"\0\0\0\x03\0\0\0\x01"):
        return "model"
    if not name.name.endswith(_SUFFIXES):
        return None
    tag = head[0] if head[1:4] == b"\0\0\0" else head[3] if head[:3] == b"\0\0\0" and len(head) > 3 else -1
    ascii_tag = head[0] - ord("0") if head[1:2] == b"\n" else -1
    return "model" if {tag, ascii_tag} & _TAGS else None


FORMAT = Format(
    name="torch7",
    title="Torch7",
    roles={"model": _SUFFIXES[:3]},
    sniff=_sniff,
    decode="converters.torch7.graph:decode",
    ops="converters.torch7.ops",
    encode="converters.torch7.encoding:encode",
    writers="converters.torch7.writers",
    dialects=("auto", "nn", "nngraph"),
    keyed=True,
    proof="converters.torch7.proof:proof",
    tree="converters.torch7.listing:tree",
    tensor="converters.torch7.graph:tensor",
)
