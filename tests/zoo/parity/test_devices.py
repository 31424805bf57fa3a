from __future__ import annotations

import pytest
from cli import run
from tiny import tiny

from zoo.backends import discovery


@pytest.fixture
def net(tmp_path):
    return tiny(tmp_path / "net.onnx")


def cuda_is_here():
    from pathlib import Path

    return any(Path("/dev").glob("nvidia[0-9]*"))


def test_a_device_that_no_backend_knows_is_a_fault_of_usage(net):
    ran = run("check-parity", str(net), "--device", "abacus")
    assert ran.status == 2
    assert "no backend computes on abacus" in ran.err
    assert "cuda" in ran.err


def test_a_device_that_none_of_the_runs_could_use_is_refused(net):
    ran = run("check-parity", f"{net}::opencv", "--device", "cuda")
    assert ran.status == 2
    assert "nothing here would run on cuda" in ran.err


def test_a_device_that_is_not_there_is_a_failure_and_no_silent_run_on_the_processor(net):
    if cuda_is_here():
        pytest.skip("there is a CUDA device here: the test of the device itself runs instead")
    ran = run("check-parity", f"{net}::opencv", f"{net}::onnxruntime", "--device", "cuda", "--json", "-")
    assert ran.status == 5, ran.out
    (missed,) = [item for item in ran.json["not_run"] if item["backend"] == "onnxruntime"]
    assert "on cuda: ONNX Runtime cannot use CUDAExecutionProvider here" in missed["why"]
    assert not [row for row in ran.json["rows"] if row["backend"] == "onnxruntime"]


@pytest.mark.gpu
def test_on_cuda_without_tf32_a_network_agrees_with_its_float64(net):
    if not cuda_is_here():
        pytest.skip("no CUDA device here")
    ran = run("check-parity", f"{net}::onnxruntime", f"{net}::opencv", "--device", "cuda", "--json", "-")
    assert ran.status == 0, ran.out
    settings = ran.json["reference"]["settings"]
    assert (settings["providers"][0], settings["tf32"]) == ("CUDAExecutionProvider", False)


def test_every_device_of_a_card_sets_options_that_the_worker_knows():
    assert {name for card in discovery.backends() for name in card.devices} >= {"cuda", "tensorrt"}
    for card in discovery.backends():
        for options in card.devices.values():
            assert set(options) <= set(card.options)
