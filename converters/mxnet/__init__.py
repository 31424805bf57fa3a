"""MXNet: a symbol (JSON) and its parameters, as checkpoints, gluon exports and model archives hold them."""

from __future__ import annotations

import re
from pathlib import PurePath

from converters.format import Format

_LIST_MAGIC = b"\x12\x01\0\0\0\0\0\0"
_NODES = re.compile(rb'"nodes"\s*:\s*\[')
_NODE = re.compile(rb'"(?:op|arg_nodes|heads)"\s*:')


def _sniff(head: bytes, name: PurePath) -> str | None:
    """A symbol is JSON with a list of nodes; parameters begin with the magic of an array list (c_api_ndarray.cc)."""
    if head.startswith(_LIST_MAGIC):
        return "weights"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{") and (_NODES.search(text) or _NODE.search(text)):
        return "graph"
    if head.startswith(b"PK\x03\x04") and (
        b"MANIFEST.json" in head or name.suffix == ".mar" or b"-symbol.json" in head
    ):
        return "archive"
    return None


FORMAT = Format(
    name="mxnet",
    title="MXNet",
    roles={"graph": ("-symbol.json", ".json"), "weights": (".params", ".ndarray"), "archive": (".mar", ".model")},
    sniff=_sniff,
    decode="converters.mxnet.graph:decode",
    ops="converters.mxnet.ops",
    stored="converters.mxnet.graph:stored",
    encode="converters.mxnet.encoding:encode",
    writers="converters.mxnet.writers",
    inlines=True,
)
