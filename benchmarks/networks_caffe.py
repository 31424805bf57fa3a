"""Prints the files of a classic Caffe network at full size, made once: python networks_caffe.py NAME FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from caffe_classics import CLASSICS
from caffe_inception import inception_v3
from networks import vgg16
from seeded import seeded_caffemodel

_WRITTEN = {**CLASSICS, "inception_v3": inception_v3}


def network(name: str, folder: Path) -> tuple[Path, Path]:
    """`vgg16`, a name of `caffe_classics` with seeded weights, or a name of the registry with its published ones."""
    if name == "vgg16":
        return vgg16(folder)
    if name not in _WRITTEN:
        return _published(name)
    graph = folder / f"{name}.prototxt"
    weights = graph.with_suffix(".caffemodel")
    if not weights.exists():
        folder.mkdir(parents=True, exist_ok=True)
        graph.write_text(_WRITTEN[name]())
        seeded_caffemodel(graph)
    return graph, weights


def _published(name: str) -> tuple[Path, Path]:
    from zoo.catalog.artifact import resolve
    from zoo.console import Console

    (artifact,) = resolve((name,), console=Console("quiet"))
    return artifact.files["graph"], artifact.files["weights"]


if __name__ == "__main__":
    for made in network(sys.argv[1], Path(sys.argv[2])):
        print(made)
