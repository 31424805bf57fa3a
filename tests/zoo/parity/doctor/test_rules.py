"""Rules of one layer that another program has otherwise are named, where shapes differ as well."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_samples import onnx_model
from planting.gate import Engine

from zoo.parity.doctor.case import Case
from zoo.parity.doctor.examine import EXPLAINS, examine
from zoo.parity.doctor.visit import single
from zoo.parity.graphs.graph import Graph

SHAPE = (2, 3, 5, 4)
VARIANCE = np.array([0.4, 1.1, 2.3], np.float32)
ONES = np.ones(3, np.float32)
RULES = {  # cause -> the layer, the same by another rule, and what it stores, by both
    "clipped activation": ("y = Clip (in0, low, high)", "y = Clip (in0, other, high)",
                           {"low": np.float32(-1), "high": np.float32(1.5), "other": np.float32(-0.5)}),
    "activation slope": ("y = Elu <alpha = 1.0> (in0)", "y = Elu <alpha = 0.5> (in0)", {}),
    "BatchNorm statistics": ("y = BatchNormalization (in0, g, b, m, v)", "y = BatchNormalization (in0, g, b, m, other)",
                             {"g": ONES, "b": ONES, "m": ONES, "v": VARIANCE, "other": (VARIANCE + 1e-5) ** -0.5}),
    "axis of a concatenation": ("y = Concat <axis = 1> (in0, in0)", "y = Concat <axis = 2> (in0, in0)", {}),
    "pad side": ("y = Pad (in0, pads)", "y = Pad (in0, other)",
                 {"pads": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "other": np.array([0, 0, 0, 2, 0, 0, 1, 1])}),
    "pad axes": ("y = Pad (in0, pads)", "y = Pad (in0, other)",
                 {"pads": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "other": np.array([0, 0, 1, 0, 0, 0, 2, 1])}),
    "output padding": ("y = ConvTranspose <strides = [2, 2], kernel_shape = [3, 3]> (in0, w)",
                       "y = ConvTranspose <strides = [2, 2], kernel_shape = [3, 3], output_padding = [0, 1]> (in0, w)",
                       {"w": np.random.default_rng(0).standard_normal((3, 2, 3, 3)).astype(np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("cause", RULES)
def test_another_rule_is_named_with_its_proof(cause):
    mine, other, stored = RULES[cause]
    weights = {name: np.asarray(array, array.dtype if array.dtype == np.int64 else np.float32)
               for name, array in stored.items()}  # fmt: skip
    reference, wrong = (Graph(onnx_model(text, [SHAPE], weights, ["y"])) for text in (mine, other))
    fed = {"in0": np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)}
    exact, got = (Engine().run(graph, fed)["y"] for graph in (reference, wrong))
    findings = examine(Case("y", reference, fed, exact.astype(np.float64), got, (1e-7, 1e-6)), single(Engine().runner))
    assert findings
    assert findings[0].cause == cause
    assert findings[0].after <= EXPLAINS < findings[0].before
