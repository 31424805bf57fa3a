"""Lazy weights: the same numbers whether they are computed with or streamed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import weights
from converters.diagnostic import Diagnostic
from converters.weights import ArrayWeight, ComputedWeight, FileWeight, cast, nbytes, reshaped

F4 = np.dtype("<f4")


def stored(path, values, pieces=None):
    path.write_bytes(b"head" + values.tobytes())
    return FileWeight(path, pieces or ((4, values.nbytes),), values.shape, values.dtype)


def test_a_file_weight_streams_what_it_reads(tmp_path):
    values = np.arange(24, dtype=F4).reshape(2, 3, 4)
    weight = stored(tmp_path / "w", values)
    assert b"".join(weight.chunks()) == values.tobytes()
    assert np.array_equal(weight.array(), values)


def test_pieces_join_in_their_order(tmp_path):
    values = np.arange(6, dtype=F4)
    weight = stored(tmp_path / "w", values, pieces=((4 + 8, 16), (4, 8)))
    assert weight.array().tolist() == [2, 3, 4, 5, 0, 1]


def test_chunks_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "CHUNK", 16)
    weight = stored(tmp_path / "w", np.arange(10, dtype=F4))
    assert [len(chunk) for chunk in weight.chunks()] == [16, 16, 8]


def test_a_file_that_became_shorter_is_refused_while_it_is_read(tmp_path):
    weight = stored(tmp_path / "w", np.arange(10, dtype=F4))
    (tmp_path / "w").write_bytes(b"head")
    with pytest.raises(Diagnostic, match="shorter"):
        weight.array()


def test_arrays_are_read_only(tmp_path):
    for weight in (ArrayWeight(np.zeros(3, F4)), ComputedWeight((3,), F4, lambda: np.zeros(3))):
        with pytest.raises(ValueError, match="read-only"):
            weight.array()[0] = 1


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
def test_a_cast_weight_streams_the_cast_numbers(numbers):
    values = np.array(numbers, np.float64)
    weight = cast(ArrayWeight(values), F4)
    assert b"".join(weight.chunks()) == values.astype(F4).tobytes()
    assert nbytes(weight) == 4 * len(numbers)


def test_a_reshaped_weight_keeps_its_bytes(tmp_path):
    weight = stored(tmp_path / "w", np.arange(6, dtype=F4))
    other = reshaped(weight, (3, 2))
    assert other.array().tolist() == [[0, 1], [2, 3], [4, 5]]
    assert b"".join(other.chunks()) == b"".join(weight.chunks())


def test_big_endian_arrays_stream_little_endian():
    assert b"".join(ArrayWeight(np.array([1.0], ">f4")).chunks()) == np.array([1.0], "<f4").tobytes()
