"""MXNet files of every version: the context of each array changes and nothing else."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from checkpoints import ARRAYS, params

from zoo.diagnostics import Diagnostic
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan


def moved(path, to, **options):
    out = path.with_suffix(f".{to.replace(':', '')}")
    apply(plan(path, Request(to, **options)), path, out, durable=False)
    return out


@pytest.mark.parametrize("name", ARRAYS)
def test_every_version_moves_there_and_back(tmp_path, name):
    path = tmp_path / "a.params"
    path.write_bytes(params([ARRAYS[name](2, 3), ARRAYS[name](1, 0)], ["arg:w", "aux:gpu(3)"]))
    there = moved(path, "cpu")
    assert there.read_bytes() == params([ARRAYS[name](1, 0)] * 2, ["arg:w", "aux:gpu(3)"])
    assert moved(there, "cuda:3").read_bytes() == params([ARRAYS[name](2, 3)] * 2, ["arg:w", "aux:gpu(3)"])


def test_the_plan_counts_arrays_by_device(tmp_path):
    path = tmp_path / "a.params"
    path.write_bytes(params([ARRAYS["version 2"](2, 0), ARRAYS["version 2"](2, 1), ARRAYS["version 2"](1, 0)], []))
    made = plan(path, Request(None, {"cuda:1": "cuda:0"}))
    assert made.before == {"cuda:0": 1, "cuda:1": 1, "cpu": 1}
    assert made.after == {"cuda:0": 2, "cpu": 1}
    assert sum(end - start for start, end, _ in made.patches()) == 8


def test_pinned_memory_is_the_cpus(tmp_path):
    path = tmp_path / "a.params"
    path.write_bytes(params([ARRAYS["version 2"](3, 0)], []))
    assert plan(path, Request("cpu")).unchanged


def test_an_array_without_content_has_no_device(tmp_path):
    path = tmp_path / "a.params"
    path.write_bytes(params([struct.pack("<Iii", 0xF993FAC9, 0, 0)], ["none"]))
    assert plan(path, Request("cpu")).before == {}


@pytest.mark.parametrize("name", ARRAYS)
def test_no_truncation_and_no_flipped_byte_is_a_fault_of_ours(tmp_path, name):
    raw, bad = params([ARRAYS[name](2, 0)], ["w"]), tmp_path / "bad.params"
    for at in range(8, len(raw)):
        bad.write_bytes(raw[:at])
        with pytest.raises(Diagnostic):
            plan(bad, Request("cpu"))
        bad.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        with suppress(Diagnostic):
            plan(bad, Request("cpu"))


def test_a_device_that_mxnet_does_not_know_is_refused(tmp_path):
    path = tmp_path / "a.params"
    path.write_bytes(params([ARRAYS["version 2"](9, 0)], []))
    with pytest.raises(Diagnostic, match="which MXNet does not know"):
        plan(path, Request("cpu"))
