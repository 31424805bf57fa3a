"""Caffe: a prototxt (the network) and a caffemodel (its weights)."""

from __future__ import annotations

import re
from pathlib import PurePath

from converters.format import Format

_BLOCK = re.compile(rb"^\s*(layers?\s*:?\s*\{|input\s*:|input_shape\s*\{|input_dim\s*:|name\s*:)", re.MULTILINE)
_SOLVER = re.compile(rb"^\s*(base_lr|lr_policy|max_iter|solver_mode|train_net|test_net)\s*:", re.MULTILINE)
_AVERAGE = re.compile(
    rb"\x08\x01\x10[\x01-\x04]\x18..?\x20..?[\x2a\x2d]|\x3a.\x0a.{1,20}\x2a|\x2a.{2,5}\x3a", re.DOTALL
)
_STATE = re.compile(rb"\x08[\x80-\xff]*[\x00-\x7f][\x12\x1a\x20]|\x12.", re.DOTALL)
_HDF5 = {".caffemodel.h5": "weights", ".solverstate.h5": "state"}
_NAME_TAG, _V1_TAG, _LAYER_TAG = b"\x0a", b"\x12", b"\xa2\x06"


def _sniff(head: bytes, name: PurePath) -> str | None:
    """A prototxt is text with blocks named layer or layers, or inputs; a caffemodel is a NetParameter.

    A .binaryproto is a BlobProto (an average image), a .solverstate the state of a training.
    """
    if head.startswith(b"\x89HDF"):
        return next((role for suffix, role in _HDF5.items() if name.name.endswith(suffix)), None)
    if _AVERAGE.match(head):
        return "mean"
    if name.suffix == ".solverstate" and _STATE.match(head):
        return "state"
    if b"\0" not in head and _SOLVER.search(head):
        return "solver"
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
    roles={
        "graph": (".prototxt",),
        "weights": (".caffemodel", ".caffemodel.h5"),
        "mean": (".binaryproto",),
        "state": (".solverstate", ".solverstate.h5"),
        "solver": (),
    },
    sniff=_sniff,
    decode="converters.caffe.graph:decode",
    ops="converters.caffe.ops",
    encode="converters.caffe.encoding:encode",
    writers="converters.caffe.writers",
    contract="converters.caffe.writers.detection_output:contract",
    dialects=("bvlc", "ssd"),
    fixed=True,
    stored="converters.caffe.graph:stored",
    tensor="converters.caffe.graph:tensor",
    parameters="converters.caffe.parameters:names",
    settings=("phase", "stage", "dialect", "proto"),
)
