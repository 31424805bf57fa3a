"""The models that ONNX's package ships, in PyTorch: each agrees with its outputs or is refused by name."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from frameworks import framework
from onnx_suites import drawn, light, suite
from torch_cases import judge

from zoo.backends import discovery, host

pytestmark = pytest.mark.framework

SUITES = {"simple": 23, "pytorch-converted": 82, "pytorch-operator": 35}
REFUSED = ("strnorm_model", "gradient_of")
"""Strings, which PyTorch has no tensors of, and training."""
DRAWN = ("light_densenet121", "light_inception_v1", "light_inception_v2", "light_resnet50", "light_shufflenet",
         "light_squeezenet")  # fmt: skip
"""Those with less than 100 MB of weights."""


def verdicts(cases, folder):
    return judge(cases, folder, discovery.probe(framework("torch")).interpreter)


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_agrees_but_for_strings_and_training(name, tmp_path):
    cases = suite(name)
    assert len(cases) == SUITES[name]
    found = verdicts(cases, tmp_path)
    assert {case: verdict for case, verdict in found.items() if verdict != "pass" and not _refused(case, verdict)} == {}


def _refused(case, verdict):
    return verdict.startswith("refused") and any(word in case for word in REFUSED)


def test_all_nine_light_networks_agree_as_shipped(tmp_path):
    found = verdicts(light(), tmp_path)
    assert len(found) == 9
    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize("name", DRAWN)
def test_a_light_network_with_seeded_weights_agrees_with_onnxruntime(name, tmp_path):
    """As shipped every output is nearly the same number; these are not."""
    path = drawn(name, tmp_path)
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    (port,) = [port for port in graph.input if port.name not in stored]
    shape = [size.dim_value for size in port.type.tensor_type.shape.dim]
    feeds = {port.name: np.random.default_rng(1).standard_normal(shape).astype(np.float32)}
    outputs = {}
    for backend in ("onnxruntime", "torch"):
        answer = host.run(framework(backend), "onnx", {"model": path}, feeds, timeout=240)
        assert isinstance(answer, host.Reply), str(answer)
        (outputs[backend],) = answer.outputs.values()
    wanted = outputs["onnxruntime"]
    assert float(np.ptp(wanted)) > 0.1 * float(np.abs(wanted).max())
    assert float(np.abs(outputs["torch"] - wanted).max()) < 1e-5 * float(np.abs(wanted).max())
