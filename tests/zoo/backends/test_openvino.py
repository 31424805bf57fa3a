"""OpenVINO in its worker: float32 on every processor, names as the graph has them, refusals in words."""

from __future__ import annotations

import numpy as np
import pytest
from frameworks import framework
from tiny import tiny

from zoo.backends import discovery, host

pytestmark = pytest.mark.framework
X = np.random.default_rng(0).normal(size=(3, 3, 8, 7)).astype(np.float32)


def run(path, **more):
    return host.run(framework("openvino"), "onnx", {"model": path}, {"": X}, timeout=300, **more)


def test_it_computes_in_float32_what_onnxruntime_computes(tmp_path):
    """Without its pin it takes bfloat16 where the processor has it: three decimal digits."""
    path = tiny(tmp_path / "net.onnx")
    other = host.run(discovery.find("onnxruntime"), "onnx", {"model": path}, {"": X}, timeout=300)
    mine = run(path)
    assert mine.outputs.keys() == {"prob"}
    np.testing.assert_allclose(mine.outputs["prob"], other.outputs["prob"], atol=5e-7)
    assert mine.settings == {"precision": "f32", "device": "CPU", "threads": 1}
    assert mine.versions["openvino"][:2] == "20"


def test_it_repeats_itself_to_the_last_bit(tmp_path):
    path = tiny(tmp_path / "net.onnx")
    np.testing.assert_array_equal(run(path).outputs["prob"], run(path).outputs["prob"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"options": {"device": "TPU"}}, "OpenVINO has no device TPU here"),
        ({"outputs": ["conv"]}, "no output named conv; the graph has prob"),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(tmp_path, more, said):
    answer = run(tiny(tmp_path / "net.onnx"), **more)
    assert isinstance(answer, host.Failed)
    assert said in answer.detail


def test_check_parity_uses_it_for_every_onnx_file(tmp_path):
    from cli import run as zoo

    framework("openvino")
    path = tiny(tmp_path / "net.onnx")
    ran = zoo("check-parity", str(path), "--backends", "onnxruntime,openvino", "--require", "openvino", "--json", "-")
    assert ran.status == 0, ran.out
    assert "openvino" in {row["backend"] for row in ran.json["rows"]}
