"""Which layers exist at inference: Caffe's include and exclude rules, and kinds that only train or only feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.caffe.prototxt import RawLayer

TEST = 1  # Phase.TEST

FEEDS = frozenset({
    "AnnotatedData", "Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "WindowData",
})  # fmt: skip
"""Kinds whose tops come from outside: they become the network's inputs."""

TRAINING_ONLY = {
    "Accuracy": "measures; nothing at inference reads it",
    "ContrastiveLoss": "a loss",
    "EuclideanLoss": "a loss",
    "HingeLoss": "a loss",
    "InfogainLoss": "a loss",
    "MultinomialLogisticLoss": "a loss",
    "SigmoidCrossEntropyLoss": "a loss",
    "SmoothL1Loss": "a loss",
    "HDF5Output": "writes a file",
}
"""Kinds that no prediction depends on, with the reason that the report gives."""


def at_inference(layers: Sequence[RawLayer], level: int = 0, stages: Sequence[str] = ()) -> list[RawLayer]:
    """The layers that Caffe keeps in the TEST phase (Net<Dtype>::FilterNet)."""
    return [layer for layer in layers if _included(layer.message, level, frozenset(stages))]


def _included(message: Any, level: int, stages: frozenset[str]) -> bool:
    if message.include:
        return any(_meets(rule, level, stages) for rule in message.include)
    return not any(_meets(rule, level, stages) for rule in message.exclude)


def _meets(rule: Any, level: int, stages: frozenset[str]) -> bool:
    """Net<Dtype>::StateMeetsRule."""
    if rule.HasField("phase") and rule.phase != TEST:
        return False
    if rule.HasField("min_level") and level < rule.min_level:
        return False
    if rule.HasField("max_level") and level > rule.max_level:
        return False
    return stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage)
