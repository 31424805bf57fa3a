"""A small classifier as an ONNX file: convolution, ReLU, pooling, dense layer, softmax; every weight counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def tiny(path: Path, *, seed: int = 0, change: float = 0.0, name: str = "prob", batch: int | str = "N") -> Path:
    """Write it; `change` is added to one weight, so that nets of one seed differ by that alone."""
    rng = np.random.default_rng(seed)
    kernel = (rng.standard_normal((6, 3, 3, 2)) / 4).astype(np.float32)
    kernel[2, 1, 0, 1] += np.float32(change)
    weights = {
        "kernel": kernel,
        "shift": rng.standard_normal(6).astype(np.float32),
        "dense": (rng.standard_normal((6 * 3 * 3, 5)) / 8).astype(np.float32),
        "bias": rng.standard_normal(5).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["data", "kernel", "shift"], ["conv"], kernel_shape=[3, 2], strides=[1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("MaxPool", ["relu"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [name], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("data", 1, [batch, 3, 8, 7])],
        [helper.make_tensor_value_info(name, 1, [batch, 5])],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path
