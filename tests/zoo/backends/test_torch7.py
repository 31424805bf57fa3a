"""The worker of the real Lua Torch: found where it is, and honest where it is not."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.torch7 import numbers, t7
from converters.torch7.objects import Tensor
from zoo.backends import discovery, host

STAND_IN = """#!{python}
import sys
import numpy as np
if sys.argv[1] == "-e":
    sys.exit(0)
raw = open("input-1.t7", "rb").read()
values = np.frombuffer(raw[-24:], "<f4")
(values * 2).tofile("output.raw")
open("output.shape", "w").write("2 3")
"""
"""Stands for `th`: answers -e, and a run with twice its input of 2 x 3."""


@pytest.mark.skipif(shutil.which("th") is not None, reason="Lua Torch is installed here")
def test_a_machine_without_lua_torch_is_told_so():
    status = discovery.probe(discovery.find("torch7"))
    assert not status.available
    assert "no package index has Lua Torch" in str(status.why_not)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_inputs_and_outputs_pass_through_files(tmp_path, monkeypatch):
    program = tmp_path / "th"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    model = tmp_path / "model.t7"
    model.write_bytes(b"")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    reply = host.run(discovery.find("torch7"), "torch7", {"model": model}, {"input": x}, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    np.testing.assert_array_equal(reply.outputs["output"], 2 * x)


def test_the_input_it_writes_is_a_float_tensor(tmp_path: Path):
    place = discovery.find("torch7").worker
    spec = importlib.util.spec_from_file_location("torch7_worker", place)
    assert spec is not None
    assert spec.loader is not None
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    x = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)
    worker._write_tensor(tmp_path / "x.t7", x)
    value = t7.read(tmp_path / "x.t7").value
    assert isinstance(value, Tensor)
    np.testing.assert_array_equal(numbers.weight(value, tmp_path / "x.t7").array(), x)
