"""Every sample of every WRITE row: the written Caffe files in the real Caffe against onnxruntime on the ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from caffe_samples import close, describe
from frameworks import caffe_worker
from onnx_samples import WriteCase, write_cases

import converters
from converters.hub.writetable import gather_writers
from zoo.backends import discovery, host

CASES = list(write_cases("converters.caffe.writers"))
IDS = [case.slug for case in CASES]
Files = dict[str, Path]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("onnx")
    return {case.slug: case.write(folder) for case in CASES}


@pytest.fixture(scope="session")
def written(models: Files) -> dict[str, Files]:
    made = {}
    for slug, path in models.items():
        out = path.with_suffix("")
        converters.convert([path], "caffe", out)
        made[slug] = {"graph": out / f"{slug}.prototxt", "weights": out / f"{slug}.caffemodel"}
    return made


@pytest.fixture(scope="session")
def expected(models: Files) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("onnx", {"model": models[case.slug]}, case.inputs(), label=case.slug) for case in CASES]
    return dict(zip(IDS, host.run_many(discovery.find("onnxruntime"), jobs, 60), strict=True))


@pytest.fixture(scope="session")
def real(written: dict[str, Files]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("caffe", written[case.slug], case.inputs(), label=case.slug) for case in CASES]
    return dict(zip(IDS, caffe_worker(jobs), strict=True))


@pytest.mark.framework
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_real_caffe_computes_what_onnxruntime_computes(case: WriteCase, expected, real):
    wanted, found = expected[case.slug], real[case.slug]
    assert isinstance(wanted, host.Reply), str(wanted)
    assert isinstance(found, host.Reply), str(found)
    assert set(found.outputs) == set(wanted.outputs)
    pairs = [(found.outputs[name], wanted.outputs[name]) for name in wanted.outputs]
    assert all(close(np.asarray(mine, np.float32), theirs) for mine, theirs in pairs), describe(
        *zip(*pairs, strict=True)
    )


def test_every_row_has_a_sample_but_those_that_only_a_fork_runs():
    without = {chain for chain, row in gather_writers("converters.caffe.writers").items() if not row.samples}
    judged_in_test_write_ssd = ("ReduceSumSquare", "Add", "Sqrt", "Div", "Mul")
    judged_in_test_detections = ("zoo.caffe::DetectionOutput",)
    assert without == {judged_in_test_write_ssd, judged_in_test_detections}
