"""An average image beside a network: told, carried by the ONNX file and by a registry's entry, never dropped."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from caffe_files import blob
from cli import run

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import feeds
from zoo.catalog.registry import load

NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }
layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { pool: AVE global_pooling: true } }
"""
MEANS = [104.0, 117.0, 123.0]


def files(tmp_path, average, text=NET):
    graph, mean = tmp_path / "net.prototxt", tmp_path / "mean.binaryproto"
    graph.write_text(text)
    mean.write_bytes(blob(average.astype(np.float32)[None], legacy=True))
    return graph, mean


def even(size=(6, 7)):
    return np.broadcast_to(np.array(MEANS).reshape(3, 1, 1), (3, *size))


def uneven():
    average = even().copy()
    average[:, 0, 0] += 6
    average[:, -1, -1] -= 6
    return average


def converted(tmp_path, sources):
    out = tmp_path / "net.onnx"
    report = converters.convert(list(sources), "onnx", out)
    return onnx.load(out), report


def test_the_onnx_file_says_the_mean_and_its_graph_is_the_same(tmp_path):
    graph, mean = files(tmp_path, even())
    without, _ = converted(tmp_path, [graph])
    model, report = converted(tmp_path, [graph, mean])
    assert model.graph == without.graph
    props = {entry.key: entry.value for entry in model.metadata_props}
    (spec,) = json.loads(props["zoo.inputs"])
    assert spec == {
        "name": "data",
        "shape": ["N", 3, 4, 5],
        "layout": "NCHW",
        "range": [0, 255],
        "color": "BGR",
        "mean": MEANS,
    }
    assert "zoo.source.sha256.mean" in props
    assert any("mean.binaryproto, 3x6x7, is subtracted" in note for note in report.notes)


def test_a_mean_that_differs_from_pixel_to_pixel_is_said_to(tmp_path):
    model, report = converted(tmp_path, files(tmp_path, uneven()))
    (spec,) = json.loads({entry.key: entry.value for entry in model.metadata_props}["zoo.inputs"])
    assert spec["mean"] == MEANS
    assert "differs from pixel to pixel" in spec["note"]
    assert any("differs from pixel to pixel" in note for note in report.notes)


@pytest.mark.parametrize("average", [np.ones((1, 4, 5)), np.ones((4, 4, 5))])
def test_a_mean_of_other_channels_than_any_input_is_refused(tmp_path, average):
    graph, mean = files(tmp_path, average)
    with pytest.raises(Diagnostic) as caught:
        converters.read([graph, mean])
    assert (caught.value.code, caught.value.exit_status) == ("mean-misfit", 3)
    assert "data [1, 3, 4, 5]" in caught.value.message


@pytest.mark.parametrize("average", [np.ones((3, 0, 5)), np.full((3, 4, 5), np.nan), np.full((3, 4, 5), np.inf)])
def test_a_mean_without_numbers_is_refused(tmp_path, average):
    with pytest.raises(Diagnostic) as caught:
        converters.read(list(files(tmp_path, average)))
    assert caught.value.exit_status == 3


def test_a_mean_cut_at_every_64th_byte_is_refused(tmp_path):
    graph, mean = files(tmp_path, uneven())
    whole = mean.read_bytes()
    for end in range(0, len(whole), 64):
        mean.write_bytes(whole[:end])
        with pytest.raises(Diagnostic):
            converters.read([graph, mean])


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_in_a_mean_are_refused_or_change_numbers_only(tmp_path, seed):
    rng = np.random.default_rng(seed)
    graph, mean = files(tmp_path, uneven())
    whole = mean.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for position in rng.integers(0, 40, 3):
            data[position] ^= 1 << int(rng.integers(8))
        mean.write_bytes(bytes(data))
        try:
            found = converters.read([graph, mean])
        except Diagnostic:
            continue
        (spec,) = json.loads(found.report.metadata["zoo.inputs"])
        assert len(spec["mean"]) == 3


def test_an_entry_made_of_a_network_and_its_mean_is_fed_with_it(tmp_path):
    graph, mean = files(tmp_path, even())
    target = tmp_path / "own.yaml"
    assert run("registry", "add", str(graph), str(mean), "--id", "net@caffe", "--to", str(target)).status == 0
    entry = load(target).entries["net@caffe"]
    (spec,) = entry.inputs
    assert (spec.name, spec.color, list(spec.mean)) == ("data", "BGR", MEANS)
    assert {file.role for file in entry.files} == {"graph", "mean"}
    picture = np.zeros((1, 3, 4, 5), np.float32)
    fed = feeds.apply(spec, picture)
    np.testing.assert_array_equal(fed[0, :, 0, 0], np.negative(MEANS))


def test_an_entry_without_a_mean_says_nothing_of_its_inputs(tmp_path):
    graph, _ = files(tmp_path, even())
    target = tmp_path / "own.yaml"
    assert run("registry", "add", str(graph), "--id", "net@caffe", "--to", str(target)).status == 0
    assert load(target).entries["net@caffe"].inputs == ()
