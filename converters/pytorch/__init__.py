"""PyTorch: checkpoints of every generation, TorchScript archives and safetensors.

Of what is read, weights, and never code; networks are written as one readable module and a safetensors file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from converters.format import Format

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of a checkpoint of PyTorch 0.1.10 to 1.5: the number 0x1950a86a20f9469cfc6c."""
_HEADER_LIMIT = 100 << 20  # bytes of a safetensors header, the limit of its own library
_MEMBERS = (
    b"data.pkl", b"/byteorder", b"/.format_version", b"archive_format", b"/code/", b"/constants.pkl", b"/data/0",
    b"/data/weights/weight_0",
)  # fmt: skip
"""A TorchScript archive begins with its first storage, an ExportedProgram with its first weight."""


def _zip(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and any(member in head for member in _MEMBERS)


def _safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _HEADER_LIMIT


def _index(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"weight_map"' in head


def _tar(head: bytes) -> bool:
    """A tar archive of PyTorch before 0.1.10, whose first members are its four parts."""
    return head[257:262] == b"ustar" and head[:100].split(b"\0")[0] in (b"sys_info", b"pickle", b"tensors", b"storages")


def _pickle(head: bytes) -> bool:
    """A bare pickle that names torch's classes."""
    return head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and b"torch" in head


_KINDS: tuple[Callable[[bytes], bool], ...] = (
    lambda head: head.startswith(MAGIC),
    _zip,
    _safetensors,
    _index,
    _tar,
    _pickle,
)


def _sniff(head: bytes, name: PurePath) -> str | None:
    return "weights" if any(matches(head) for matches in _KINDS) else None


FORMAT = Format(
    name="torch",
    title="PyTorch",
    roles={"weights": (".pth", ".pt", ".pt2", ".safetensors", ".pth.tar", ".bin", ".ckpt")},
    sniff=_sniff,
    decode="converters.pytorch.graph:decode",
    ops="converters.pytorch.ops",
    stored="converters.pytorch.graph:stored",
    parameters="converters.pytorch.parameters:names",
    compose="converters.pytorch.encoding:encode",
    operators="converters.pytorch.encoding:operators",
    joiner=".",
    keyed=True,
    settings=("arch",),
)
