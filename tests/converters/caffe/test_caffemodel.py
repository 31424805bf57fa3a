"""The binary weights: every way in which Caffe and its ancestors wrote a blob, and damage with its place."""

from __future__ import annotations

import numpy as np
import pytest
from caffe_files import blob, field, stored_layer, varint, write_caffemodel

from converters.caffe import caffemodel
from converters.diagnostic import Diagnostic

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def read(tmp_path, content):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    return caffemodel.read(path)


def refusal(tmp_path, content):
    with pytest.raises(Diagnostic) as caught:
        read(tmp_path, content)
    return caught.value


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_blobs_are_read_however_they_are_written(tmp_path, generation, packed, double):
    layers = {"conv": [VALUES, np.float32([7])]}
    path = write_caffemodel(tmp_path / "w", layers, generation=generation, packed=packed, double=double)
    (layer,) = caffemodel.read(path)
    assert layer.name == "conv"
    assert [weight.shape for weight in layer.blobs] == [(2, 3, 4), (1,)]
    assert np.array_equal(layer.blobs[0].array(), VALUES)
    assert layer.blobs[0].array().dtype == np.float32


def test_the_old_shape_of_four_numbers_is_kept_as_it_is(tmp_path):
    path = write_caffemodel(tmp_path / "w", {"fc": [VALUES[0]]}, legacy=True)
    assert caffemodel.read(path)[0].blobs[0].shape == (1, 1, 3, 4)


def test_a_v0_layer_hides_its_name_and_blobs_in_a_nested_message(tmp_path):
    nested = field(1, field(1, b"conv1") + field(50, blob(VALUES)))
    (layer,) = read(tmp_path, field(2, nested + field(2, b"data") + field(3, b"conv1")))
    assert (layer.name, layer.bottoms, layer.tops) == ("conv1", ("data",), ("conv1",))
    assert np.array_equal(layer.blobs[0].array(), VALUES)


def test_topology_is_read_beside_the_blobs(tmp_path):
    (layer,) = read(tmp_path, stored_layer("a", [], ["x", "y"], ["z"]))
    assert (layer.bottoms, layer.tops, layer.blobs) == (("x", "y"), ("z",), ())


def test_a_blob_in_several_packed_pieces_is_one(tmp_path):
    halves = VALUES.tobytes()[:40], VALUES.tobytes()[40:]
    shape = field(7, field(1, b"".join(map(varint, VALUES.shape))))
    content = field(100, field(1, b"a") + field(7, shape + field(5, halves[0]) + field(5, halves[1])))
    assert np.array_equal(read(tmp_path, content)[0].blobs[0].array(), VALUES)


def test_dimensions_may_stand_one_by_one(tmp_path):
    shape = field(7, b"".join(varint(8) + varint(dim) for dim in VALUES.shape))
    content = field(100, field(1, b"a") + field(7, shape + field(5, VALUES.tobytes())))
    assert read(tmp_path, content)[0].blobs[0].shape == VALUES.shape


def test_names_that_are_not_utf_8_are_read(tmp_path):
    (layer,) = read(tmp_path, field(100, field(1, "卷积".encode("gbk"))))
    assert layer.name.encode("latin-1").decode("gbk") == "卷积"


def test_unknown_fields_of_forks_are_stepped_over(tmp_path):
    odd = (
        field(9999, b"fork")
        + varint(777 << 3)
        + varint(5)
        + varint(778 << 3 | 5)
        + b"abcd"
        + varint(779 << 3 | 1)
        + b"8" * 8
    )
    content = odd + field(100, field(1, b"a") + odd + field(7, blob(VALUES) + odd))
    assert np.array_equal(read(tmp_path, content)[0].blobs[0].array(), VALUES)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (field(1, b"name only"), "not-a-caffemodel"),
        (field(100, field(7, field(7, field(1, varint(3))) + field(5, b"\0" * 8))), "damaged-file"),
        (field(100, field(7, field(7, field(1, varint(3))))), "stripped-weights"),
        (field(100, field(7, field(7, field(1, varint(1) * 33)))), "damaged-file"),
        (field(100, field(7, varint(7 << 3 | 2) + varint(2**63))), "damaged-file"),
        (varint(100 << 3 | 3), "damaged-file"),
        (varint(0), "damaged-file"),
        (b"\xff" * 11, "damaged-file"),
    ],
)
def test_what_cannot_be_is_refused_by_code(tmp_path, content, code):
    assert refusal(tmp_path, content).code == code


def test_damage_names_the_byte(tmp_path):
    good = stored_layer("a", [VALUES])
    fault = refusal(tmp_path, good + field(100, field(7, field(7, field(1, varint(9))) + field(5, b"\0" * 4))))
    assert fault.where.byte is not None
    assert fault.where.byte > len(good)


def test_an_average_image_loses_its_leading_one(tmp_path):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(blob(VALUES, legacy=True))
    assert np.array_equal(caffemodel.average(path).array(), VALUES)
