"""The worker of the real Lua Torch: found where it is, and honest where it is not."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import framework, shared
from planting.conversions.torch7 import stacked

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


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
@pytest.mark.skipif(shutil.which("th") is not None, reason="Lua Torch is installed here")
def test_a_lua_torch_that_was_removed_is_not_remembered(tmp_path, monkeypatch):
    """What is remembered of other backends rests on files that are watched; `th` may be anywhere on PATH."""
    program = tmp_path / "th"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=":")
        assert discovery.probe(discovery.find("torch7")).available
    assert not discovery.probe(discovery.find("torch7")).available


SHRINKING = """#!{python}
import sys
import numpy as np
if sys.argv[1] == "-e":
    sys.exit(0)
if sys.argv[3] == "3":
    sys.exit("luajit: File.lua:343: unknown Torch class <my.Layer>\\nstack traceback:")
for number in range(12 if sys.argv[3] == "1" else 1):
    np.full(1, number, "<f4").tofile("output%d.raw" % (number + 1))
    open("output%d.shape" % (number + 1), "w").write("1")
"""
"""Stands for `th`: twelve outputs for one input, one for two, and Lua's words for three."""


@pytest.fixture
def shrinking(tmp_path, monkeypatch):
    program = tmp_path / "th"
    program.write_text(SHRINKING.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "model.t7").write_bytes(b"")
    return lambda count: host.Job(
        "torch7",
        {"model": tmp_path / "model.t7"},
        {f"input{place}": np.zeros((1, 1), np.float32) for place in range(1, count + 1)},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_outputs_of_the_job_before_are_gone_and_the_tenth_stands_behind_the_second(shrinking):
    first, second = host.run_many(discovery.find("torch7"), [shrinking(1), shrinking(2)], 60)
    assert isinstance(first, host.Reply), str(first)
    assert isinstance(second, host.Reply), str(second)
    assert [float(array[0]) for array in first.outputs.values()] == list(range(12))
    assert list(second.outputs) == ["output1"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_what_lua_says_is_passed_on(shrinking):
    (reply,) = host.run_many(discovery.find("torch7"), [shrinking(3)], 60)
    assert isinstance(reply, host.Failed)
    assert "unknown Torch class <my.Layer>" in reply.detail
    (unfed,) = host.run_many(discovery.find("torch7"), [shrinking(0)], 60)
    assert isinstance(unfed, host.Failed)
    assert "nothing is fed" in unfed.detail


@pytest.mark.framework
def test_the_real_torch_runs_batches_of_any_size_and_tables(tmp_path):
    """A file that keeps the output of a larger batch: what comes back is as large as the tensor, not as its storage."""
    source = shared("goldens", "torch7", "arch_lenet_demo")
    batch = np.load(source / "input.npy")
    jobs = [host.Job("torch7", {"model": source / "model.t7"}, {"input": part}) for part in (batch, batch[:1])]
    both, alone = host.run_many(framework("torch7"), jobs, 60)
    assert isinstance(both, host.Reply), str(both)
    assert isinstance(alone, host.Reply), str(alone)
    wanted = np.load(source / "output.npy")
    np.testing.assert_allclose(both.outputs["output"], wanted, atol=2e-5)
    np.testing.assert_allclose(alone.outputs["output"], wanted[:1], atol=2e-5)
    pair = shared("goldens", "torch7", "graph_2in_2out")
    fed = {f"input{place}": np.load(pair / f"input_{place - 1}.npy") for place in (1, 2)}
    reply = host.run(framework("torch7"), "torch7", {"model": pair / "model.t7"}, fed, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    for place, array in enumerate(reply.outputs.values()):
        np.testing.assert_allclose(array, np.load(pair / f"output_{place}.npy"), atol=2e-5)


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


@pytest.mark.framework
def test_the_real_torch_shows_modules_as_they_leave_their_outputs_before_others_overwrite_them(tmp_path):
    """The fourth module is a ReLU that works in place."""
    card, model = framework("torch7"), {"model": Path(stacked(tmp_path))}
    fed = {"input": np.random.default_rng(1).standard_normal((2, 3, 13, 11)).astype(np.float32)}
    inside = "Sequential[7].Concat[2].Sequential[2]"
    wanted = ("Sequential[3]", "Sequential[4]", inside, "Sequential[7]", "Sequential", "input", "output")
    jobs = [host.Job("torch7", model, fed, names) for names in (wanted, ("Sequential[99]",), None)]
    seen, unknown, plain = host.run_many(card, jobs, 60)
    assert isinstance(seen, host.Reply), str(seen)
    assert (seen.outputs["Sequential[3]"] < 0).any()
    np.testing.assert_array_equal(np.maximum(seen.outputs["Sequential[3]"], 0), seen.outputs["Sequential[4]"])
    np.testing.assert_array_equal(seen.outputs["Sequential[7]"][:, 4:], seen.outputs[inside])
    np.testing.assert_array_equal(seen.outputs["Sequential"], plain.outputs["output"])
    np.testing.assert_array_equal(seen.outputs["input"], fed["input"])
    assert list(plain.outputs) == ["output"]
    assert "nothing is named Sequential[99]" in unknown.detail
