"""Every sample of every row: our ONNX in onnxruntime against the real MXNet and, where there is one, the formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from frameworks import framework
from mxnet_samples import Case, cases, close, describe

import converters
from converters.hub.optable import FORMULA, gather
from zoo.backends import discovery, host

CASES = list(cases())
IDS = [case.slug for case in CASES]
JUDGED = [case for case in CASES if case.sample.judge != FORMULA]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("samples")
    return {case.slug: case.write(folder) for case in CASES}


@pytest.fixture(scope="session")
def converted(files: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Each sample as ONNX with a dynamic batch where it can have one."""
    made = {}
    for case in CASES:
        out = files[case.slug]["graph"].with_suffix(".onnx")
        shapes = {name: array.shape for name, array in case.inputs().items()}
        converters.convert(list(files[case.slug].values()), "onnx", out, options=converters.Options(inputs=shapes))
        made[case.slug] = out
    return made


@pytest.fixture(scope="session")
def ours(converted: dict[str, Path]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("onnx", {"model": converted[case.slug]}, case.inputs(), label=case.slug) for case in CASES]
    return dict(zip(IDS, host.run_many(discovery.find("onnxruntime"), jobs, 60), strict=True))


@pytest.fixture(scope="session")
def real(files: dict[str, dict[str, Path]]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("mxnet", files[case.slug], case.inputs(), label=case.slug) for case in JUDGED]
    replies = host.run_many(framework("mxnet"), jobs, 120)
    return dict(zip((case.slug for case in JUDGED), replies, strict=True))


def reply(replies: dict[str, host.Reply | host.Failed], case: Case) -> dict[str, np.ndarray]:
    found = replies[case.slug]
    assert isinstance(found, host.Reply), str(found)
    return dict(found.outputs)


@pytest.mark.framework
@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.slug)
def test_agrees_with_the_real_mxnet_by_the_names_of_its_outputs(case, ours, real):
    mine, theirs = reply(ours, case), reply(real, case)
    assert list(mine) == list(theirs)
    assert all(map(close, mine.values(), theirs.values())), describe(list(mine.values()), list(theirs.values()))


@pytest.mark.parametrize("case", [case for case in CASES if case.sample.formula], ids=lambda case: case.slug)
def test_agrees_with_the_formula(case, ours):
    given = [array.astype(np.float64) for array in case.inputs().values()]
    expected = case.sample.formula(given, [array.astype(np.float64) for array in case.weights()])
    expected = [expected] if isinstance(expected, np.ndarray) else list(expected)
    mine = list(reply(ours, case).values())
    assert all(map(close, mine, expected)), describe(mine, expected)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_passes_the_full_checker(case, converted):
    onnx.checker.check_model(str(converted[case.slug]), full_check=True)


def test_every_row_has_a_sample():
    assert [kind for kind, row in gather("converters.mxnet.ops").items() if not row.samples] == []


def test_every_row_is_an_operator_of_the_schema():
    from converters.mxnet.schema import find

    assert [
        kind for kind in gather("converters.mxnet.ops") if (found := find(kind)) is None or found.kind != kind
    ] == []


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "Pooling", "Pooling_v1"])
def test_spatial_samples_have_unequal_height_and_width(kind):
    for sample in gather("converters.mxnet.ops")[kind].samples:
        if len(sample.inputs[0]) == 4 and "NHWC" not in sample.attrs:
            height, width = sample.inputs[0][-2:]
            assert height != width
