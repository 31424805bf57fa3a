"""Samples of READ rows: Caffe -> ONNX -> Caffe, both sides in the real Caffe."""

from __future__ import annotations

from pathlib import Path

import pytest
from caffe_samples import Case, cases, close
from frameworks import caffe_worker

import converters
from zoo.backends import host

BOTH_WAYS = frozenset({
    "AbsVal", "BatchNorm", "Bias", "BNLL", "Concat", "Convolution", "Crop", "Deconvolution", "Dropout", "Eltwise",
    "ELU", "Embed", "Exp", "Flatten", "InnerProduct", "Log", "LRN", "LSTM", "LSTMUnit", "Parameter", "Permute",
    "Pooling", "Power", "PReLU", "ReLU", "Reshape", "RNN", "Scale", "Sigmoid", "Slice", "Softmax", "Split", "Swish",
    "TanH", "Threshold", "Tile",
})  # fmt: skip
"""Kinds of which what the original Caffe computes must come back."""
REFUSED = {("Pooling", "mask"): "Caffe's mask counts places in another way"}
"""Samples that Caffe computes and that do not come back, with the reason."""


def comes_back(case: Case) -> bool:
    """Whether the original Caffe runs the sample (forks and formulas judge the others) and a row writes it."""
    judged_elsewhere = getattr(case.sample, "judge", "")
    return case.kind in BOTH_WAYS and not judged_elsewhere and (case.kind, case.sample.name) not in REFUSED


CASES = [case for case in cases() if comes_back(case)]
IDS = [case.slug for case in CASES]

Files = dict[str, Path]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    folder = tmp_path_factory.mktemp("there")
    return {case.slug: case.write(folder) for case in CASES}


@pytest.fixture(scope="session")
def returned(sources: dict[str, Files], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    folder = tmp_path_factory.mktemp("back")
    made = {}
    for case in CASES:
        out = folder / case.slug
        options = converters.Options(batch=case.batch)
        converters.convert(list(sources[case.slug].values()), "caffe", out, options=options, dialect="ssd")
        made[case.slug] = {"graph": out / f"{out.name}.prototxt", "weights": out / f"{out.name}.caffemodel"}
    return made


@pytest.fixture(scope="session")
def replies(
    sources: dict[str, Files], returned: dict[str, Files]
) -> dict[str, tuple[host.Reply | host.Failed, host.Reply | host.Failed]]:
    there = [host.Job("caffe", sources[case.slug], case.inputs(), label=case.slug) for case in CASES]
    back = [host.Job("caffe", returned[case.slug], case.inputs(), label=case.slug) for case in CASES]
    found = caffe_worker([*there, *back])
    pairs = zip(found[: len(CASES)], found[len(CASES) :], strict=True)
    return dict(zip(IDS, pairs, strict=True))


@pytest.mark.framework
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_comes_back_computes_the_same(case: Case, replies):
    before, after = replies[case.slug]
    assert isinstance(before, host.Reply), str(before)
    assert isinstance(after, host.Reply), str(after)
    assert set(after.outputs) == set(before.outputs)
    for name, value in before.outputs.items():
        assert close(after.outputs[name], value), name
