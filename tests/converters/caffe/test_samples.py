"""Every sample of every row: our ONNX in onnxruntime against the real Caffe and, where there is one, the formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from caffe_samples import Case, cases, close, describe
from frameworks import caffe_worker, framework

import converters
from converters.caffe.ops.refused import REASONS
from converters.hub.optable import FORMULA, gather
from zoo.backends import discovery, host

CASES = list(cases())
IDS = [case.slug for case in CASES]
SPATIAL = {
    "Convolution",
    "Deconvolution",
    "DepthwiseConvolution",
    "Pooling",
    "Crop",
    "Im2col",
    "SPP",
    "Interp",
    "Upsample",
}


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


def judged_by(name: str) -> list[Case]:
    return [case for case in CASES if (case.sample.judge or "caffe") == name]


def jobs(cases: list[Case], files: dict[str, dict[str, Path]]) -> list[host.Job]:
    return [host.Job("caffe", files[case.slug], case.inputs(), outputs=case.outputs, label=case.slug) for case in cases]


@pytest.fixture(scope="session")
def real(files: dict[str, dict[str, Path]]) -> dict[str, host.Reply | host.Failed]:
    cases = judged_by("caffe")
    return {case.slug: reply for case, reply in zip(cases, caffe_worker(jobs(cases, files)), strict=True)}


@pytest.fixture(scope="session")
def fork(files: dict[str, dict[str, Path]]) -> dict[str, host.Reply | host.Failed]:
    cases = judged_by("caffe-ssd")
    replies = host.run_many(framework("caffe-ssd"), jobs(cases, files), 60)
    return {case.slug: reply for case, reply in zip(cases, replies, strict=True)}


def outputs(replies: dict[str, host.Reply | host.Failed], case: Case) -> list[np.ndarray]:
    reply = replies[case.slug]
    assert isinstance(reply, host.Reply), str(reply)
    return [reply.outputs[name] for name in case.outputs]


@pytest.mark.framework
@pytest.mark.parametrize("case", judged_by("caffe"), ids=lambda case: case.slug)
def test_agrees_with_the_real_caffe(case, ours, real):
    mine, theirs = outputs(ours, case), outputs(real, case)
    assert all(map(close, mine, theirs)), describe(mine, theirs)


@pytest.mark.framework
@pytest.mark.parametrize("case", judged_by("caffe-ssd"), ids=lambda case: case.slug)
def test_agrees_with_a_real_fork_of_caffe(case, ours, fork):
    mine, theirs = outputs(ours, case), outputs(fork, case)
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


def test_every_row_has_a_sample_but_those_without_output_or_input_and_those_that_refuse():
    without = {kind for kind, row in gather("converters.caffe.ops").items() if not row.samples}
    assert without == {"Silence", "Parameter", *REASONS}


def test_what_no_framework_judges_has_a_formula():
    assert [case.name for case in judged_by(FORMULA) if case.sample.formula is None] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.kind in SPATIAL], ids=lambda case: case.slug)
def test_spatial_samples_have_unequal_height_and_width(case):
    height, width = case.sample.inputs[0][-2:]
    assert height != width
