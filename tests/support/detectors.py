"""A detector as exporters write them: boxes, labels and scores of what a suppression leaves, each an output."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ANCHORS, CLASSES = 40, 3
TAIL = {
    "boxes": lambda n: [node("Squeeze", "every_box 0", n + "_all"), node("Gather", f"{n}_all which", n, axis=0)],
    "labels": lambda n: [node("Slice", "chosen 1 2 1", n + "_row"), node("Squeeze", f"{n}_row 1", n)],
    "scores": lambda n: [node("Squeeze", "every_score 0", n + "_all"), node("Slice", "chosen 1 3 1", n + "_places"),
                         node("GatherND", f"{n}_all {n}_places", n)],
}  # fmt: skip


def node(op, inputs, *outputs, **attributes):
    return helper.make_node(op, inputs.split(), list(outputs), **attributes)


def detector(path, *, overlap=0.5, order=False, exchanged=False, lost=False, factor=1.0, shift=0.0):
    """The file: one picture of 16 numbers, 40 anchors, 3 classes, `boxes` [N, 4], `labels` [N] and `scores` [N].

    `order` lists the same rows by falling score; all others are faults: two classes `exchanged`, the last row `lost`,
    scores times a `factor`, corners moved by `shift`.
    """
    rng = np.random.default_rng(3)
    to_boxes = (rng.standard_normal((16, 4 * ANCHORS)) * 0.05).astype(np.float32)
    low = rng.uniform(0, 80, (ANCHORS, 2))
    anchors = np.concatenate([low, low + rng.uniform(10, 40, (ANCHORS, 2))], axis=1).astype(np.float32)
    to_scores = (rng.standard_normal((16, CLASSES, ANCHORS)) * 0.5).astype(np.float32)
    if exchanged:
        to_scores = to_scores[:, [1, 0, 2]]
    held = {
        "to_boxes": to_boxes, "to_scores": to_scores.reshape(16, -1), "anchors": anchors + np.float32(shift),
        "box_shape": np.array([1, ANCHORS, 4]), "score_shape": np.array([1, CLASSES, ANCHORS]),
        "most": np.array(10), "overlap": np.array(overlap, np.float32), "least": np.array(0.6, np.float32),
        "factor": np.array(factor, np.float32), **{str(n): np.array([n]) for n in (-1, 0, 1, 2, 3)},
    }  # fmt: skip
    nodes = [
        node("MatMul", "x to_boxes", "far"), node("Reshape", "far box_shape", "distances"),
        node("Add", "distances anchors", "every_box"),
        node("MatMul", "x to_scores", "flat"), node("Reshape", "flat score_shape", "raw"),
        node("Sigmoid", "raw", "probable"), node("Mul", "probable factor", "every_score"),
        node("NonMaxSuppression", "every_box probable most overlap least", "kept"),
        node("Slice", "kept 0 -1 0", "chosen") if lost else node("Identity", "kept", "chosen"),
        node("Slice", "chosen 2 3 1", "which_row"), node("Squeeze", "which_row 1", "which"),
    ]  # fmt: skip
    for role, made in TAIL.items():
        nodes += made(f"{role}_as_found" if order else role)
    if order:
        nodes += [node("Shape", "scores_as_found", "many"), node("TopK", "scores_as_found many", "scores", "by_score")]
        nodes += [node("Gather", f"{role}_as_found by_score", role, axis=0) for role in ("boxes", "labels")]
    kinds = {"boxes": (TensorProto.FLOAT, ["n", 4]), "labels": (TensorProto.INT64, ["n"]),
             "scores": (TensorProto.FLOAT, ["n"])}  # fmt: skip
    ports = [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()]
    stored = [numpy_helper.from_array(array, name) for name, array in held.items()]
    fed = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])]
    graph = helper.make_graph(nodes, "detector", fed, ports, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path
