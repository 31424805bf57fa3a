"""ONNX files: the hub's own format."""

from __future__ import annotations

from pathlib import PurePath

from converters.format import Format

_TOP_LEVEL = {0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72}  # tags of ModelProto's fields


def _sniff(head: bytes, name: PurePath) -> str | None:
    """A ModelProto begins with ir_version, or with another of its fields in a file called .onnx."""
    if len(head) < 4:
        return None
    starts_with_version = head[0] == 0x08 and 0 < head[1] < 0x40 and head[2] in _TOP_LEVEL
    return "model" if starts_with_version or (name.suffix == ".onnx" and head[0] in _TOP_LEVEL) else None


FORMAT = Format(name="onnx", title="ONNX", roles={"model": (".onnx",)}, sniff=_sniff)
