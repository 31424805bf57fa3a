"""Every sample of a READ row: Caffe -> ONNX -> Caffe, both sides in the real Caffe."""

from __future__ import annotations

from pathlib import Path

import pytest
from caffe_samples import Case, cases, close
from frameworks import caffe_worker

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import host

CASES = list(cases())
IDS = [case.slug for case in CASES]
BOTH_WAYS = frozenset({
    "AbsVal", "BatchNorm", "Bias", "Concat", "Convolution", "Crop", "Deconvolution", "Dropout", "ELU", "Eltwise", "Exp",
    "Flatten", "InnerProduct", "LRN", "Log", "PReLU", "Permute", "Pooling", "Power", "ReLU", "Reshape", "Scale",
    "Sigmoid", "Slice", "Softmax", "Split", "TanH",
})  # fmt: skip
"""Kinds of which every sample must come back; others may be refused by node and reason."""

Files = dict[str, Path]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    folder = tmp_path_factory.mktemp("there")
    return {case.slug: case.write(folder) for case in CASES}


@pytest.fixture(scope="session")
def returned(sources: dict[str, Files], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files | Diagnostic]:
    folder = tmp_path_factory.mktemp("back")
    made: dict[str, Files | Diagnostic] = {}
    for case in CASES:
        out = folder / case.slug
        options = converters.Options(batch=case.batch)
        try:
            converters.convert(list(sources[case.slug].values()), "caffe", out, options=options, dialect="ssd")
        except Diagnostic as fault:
            made[case.slug] = fault
            continue
        made[case.slug] = {"graph": out / f"{out.name}.prototxt", "weights": out / f"{out.name}.caffemodel"}
    return made


@pytest.fixture(scope="session")
def replies(
    sources: dict[str, Files], returned: dict[str, Files | Diagnostic]
) -> dict[str, tuple[host.Reply | host.Failed, host.Reply | host.Failed]]:
    ready = [case for case in CASES if not isinstance(returned[case.slug], Diagnostic)]
    there = [host.Job("caffe", sources[case.slug], case.inputs(), label=case.slug) for case in ready]
    back = [host.Job("caffe", returned[case.slug], case.inputs(), label=case.slug) for case in ready]
    found = caffe_worker([*there, *back])
    pairs = zip(found[: len(ready)], found[len(ready) :], strict=True)
    return {case.slug: pair for case, pair in zip(ready, pairs, strict=True)}


@pytest.mark.framework
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_comes_back_computes_the_same(case: Case, returned, replies):
    fault = returned[case.slug]
    if isinstance(fault, Diagnostic):
        assert case.kind not in BOTH_WAYS, str(fault)
        assert fault.details or fault.hint, "a refusal says which node and why"
        return
    before, after = replies[case.slug]
    if isinstance(before, host.Failed) and case.kind not in BOTH_WAYS:
        pytest.skip(f"this Caffe has no {case.kind}")
    assert isinstance(before, host.Reply), str(before)
    assert isinstance(after, host.Reply), str(after)
    assert set(after.outputs) == set(before.outputs)
    for name, value in before.outputs.items():
        assert close(after.outputs[name], value), name
