"""Hostile checkpoints are refused with a Diagnostic; nothing in them runs, and memory stays flat."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from torch_files import Pool, state, write_legacy, write_safetensors, write_tar, write_zip
from torch_hostile import CORPUS, ONES, SIGN

import converters
from converters.diagnostic import Diagnostic

MOST = 32 << 20  # bytes of Python memory, far less than the corpus would like


@pytest.mark.parametrize("name", CORPUS)
def test_each_of_the_corpus_is_refused_for_what_it_is(tmp_path, name):
    path = tmp_path / "net.pth"
    code, words = CORPUS[name](path)
    tracemalloc.start()
    try:
        with pytest.raises(Diagnostic) as caught:
            list_and_convert(path, tmp_path / "net.onnx")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (caught.value.code, caught.value.exit_status) == (code, 3), str(caught.value)
    assert words in str(caught.value)
    assert peak < MOST
    assert not Path(SIGN).exists()
    assert not (tmp_path / "net.onnx").exists()


def list_and_convert(path, out):
    """A listing that works may still leave the conversion to refuse."""
    found = converters.inspect([path])
    if found.tensors:
        pytest.fail(f"lists {found.tensors}")
    converters.convert([path], "onnx", out)


def zip_file(path):
    pool = Pool()
    return write_zip(path, state({"a": ONES, "b": ONES}, pool), pool)


def legacy_file(path):
    pool = Pool(view=True)
    return write_legacy(path, state({"a": ONES, "b": ONES}, pool), pool)


WRITERS = [
    zip_file,
    legacy_file,
    lambda path: write_tar(path, {"a": ONES, "b": ONES}),
    lambda path: write_safetensors(path, {"a": ONES, "b": ONES}),
]
IDS = ["zip", "legacy", "tar", "safetensors"]


@pytest.mark.parametrize("write", WRITERS, ids=IDS)
def test_every_truncation_is_a_diagnostic(tmp_path, write):
    whole = write(tmp_path / "whole.pth").read_bytes()
    whole = whole[:12_000]  # the rest of a tar archive is padding
    path = tmp_path / "cut.pth"
    for end in range(0, len(whole), 3):
        path.write_bytes(whole[:end])
        read_or_refuse(path)


@pytest.mark.parametrize("write", WRITERS, ids=IDS)
def test_every_flipped_byte_is_tensors_or_a_diagnostic(tmp_path, write):
    whole = bytearray(write(tmp_path / "whole.pth").read_bytes())
    rng = np.random.default_rng(0)
    path = tmp_path / "flipped.pth"
    for place in rng.integers(0, min(len(whole), 6000), 400):
        before = whole[place]
        whole[place] = rng.integers(0, 256)
        path.write_bytes(whole)
        read_or_refuse(path)
        whole[place] = before


def read_or_refuse(path):
    try:
        found = converters.inspect([path])
    except Diagnostic:
        return
    assert sum(tensor.bytes for tensor in found.tensors) <= 16 * max(path.stat().st_size, 1 << 16)
