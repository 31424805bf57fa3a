"""Parameter files of every version, device and storage; whatever else they hold is refused at its byte."""

from __future__ import annotations

import struct
from contextlib import suppress

import mxnet_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.diagnostic import Diagnostic
from converters.mxnet import params
from converters.weights import FileWeight


def read(folder, body):
    path = folder / "net.params"
    path.write_bytes(body)
    return params.read(path)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("device", [(1, 0), (2, 3), (5, 0), (99, -1)])
def test_every_version_gives_the_same_numbers_from_every_device(tmp_path, version, device):
    arrays = {"arg:w": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "aux:mean": np.array([1.5], np.float32)}
    found = read(tmp_path, files.params(arrays, version=version, device=device))
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[name].array(), array) for name, array in arrays.items())


@pytest.mark.parametrize("dtype", sorted(files.FLAGS))
def test_every_element_type_is_read(tmp_path, dtype):
    array = np.array([0, 1, 1], dtype)
    (found,) = read(tmp_path, files.params({"w": array})).values()
    assert found.dtype == array.dtype
    assert np.array_equal(found.array(), array)


def test_bfloat16_becomes_float32(tmp_path):
    halves = np.array([0x3F80, 0xC040], np.uint16)  # 1 and -3
    (found,) = read(tmp_path, files.listed([files.dense(halves, flag=12)], ["w"])).values()
    assert found.array().tolist() == [1.0, -3.0]
    assert found.dtype == np.float32


def test_row_sparse_arrays_become_dense(tmp_path):
    array = np.zeros((5, 3), np.float32)
    array[[1, 4]] = [[1, 2, 3], [4, 5, 6]]
    (found,) = read(tmp_path, files.listed([files.row_sparse(array, [1, 4])], ["w"])).values()
    assert np.array_equal(found.array(), array)


def test_csr_matrices_become_dense(tmp_path):
    array = np.array([[0, 2, 0], [0, 0, 0], [3, 0, 4]], np.float32)
    (found,) = read(tmp_path, files.listed([files.csr(array)], ["w"])).values()
    assert np.array_equal(found.array(), array)


def test_sparse_indices_outside_are_refused(tmp_path):
    body = files.listed([files.row_sparse(np.ones((5, 3), np.float32), [1, 4])], ["w"])
    (found,) = read(
        tmp_path, body.replace(np.array([1, 4], "<i8").tobytes(), np.array([1, 9], "<i8").tobytes())
    ).values()
    with pytest.raises(Diagnostic, match="lie outside"):
        found.array()


def test_dense_arrays_stay_in_the_file(tmp_path):
    (found,) = read(tmp_path, files.params({"w": np.ones((4, 4), np.float32)})).values()
    assert isinstance(found, FileWeight)


def test_arrays_without_content_are_left_out(tmp_path):
    nothing = struct.pack("<Ii", files.V2, 0) + files.shape(())
    found = read(tmp_path, files.listed([nothing, files.dense(np.ones(2, np.float32))], ["gone", "w"]))
    assert list(found) == ["w"]


def test_scalars_exist_in_numpy_semantics_alone(tmp_path):
    (found,) = read(tmp_path, files.params({"w": np.array(2.5, np.float32)}, version=3)).values()
    assert found.shape == ()
    assert float(found.array()) == 2.5


def test_arrays_without_names_are_numbered(tmp_path):
    found = read(tmp_path, files.listed([files.dense(np.ones(2, np.float32))] * 2, []))
    assert list(found) == ["0", "1"]


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    body = files.params({"arg:w": np.ones((2, 3), np.float32), "aux:m": np.ones(2, np.float16)})
    for end in range(1, len(body)):
        with pytest.raises(Diagnostic):
            read(tmp_path, body[:end])


HUGE = struct.pack("<q", 1 << 62)


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<QQQ", 0x112, 0, 1 << 60),
        files.listed(
            [struct.pack("<Ii", files.V2, 0) + struct.pack("<i", 2) + HUGE * 2 + struct.pack("<iii", 1, 0, 0)], []
        ),
        files.listed([struct.pack("<Ii", files.V2, 0) + struct.pack("<i", 1 << 30)], []),
        files.listed([struct.pack("<I", 1 << 31)], []),
        files.listed([struct.pack("<Ii", files.V2, 7) + files.shape((2,))], []),
        files.listed([struct.pack("<Ii", files.V2, 0) + files.shape((2,)) + struct.pack("<iii", 1, 0, 77)], []),
        files.listed([files.dense(np.ones(2, np.float32))], ["a", "b"]),
        files.params({"w": np.ones(2, np.float32)}) + b"more",
        struct.pack("<Q", 0x113) + bytes(40),
    ],
)
def test_impossible_lengths_and_numbers_are_refused(tmp_path, body):
    with pytest.raises(Diagnostic):
        read(tmp_path, body)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_flipped_bits_give_numbers_or_a_diagnostic(tmp_path_factory, data):
    body = bytearray(files.listed([files.csr(np.eye(3, dtype=np.float32)), files.dense(np.ones((2, 3)))], ["s", "d"]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(Diagnostic):
        for weight in read(tmp_path_factory.getbasetemp(), bytes(body)).values():
            weight.array()
