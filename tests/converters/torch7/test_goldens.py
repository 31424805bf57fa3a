"""Every model that the real Lua Torch7 saved: converted, run in onnxruntime, compared with what Torch7 computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from torch7_goldens import ROOT, Case, agrees, cases

import converters
from converters.diagnostic import Diagnostic
from converters.hub.optable import gather
from converters.torch7.proof import UNJUDGED
from zoo.backends import discovery, host

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")

KNOWN_NOW = {"arch_faststyle_instancenorm"}
"""Marked as a refusal because its class is not nn's own; it is read, and its outputs are given."""
MODELS = [case for case in cases("model") if not case.expect or case.name in KNOWN_NOW]
REFUSED = [case for case in cases("model") if case.expect == "refuse" and case.name not in KNOWN_NOW]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | Diagnostic]:
    """Each model as ONNX, with a dynamic batch where it can have one."""
    folder = tmp_path_factory.mktemp("goldens")
    made: dict[str, Path | Diagnostic] = {}
    for case in MODELS:
        made[case.name] = out = folder / f"{case.name}.onnx"
        try:
            converters.convert([case.path], "onnx", out, options=case.options())
        except Diagnostic as fault:
            made[case.name] = fault
    return made


@pytest.fixture(scope="module")
def replies(converted: dict[str, Path | Diagnostic]) -> dict[str, host.Reply | host.Failed]:
    done = [case for case in MODELS if isinstance(converted[case.name], Path)]
    jobs = [host.Job("onnx", {"model": converted[case.name]}, case.inputs(), label=case.name) for case in done]
    answers = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    return {case.name: answer for case, answer in zip(done, answers, strict=True)}


@pytest.mark.xdist_group("torch7-goldens")
@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.name)
def test_computes_what_the_real_torch7_computed(case: Case, converted, replies):
    fault = converted[case.name]
    assert not isinstance(fault, Diagnostic), str(fault)
    reply = replies[case.name]
    assert isinstance(reply, host.Reply), str(reply)
    mine, theirs = list(reply.outputs.values()), case.outputs()
    assert [array.shape for array in mine] == [array.shape for array in theirs]
    assert all(map(agrees, mine, theirs))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refuses_an_unknown_class_by_name_with_its_place(case: Case, tmp_path):
    with pytest.raises(Diagnostic) as refusal:
        converters.convert([case.path], "onnx", tmp_path / "x.onnx", options=case.options())
    assert refusal.value.code == "unsupported-ops"
    assert all(name in str(refusal.value) for name in case.row["refuse_class"])
    assert 'first: layer "Sequential[' in str(refusal.value)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_unknown_classes_are_refused_before_a_missing_shape(case: Case):
    with pytest.raises(Diagnostic, match="no mapping"):
        converters.read([case.path])


def test_a_cut_before_the_unknown_class_converts_the_rest(tmp_path):
    (case,) = [case for case in REFUSED if case.name == "custom_class_unknown"]
    options = converters.Options(inputs=case.options().inputs, cut_at=("Sequential[1]",))
    out = tmp_path / "cut.onnx"
    converters.convert([case.path], "onnx", out, options=options)
    assert [value.name for value in onnx.load(out).graph.output] == ["Sequential[1]"]


def test_every_class_of_the_goldens_has_a_row_or_is_a_container():
    from converters.torch7.containers import CONTAINERS

    rows = {kind for kind in gather("converters.torch7.ops") if "/" not in kind}
    used = {kind for case in MODELS for kind in case.row["modules"]}
    assert used <= {*rows, *CONTAINERS}
    assert rows - used == UNJUDGED


FUZZED = ("arch_lenet_demo", "graph_split", "cudnn_cnn", "convmap_random", "mixturetable", "weightnorm_linear")


@pytest.mark.parametrize("name", FUZZED)
def test_flipped_bits_are_refused_or_converted_and_never_crash(name, tmp_path):
    """From the file to the hub: whatever a field says, the answer is a model or a Diagnostic."""
    case = next(case for case in MODELS if case.name == name)
    content, path = case.path.read_bytes(), tmp_path / "flipped.t7"
    rng = np.random.default_rng(11)
    outcomes = set()
    for position in rng.integers(0, len(content) * 8, 40):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << int(position % 8)
        path.write_bytes(flipped)
        outcomes.add(read_or_refuse(path, case.options()))
    assert "refused" in outcomes


def read_or_refuse(path: Path, options: converters.Options) -> str:
    try:
        converters.read([path], options)
    except Diagnostic:
        return "refused"
    return "read"


def test_converting_twice_gives_the_same_bytes(tmp_path):
    case = next(case for case in MODELS if case.name == "arch_googlenet_aux")
    paths = [tmp_path / name / "model.onnx" for name in ("first", "second")]
    for path in paths:
        converters.convert([case.path], "onnx", path, options=case.options())
    assert paths[0].read_bytes() == paths[1].read_bytes()


SHARING = ("ser_share_linear", "ser_tied_autoencoder", "graph_shared_siamese", "ser_same_module_twice")


@pytest.mark.parametrize("name", SHARING)
def test_shared_weights_are_stored_once(name, converted):
    """Equal views of one storage are one initializer, however many modules hold them."""
    path = converted[name]
    assert isinstance(path, Path)
    stored = [tensor.raw_data for tensor in onnx.load(path).graph.initializer if len(tensor.dims) == 2]
    assert len(stored) == len(set(stored))
