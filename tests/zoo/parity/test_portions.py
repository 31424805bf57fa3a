"""Portions that were measured apart say what one measurement of all samples would."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model

from zoo.diagnostics import BackendFault
from zoo.parity.engine.measuring import Idle
from zoo.parity.measure import Measured, measure
from zoo.parity.portions import Joined


def test_portions_together_have_the_noise_and_the_numbers_of_the_whole(tmp_path):
    rng = np.random.default_rng(0)
    onnx.save(onnx_model("y = Gemm (in0, w0)", [("N", 6)], {"w0": rng.normal(size=(6, 5)).astype(np.float32)}, ["y"]),
              tmp_path / "m.onnx")  # fmt: skip
    x = rng.normal(size=(4, 6)).astype(np.float32)
    found = []
    for at, part in enumerate((x, x[:2], x[2:])):
        (tmp_path / str(at)).mkdir()
        found.append(measure(tmp_path / "m.onnx", {"in0": part}, tmp_path / str(at), keep=["y"]))
    whole, joined = found[0], Joined(tuple(found[1:]))
    assert np.allclose(joined.double("y"), whole.double("y"), rtol=1e-14)
    mine, all_of_it = joined.values["y"], whole.values["y"]
    assert mine.shape == all_of_it.shape == (4, 5)
    assert mine.rms == pytest.approx(all_of_it.rms)
    assert mine.max == all_of_it.max
    assert 0.5 < mine.floor_rms / all_of_it.floor_rms < 2
    assert mine.native == pytest.approx(all_of_it.native)
    idle = [replace(mine, idle=Idle("channels", missed, 5)) for missed in (3, 1)]
    assert _joined(idle).values["y"].idle == Idle("channels", 1, 5)
    assert _joined([idle[0], replace(mine, idle=None)]).values["y"].idle is None


def _joined(values):
    return Joined(tuple(Measured({"y": one}, {}) for one in values))


def test_portions_of_different_shapes_are_no_whole():
    class Part:
        def __init__(self, size):
            self.size = size

        def double(self, _name):
            return np.zeros((1, self.size))

    with pytest.raises(BackendFault, match="different shapes"):
        Joined((Part(2), Part(3))).double("y")
