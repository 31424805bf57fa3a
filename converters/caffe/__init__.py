"""Caffe: a prototxt (the network) and a caffemodel (its weights)."""

from __future__ import annotations

import re
from pathlib import PurePath

from converters.format import Format

_BLOCK = re.compile(rb"^\s*(layers?\s*:?\s*\{|input\s*:|input_shape\s*\{|input_dim\s*:|name\s*:)", re.MULTILINE)
_NAME_TAG, _V1_TAG, _LAYER_TAG = b"\x0a", b"\x12", b"\xa2\x06"


def _sniff(head: bytes, name: PurePath) -> str | None:
    """A prototxt is text with blocks named layer or layers, or inputs; a caffemodel is a NetParameter."""
    if name.name.endswith(".caffemodel.h5") and head.startswith(b"\x89HDF"):
        return "weights"
    if b"\0" not in head and _BLOCK.search(head) and not head.lstrip().startswith((b"{", b"[")):
        return "graph"
    return "weights" if _is_net(head) else None


def _is_net(head: bytes) -> bool:
    """The optional name, then only fields that a NetParameter has, up to its first layer."""
    position = 0
    if head[:1] == _NAME_TAG and len(head) > 1 and head[1] < 0x80:
        position = 2 + head[1]
        if not head[2:position].isascii():
            return False
    rest = head[position : position + 2]
    if rest == _LAYER_TAG:
        return True
    return rest[:1] == _V1_TAG and _holds_v1_layer(head[position:])


def _holds_v1_layer(head: bytes) -> bool:
    """A V1 layer begins with a bottom, top, name or nested V0 layer: short printable strings."""
    position = 1
    while position < len(head) and head[position] & 0x80:
        position += 1
    return head[position + 1 : position + 2] in (b"\x12", b"\x1a", b"\x22", b"\x0a", b"\x28")


FORMAT = Format(
    name="caffe",
    title="Caffe",
    roles={"graph": (".prototxt",), "weights": (".caffemodel", ".caffemodel.h5")},
    sniff=_sniff,
    decode="converters.caffe.graph:decode",
    ops="converters.caffe.ops",
    encode="converters.caffe.encoding:encode",
    writers="converters.caffe.writers",
    dialects=("bvlc", "ssd"),
    fixed=True,
    stored="converters.caffe.graph:stored",
)
