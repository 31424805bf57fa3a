"""The classes that no real file was at hand for: written as .t7, converted, held against their sources' formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch7_formulas import CASES, Case

import converters
from converters.torch7.proof import UNJUDGED
from converters.torch7.saving import save
from zoo.backends import discovery, host

TOLERANCE = 1e-5  # of the largest value: float32 against float64


@pytest.fixture(scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, host.Reply | host.Failed]:
    folder = tmp_path_factory.mktemp("formulas")
    jobs = [host.Job("onnx", {"model": converted(case, folder)}, fed(case), label=case.slug) for case in CASES]
    answers = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    return {case.slug: answer for case, answer in zip(CASES, answers, strict=True)}


def fed(case: Case) -> dict[str, np.ndarray]:
    arrays = case.fed()
    names = ["input"] if len(arrays) == 1 else [f"input{place}" for place in range(1, len(arrays) + 1)]
    return dict(zip(names, arrays, strict=True))


def converted(case: Case, folder: Path) -> Path:
    path, out = folder / f"{case.slug}.t7", folder / f"{case.slug}.onnx"
    with path.open("wb") as file:
        save(case.module(), file)
    shapes = {name: array.shape for name, array in fed(case).items()}
    converters.convert([path], "onnx", out, options=converters.Options(inputs=shapes))
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_a_class_computes_what_its_source_says(case: Case, replies):
    reply = replies[case.slug]
    assert isinstance(reply, host.Reply), str(reply)
    (found,) = reply.outputs.values()
    expected = case.expected()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_every_class_without_a_real_file_has_a_formula():
    assert {case.kind for case in CASES} == UNJUDGED
