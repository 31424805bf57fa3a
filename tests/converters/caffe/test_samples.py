"""Every sample of every row: our ONNX in onnxruntime against the real Caffe and, where there is one, the formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from caffe_samples import Case, cases, close, describe
from frameworks import caffe_worker

import converters
from converters.hub.optable import gather
from zoo.backends import discovery, host

CASES = list(cases())
IDS = [case.slug for case in CASES]
SPATIAL = {"Convolution", "Deconvolution", "Pooling", "Crop"}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("samples")
    return {case.slug: case.write(folder) for case in CASES}


@pytest.fixture(scope="session")
def converted(files: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Each sample as ONNX with a dynamic batch where it can have one, so that one file serves every batch size."""
    made = {}
    for case in CASES:
        out = files[case.slug]["graph"].with_suffix(".onnx")
        converters.convert(list(files[case.slug].values()), "onnx", out)
        made[case.slug] = out
    return made


@pytest.fixture(scope="session")
def ours(converted: dict[str, Path]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("onnx", {"model": converted[case.slug]}, case.inputs(), label=case.slug) for case in CASES]
    replies = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    return dict(zip(IDS, replies, strict=True))


@pytest.fixture(scope="session")
def real(files: dict[str, dict[str, Path]]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("caffe", files[case.slug], case.inputs(), outputs=case.outputs, label=case.slug) for case in CASES]
    return dict(zip(IDS, caffe_worker(jobs), strict=True))


def outputs(replies: dict[str, host.Reply | host.Failed], case: Case) -> list[np.ndarray]:
    reply = replies[case.slug]
    assert isinstance(reply, host.Reply), str(reply)
    return [reply.outputs[name] for name in case.outputs]


@pytest.mark.framework
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_agrees_with_the_real_caffe(case, ours, real):
    mine, theirs = outputs(ours, case), outputs(real, case)
    assert all(map(close, mine, theirs)), describe(mine, theirs)


@pytest.mark.parametrize("case", [case for case in CASES if case.sample.formula], ids=lambda case: case.slug)
def test_agrees_with_the_formula(case, ours):
    given = [array.astype(np.float64) for array in case.inputs().values()]
    expected = case.sample.formula(given, [array.astype(np.float64) for array in case.weights()])
    expected = [expected] if isinstance(expected, np.ndarray) else list(expected)
    mine = outputs(ours, case)
    assert all(map(close, mine, expected)), describe(mine, expected)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_passes_the_full_checker(case, converted):
    onnx.checker.check_model(str(converted[case.slug]), full_check=True)


def test_every_row_has_a_sample_but_silence_which_has_no_output():
    without = {kind for kind, row in gather("converters.caffe.ops").items() if not row.samples}
    assert without == {"Silence"}


@pytest.mark.parametrize("case", [case for case in CASES if case.kind in SPATIAL], ids=lambda case: case.slug)
def test_spatial_samples_have_unequal_height_and_width(case):
    height, width = case.sample.inputs[0][-2:]
    assert height != width
