"""Files of the real Torch7: unchanged ones keep every byte, GPU files compute on the CPU what they computed."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from torch7_goldens import ROOT, Case, agrees, cases

import converters
from converters.torch7 import t7
from converters.torch7.objects import Object, Storage, Table, Tensor
from zoo.backends import discovery, host
from zoo.diagnostics import Diagnostic
from zoo.relocate import t7file, t7write
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request, joined, whole
from zoo.relocate.planning import plan
from zoo.relocate.source import source

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")

GOOD = [case for case in [*cases("model"), *cases("data")] if case.expect != "error"]
BAD = [case for case in [*cases("model"), *cases("data")] if case.expect == "error"]
GROUPS = {"cudnn_conv_groups2", "cudnn_conv_groups4_nobias"}
GPU = [case for case in cases("model") if case.name.startswith(("cuda_", "cudnn_")) and case.name not in GROUPS]
PLAIN = [case for case in GOOD if case not in GPU and case.name not in GROUPS]


def moved(path, folder, to, **options):
    out = folder / f"{path.parent.name}-{path.stem}.{to.replace(':', '')}.t7"
    apply(plan(path, Request(to, **options)), path, out, durable=False)
    return out


def numbers(path):
    """Every storage by (element type, sha256 of its bytes), read by the reader that conversions use."""
    raw, seen, waiting = path.read_bytes(), {}, [t7.read(path).value]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or not isinstance(value, Table | Object | Tensor | Storage):
            continue
        seen[id(value)] = value
        if isinstance(value, Table):
            waiting += [part for pair in value.items() for part in pair]
        waiting += getattr(value, "payload", [])
        waiting.append(getattr(value, "storage", None))
    found = [value for value in seen.values() if isinstance(value, Storage)]
    return sorted((str(one.dtype), hashlib.sha256(raw[one.start : one.end]).hexdigest()) for one in found)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_reading_and_writing_gives_the_same_bytes(case: Case):
    with source(case.path) as origin:
        assert joined(t7write.write(t7file.read(origin))) == whole(origin.size)


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_a_file_of_the_cpu_goes_to_a_gpu_and_back_without_a_trace(case: Case, tmp_path):
    if case.name == "data_cuda_types" or "nn.GPU" in case.row.get("modules", []):
        pytest.skip("it is on a GPU, or says so, already")
    there = moved(case.path, tmp_path, "cuda:0")
    assert numbers(there) == numbers(case.path)
    assert moved(there, tmp_path, "cpu").read_bytes() == case.path.read_bytes()


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_broken_file_is_refused(case: Case):
    with pytest.raises(Diagnostic) as refusal:
        plan(case.path, Request("cpu"))
    assert refusal.value.exit_status == 3


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the relocated GPU files compute: read as nn's own layers, run in onnxruntime."""
    folder = tmp_path_factory.mktemp("relocated")
    jobs = []
    for case in GPU:
        there = moved(case.path, folder, "cpu")
        out = folder / f"{case.name}.onnx"
        converters.convert([there], "onnx", out, options=case.options())
        jobs.append(host.Job("onnx", {"model": out}, case.inputs(), label=case.name))
    replies = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    return folder, {case.name: reply for case, reply in zip(GPU, replies, strict=True)}


@pytest.mark.xdist_group("relocated-torch7")
@pytest.mark.parametrize("case", GPU, ids=lambda case: case.name)
def test_a_gpu_file_computes_on_the_cpu_what_torch7_computed(case: Case, answers):
    folder, replies = answers
    raw = (folder / f"{case.name}-model.cpu.t7").read_bytes()
    assert b"cudnn." not in raw
    assert b"torch.Cuda" not in raw
    assert b"DataParallelTable" not in raw
    reply = replies[case.name]
    assert isinstance(reply, host.Reply), str(reply)
    assert all(map(agrees, reply.outputs.values(), case.outputs()))


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_groups_are_refused_by_name_with_their_place(name):
    with pytest.raises(Diagnostic) as refusal:
        plan(ROOT / name / "model.t7", Request("cpu"))
    assert refusal.value.code == "gpu-only"
    assert "groups" in str(refusal.value)


def test_layers_of_nn_become_cudnns_and_nns_again(tmp_path):
    case = next(case for case in cases("model") if case.name == "arch_vgg16")
    there = moved(case.path, tmp_path, "cuda:0", cudnn=True)
    assert b"cudnn.SpatialConvolution" in there.read_bytes()
    back = moved(there, tmp_path, "cpu")
    assert b"cudnn." not in back.read_bytes()
    assert numbers(back) == numbers(case.path)


def test_a_bare_storage_stays_on_the_cpu(tmp_path):
    path = ROOT / "data_storages" / "model.t7"
    there = moved(path, tmp_path, "cuda:0")
    assert b"torch.LongStorage" in there.read_bytes()


def test_what_is_taken_out_leaves_its_definitions_to_those_who_share_them(tmp_path):
    """A DataParallelTable's own field defines a tensor that the network in it refers to."""
    spell = t7file.Spelling()
    storage = spell.integer(4) + spell.integer(5) + spell.string(b"V 1") + spell.string(b"torch.CudaStorage")
    storage += struct.pack("<qf", 1, 7.0)
    tensor = spell.integer(4) + spell.integer(4) + spell.string(b"V 1") + spell.string(b"torch.CudaTensor")
    tensor += struct.pack("<iqqq", 1, 1, 1, 1) + storage
    again = spell.integer(4) + spell.integer(4)
    inner = spell.integer(4) + spell.integer(7) + spell.string(b"V 1") + spell.string(b"nn.Identity")
    inner += spell.integer(3) + spell.integer(8) + spell.integer(1) + spell.value("weight") + again
    modules = spell.integer(3) + spell.integer(6) + spell.integer(1) + spell.value(1.0) + inner
    fields = spell.integer(3) + spell.integer(3) + spell.integer(2)
    fields += spell.value("output") + tensor + spell.value("modules") + modules
    path = tmp_path / "model.t7"
    head = spell.integer(4) + spell.integer(1) + spell.string(b"V 3") + spell.string(b"nn.DataParallelTable")
    path.write_bytes(head + spell.integer(3) + spell.integer(2) + spell.integer(0) + fields)
    found = t7.read(moved(path, tmp_path, "cpu")).value
    assert found.kind == "nn.Identity"
    weight = found.fields.strings["weight"]
    assert weight.kind == "torch.FloatTensor"
    assert weight.storage.kind == "torch.FloatStorage"
    assert weight.storage.count == 1


def test_numbers_become_half_and_single(tmp_path):
    path = ROOT / "data_tensor_types" / "model.t7"
    there = moved(path, tmp_path, "cuda:0", numbers="half")
    kinds = {kind for kind, _ in numbers(there)}
    assert "float32" not in kinds
    assert "float64" not in kinds
    again = {kind for kind, _ in numbers(moved(there, tmp_path, "cpu", numbers="float"))}
    assert "float16" not in again


def test_numbers_of_a_text_file_are_not_changed():
    with pytest.raises(Diagnostic) as refusal:
        plan(ROOT / "cudnn_cnn_ascii" / "model.t7", Request("cpu", numbers="half"))
    assert refusal.value.code == "ascii-numbers"


@pytest.mark.parametrize("name", ["cudnn_conv", "cudnn_cnn_ascii"])
def test_no_truncation_and_no_flipped_byte_is_a_fault_of_ours(name, tmp_path):
    raw, bad = (ROOT / name / "model.t7").read_bytes(), tmp_path / "bad.t7"
    for at in range(0, len(raw), 29):
        for damaged in (raw[:at], raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]):
            bad.write_bytes(damaged)
            with suppress(Diagnostic):
                plan(bad, Request("cpu"))


def test_strings_of_the_user_do_not_change(tmp_path):
    spell = t7file.Spelling()
    path = tmp_path / "model.t7"
    pairs = spell.value("_type") + spell.value("torch.CudaTensor")
    path.write_bytes(spell.integer(3) + spell.integer(1) + spell.integer(1) + pairs)
    assert plan(path, Request("cpu")).unchanged


def test_deep_nesting_is_no_fault_of_ours(tmp_path):
    spell, depth = t7file.Spelling(), 20_000
    body = b"".join(
        spell.integer(3) + spell.integer(index) + spell.integer(1) + spell.value(1.0) for index in range(1, depth)
    )
    path: Path = tmp_path / "deep.t7"
    path.write_bytes(body + spell.integer(0))
    assert plan(path, Request("cpu")).unchanged
