"""Every sample of every WRITE row: the written MXNet files in the real MXNet against onnxruntime on the ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frameworks import framework
from mxnet_samples import close, describe
from onnx_samples import WriteCase, write_cases

import converters
from converters.hub.writetable import gather_writers
from zoo.backends import discovery, host

CASES = list(write_cases("converters.mxnet.writers"))
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
        prefix = path.with_suffix("")
        converters.convert([path], "mxnet", prefix)
        made[slug] = {
            "graph": path.with_name(f"{slug}-symbol.json"), "weights": path.with_name(f"{slug}-0000.params")
        }  # fmt: skip
    return made


@pytest.fixture(scope="session")
def expected(models: Files) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("onnx", {"model": models[case.slug]}, case.inputs(), label=case.slug) for case in CASES]
    return dict(zip(IDS, host.run_many(discovery.find("onnxruntime"), jobs, 60), strict=True))


@pytest.fixture(scope="session")
def real(written: dict[str, Files]) -> dict[str, host.Reply | host.Failed]:
    jobs = [host.Job("mxnet", written[case.slug], case.inputs(), label=case.slug) for case in CASES]
    return dict(zip(IDS, host.run_many(framework("mxnet"), jobs, 120), strict=True))


@pytest.mark.framework
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_real_mxnet_computes_what_onnxruntime_computes(case: WriteCase, expected, real):
    wanted, found = expected[case.slug], real[case.slug]
    assert isinstance(wanted, host.Reply), str(wanted)
    assert isinstance(found, host.Reply), str(found)
    theirs, mine = list(wanted.outputs.values()), list(found.outputs.values())
    assert len(mine) == len(theirs)
    assert all(map(close, mine, theirs)), describe(mine, theirs)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_is_written_reads_back_as_the_same_function(case: WriteCase, written, expected, tmp_path):
    out = tmp_path / "back.onnx"
    shapes = {name: array.shape for name, array in case.inputs().items()}
    converters.convert(list(written[case.slug].values()), "onnx", out, options=converters.Options(inputs=shapes))
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": out}, case.inputs(), timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    theirs, mine = list(expected[case.slug].outputs.values()), list(reply.outputs.values())
    assert all(map(close, mine, theirs)), describe(mine, theirs)


def test_every_row_has_a_sample():
    assert [chain for chain, row in gather_writers("converters.mxnet.writers").items() if not row.samples] == []


def test_numbers_stay_numbers_of_the_same_kind(written):
    assert np.dtype("<f4") in {weight.dtype for files in written.values() for weight in _arrays(files)}


def _arrays(files: Files):
    from converters.mxnet import params

    return params.read(files["weights"]).values()
