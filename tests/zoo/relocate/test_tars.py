"""The tar of PyTorch's first releases: devices, classes of the GPU, and headers that follow."""

from __future__ import annotations

import io
import struct
import tarfile

import pytest
from checkpoints import pickled, tar, text

from zoo.diagnostics import Diagnostic
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan


def members(device, module):
    storage = pickled(b"K\x07" + text(device) + b"ctorch\nFloatStorage\n\x87")
    tensor = pickled(b"K\x01K\x07" + f"c{module}\nFloatTensor\n".encode() + b"\x87")
    shape = struct.pack("<iiqqq", 1, 0, 2, 1, 0)
    storages = pickled(b"K\x01") + storage + struct.pack("<q", 2) + bytes(range(8)) + pickled(b"]")
    return [
        ("storages", storages),
        ("tensors", pickled(b"K\x01") + tensor + shape),
        ("pickle", pickled(b"}") + bytes(500)),
    ]


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "a.pth"
    made.write_bytes(tar(members("cuda:0", "torch.cuda")))
    return made


def test_devices_and_classes_move_to_the_cpu(path, tmp_path):
    out = tmp_path / "out.pth"
    made = plan(path, Request("cpu"))
    assert (made.before, made.after) == ({"cuda:0": 1}, {"cpu": 1})
    apply(made, path, out, durable=False)
    assert out.read_bytes() == tar(members("cpu", "torch"))
    with tarfile.open(fileobj=io.BytesIO(out.read_bytes())) as archive:
        assert archive.getnames() == ["storages", "tensors", "pickle"]


def test_a_member_that_grows_past_a_block_moves_the_rest(tmp_path):
    path, out = tmp_path / "a.pth", tmp_path / "b.pth"
    parts = dict(members("cpu", "torch"))
    for extra in range(512):
        path.write_bytes(tar([("storages", parts["storages"] + bytes(extra)), *list(parts.items())[1:]]))
        apply(plan(path, Request("cuda:0")), path, out, durable=False)
        with tarfile.open(out) as archive:
            assert archive.extractfile("pickle").read() == parts["pickle"]
        apply(plan(out, Request("cpu")), out, tmp_path / "c.pth", durable=False)
        assert (tmp_path / "c.pth").read_bytes() == path.read_bytes()


def test_no_truncation_is_a_fault_of_ours(path, tmp_path):
    raw, cut = path.read_bytes(), tmp_path / "cut"
    for length in range(0, len(raw) - 1024, 7):
        cut.write_bytes(raw[:length])
        with pytest.raises(Diagnostic):
            plan(cut, Request("cpu"))


def test_a_tar_of_something_else_is_refused(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar([("readme", b"hello")]))
    with pytest.raises(Diagnostic, match="no checkpoint of PyTorch"):
        plan(path, Request("cpu"))
