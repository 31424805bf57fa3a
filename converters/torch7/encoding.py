"""A SourceGraph of nn layers -> one .t7 file that torch.load gives back as a module ready for forward()."""

from __future__ import annotations

from pathlib import Path

from converters.hub.layer import SourceGraph
from converters.outputs import whole
from converters.torch7.composing import compose
from converters.torch7.saving import save


def encode(graph: SourceGraph, out: Path) -> dict[str, str]:
    """Write the file, whole or not at all, its weights in chunks; returns file name -> sha256."""
    module = compose(graph)
    with whole(out) as sink:
        save(module, sink)
    return {out.name: sink.digest()}
