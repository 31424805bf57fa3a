"""Which layers exist at inference: Caffe's include and exclude rules, and kinds that only train or only feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from converters.caffe.prototxt import RawLayer

PHASES = {"TRAIN": 0, "TEST": 1}

FEEDS = frozenset({
    "AnnotatedData", "Data", "DenseImageData", "DummyData", "HDF5Data", "ImageData", "ImageLabelmapData",
    "ImageSegData", "Input", "MemoryData", "VideoData", "WindowData",
})  # fmt: skip
"""Kinds whose tops come from outside: they become the network's inputs."""


def feeds(layer: RawLayer) -> bool:
    """Whether a layer feeds the network: a data layer of Caffe's own, or of Python (one without bottoms)."""
    return layer.kind in FEEDS or (layer.kind == "Python" and not layer.bottoms)


TRAINING_ONLY = {
    **dict.fromkeys(
        ("Accuracy", "DetectionEvaluate", "EvalDetection", "SegAccuracy", "SegmentationEvaluate"),
        "measures; nothing at inference reads it",
    ),
    **dict.fromkeys(
        (
            "BoxAnnotatorOHEM", "CenterLoss", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "L1Loss", "MultiBoxLoss",
            "MultinomialLogisticLoss", "RegionLoss", "SmoothL1Loss", "SmoothL1LossOHEM", "SqueezeDetLoss",
            "YoloV2Loss", "YoloV3Loss",
        ),
        "a loss",
    ),
    "HDF5Output": "writes a file",
}  # fmt: skip
"""Kinds that no prediction depends on, with the reason that the report gives."""

KEPT_PART = {
    "InfogainLoss": "Softmax",
    "SigmoidCrossEntropyLoss": "Sigmoid",
    "SoftmaxWithLoss": "Softmax",
    "SoftmaxWithLossOHEM": "Softmax",
}
"""Losses that begin with a prediction -> the kind of that part, which stays at inference."""


@dataclass(frozen=True, slots=True)
class State:
    """What Caffe calls a NetState: the phase, the level, and the stages that are on."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = frozenset()


def present(layers: Sequence[RawLayer], state: State) -> list[RawLayer]:
    """The layers that Caffe keeps in a state (Net<Dtype>::FilterNet)."""
    return [layer for layer in layers if _included(layer.message, state)]


def _included(message: Any, state: State) -> bool:
    if message.include:
        return any(_meets(rule, state) for rule in message.include)
    return not any(_meets(rule, state) for rule in message.exclude)


def _meets(rule: Any, state: State) -> bool:
    """Net<Dtype>::StateMeetsRule."""
    if rule.HasField("phase") and rule.phase != PHASES[state.phase]:
        return False
    if rule.HasField("min_level") and state.level < rule.min_level:
        return False
    if rule.HasField("max_level") and state.level > rule.max_level:
        return False
    return state.stages.issuperset(rule.stage) and state.stages.isdisjoint(rule.not_stage)
