"""A small SSD of MXNet: MultiBoxPrior and MultiBoxDetection over one convolution."""

from __future__ import annotations

import mxnet_files
import numpy as np

CLASSES, ANCHORS = 3, 3
RULES = {"nms_threshold": "0.4", "threshold": "0.3"}


def multibox(folder, side=6, prior=(), **rules):
    """An SSD head over one convolution: class scores by softmax over classes, boxes from MultiBoxPrior.

    `prior` and `rules` are attributes of the priors and of the detections.
    """
    variable, node = mxnet_files.variable, mxnet_files.node
    conv = {"kernel": "(3, 3)", "pad": "(1, 1)"}
    nodes = [
        variable("data", __shape__=f"(1, 3, {side}, {side})"),
        variable("w0"), variable("b0"),
        node("Convolution", "base", [0, 1, 2], num_filter="8", **conv),
        node("Activation", "live", [3], act_type="relu"),
        variable("w1"), variable("b1"),
        node("Convolution", "cls", [4, 5, 6], num_filter=str(ANCHORS * (CLASSES + 1)), **conv),
        node("transpose", "cls_last", [7], axes="(0, 2, 3, 1)"),
        node("Reshape", "cls_rows", [8], shape=f"(0, -1, {CLASSES + 1})"),
        node("transpose", "cls_first", [9], axes="(0, 2, 1)"),
        node("SoftmaxActivation", "cls_prob", [10], mode="channel"),
        variable("w2"), variable("b2"),
        node("Convolution", "loc", [4, 12, 13], num_filter=str(ANCHORS * 4), **conv),
        node("transpose", "loc_last", [14], axes="(0, 2, 3, 1)"),
        node("Flatten", "loc_rows", [15]),
        node("_contrib_MultiBoxPrior", "anchors", [4], **{"sizes": "(0.3, 0.5)", "ratios": "(1, 2)", **dict(prior)}),
        node("_contrib_MultiBoxDetection", "found", [11, 16, 17], **{**RULES, **rules}),
    ]  # fmt: skip
    rng = np.random.default_rng(3)
    shapes = {
        "w0": (8, 3, 3, 3), "b0": (8,), "w1": (ANCHORS * (CLASSES + 1), 8, 3, 3), "b1": (ANCHORS * (CLASSES + 1),),
        "w2": (ANCHORS * 4, 8, 3, 3), "b2": (ANCHORS * 4,),
    }  # fmt: skip
    arrays = {f"arg:{name}": rng.normal(0, 0.25, shape).astype(np.float32) for name, shape in shapes.items()}
    return mxnet_files.write(folder, "net", mxnet_files.symbol(nodes), arrays)
