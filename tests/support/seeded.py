"""Seeded weights for a prototxt that has none, as a caffemodel: those that `--init` draws, under the same names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from caffe_files import write_caffemodel

import converters
from converters.conversion import Model, Options


def seeded_caffemodel(graph: Path) -> Path:
    """Writes `<graph>.caffemodel` beside the prototxt."""
    return seeded_weights(converters.read([graph], Options(init=0)), graph.with_suffix(".caffemodel"))


def seeded_weights(model: Model, path: Path) -> Path:
    """The weights that reading `model` drew, layer by layer, in the order of the blobs."""
    layers: defaultdict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for (layer, key), weight in model.report.drawn.items():
        assert isinstance(key, int)
        layers[layer][key] = weight.array()
    return write_caffemodel(path, {name: [found[key] for key in sorted(found)] for name, found in layers.items()})
