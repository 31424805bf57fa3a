"""PyTorch: networks are written as one readable module and a safetensors file."""

from __future__ import annotations

from pathlib import PurePath

from converters.format import Format


def _sniff(head: bytes, name: PurePath) -> str | None:
    return None


FORMAT = Format(
    name="torch",
    title="PyTorch",
    roles={"weights": (".pth", ".pt", ".safetensors")},
    sniff=_sniff,
    compose="converters.pytorch.encoding:encode",
    operators="converters.pytorch.encoding:operators",
)
