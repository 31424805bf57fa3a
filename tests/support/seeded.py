"""Seeded weights for a prototxt that has none, as a caffemodel: those that `--init` draws, under the same names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from caffe_files import write_caffemodel

import converters
from converters.conversion import Options


def seeded_caffemodel(graph: Path, options: Options | None = None) -> Path:
    """Writes `<graph>.caffemodel` beside the prototxt."""
    model = converters.read([graph], options or Options(init=0))
    layers: defaultdict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for (layer, key), weight in model.report.drawn.items():
        assert isinstance(key, int)
        layers[layer][key] = weight.array()
    blobs = {name: [found[key] for key in sorted(found)] for name, found in layers.items()}
    return write_caffemodel(graph.with_suffix(".caffemodel"), blobs)
