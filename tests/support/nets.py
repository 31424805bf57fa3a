"""Small Caffe networks for tests that need a whole one: a prototxt, its weights, and both as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from caffe_files import write_caffemodel

SMALL = """name: "small"
input: "data"
input_shape { dim: 1 dim: 3 dim: 8 dim: 6 }
layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 }
}
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" batch_norm_param { eps: 0.001 } }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "drop" type: "Dropout" bottom: "fc" top: "fc" }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


def small_weights() -> dict[str, list[np.ndarray]]:
    """Seeded weights of SMALL by layer."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return {
        "conv": [normal(4, 3, 3, 3), normal(4)],
        "bn": [normal(4), np.abs(normal(4)) + 1, np.array([2], np.float32)],
        "scale": [normal(4), normal(4)],
        "fc": [normal(5, 96) * np.float32(0.1), normal(5)],
    }


def small(folder: Path, text: str = SMALL, weights: dict[str, list[np.ndarray]] | None = None) -> tuple[Path, Path]:
    """SMALL (or another network) as files: prototxt and caffemodel."""
    graph = folder / "small.prototxt"
    graph.write_text(text)
    return graph, write_caffemodel(folder / "small.caffemodel", small_weights() if weights is None else weights)
