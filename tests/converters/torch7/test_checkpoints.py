"""Files that are tables, shapes that follow from the file, and modules that cannot be unrolled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from torch7_goldens import ROOT

import converters
from converters.diagnostic import Diagnostic
from converters.outputs import whole
from converters.torch7.classes import container, module
from converters.torch7.saving import Floats, Listed, Longs, Made, Saved, save
from converters.weights import ArrayWeight

goldens = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")


def write(path: Path, value: Saved) -> Path:
    with whole(path) as sink:
        save(value, sink)
    return path


def ones(*shape: int) -> Floats:
    return Floats(ArrayWeight(np.ones(shape, np.float32)))


def linear(out: int, inputs: int) -> Made:
    return module("nn.Linear", {"weight": ones(out, inputs), "bias": ones(out)})


def convolution(planes: int, out: int, size: int) -> Made:
    window = {"kW": size, "kH": size, "dW": 1, "dH": 1, "padW": 0, "padH": 0}
    fields = {"nInputPlane": planes, "nOutputPlane": out, **window, "weight": ones(out, planes, size, size)}
    return module("nn.SpatialConvolution", fields)


def view(*size: int, dims: int) -> Made:
    return module("nn.View", {"size": Longs(size), "numElements": int(np.prod(size)), "numInputDims": dims})


def shape(model: converters.Model) -> list[object]:
    return [dim if isinstance(dim, int) else str(dim) for dim in model.ir.graph.inputs[0].shape]


@goldens
@pytest.mark.parametrize(("name", "key"), [("checkpoint_nested", "state.net"), ("checkpoint_array", "1")])
def test_a_key_picks_the_model_and_the_only_model_needs_none(name, key):
    path = ROOT / name / "model.t7"
    size = {"input": tuple(np.load(ROOT / name / "input.npy").shape)}
    found = converters.read([path], converters.Options(inputs=size))
    picked = converters.read([path], converters.Options(inputs=size, key=key))
    assert f'the model is the value under "{key}"' in found.report.notes
    assert [node.op_type for node in picked.ir.graph] == [node.op_type for node in found.ir.graph]


@goldens
@pytest.mark.parametrize(("name", "told"), [("ser_bigendian", False), ("ser_long32", False), ("ser_double_cnn", True)])
def test_only_numbers_of_another_size_are_said_to_become_float32(name, told):
    """The order of bytes is no rounding."""
    size = {"input": tuple(np.load(ROOT / name / "input.npy").shape)}
    model = converters.read([ROOT / name / "model.t7"], converters.Options(inputs=size))
    assert any("become float32" in note for note in model.report.notes) == told


def test_several_models_are_listed_and_none_is_guessed(tmp_path):
    path = write(tmp_path / "x.t7", Listed((linear(2, 3), linear(3, 4))))
    with pytest.raises(Diagnostic) as refusal:
        converters.read([path])
    assert refusal.value.code == "several-modules"
    assert refusal.value.details == ("1: nn.Linear", "2: nn.Linear")
    assert shape(converters.read([path], converters.Options(key="2"))) == ["N", 4]


def test_a_wrong_key_is_answered_with_the_right_ones(tmp_path):
    path = write(tmp_path / "x.t7", Listed((linear(2, 3), 7)))
    with pytest.raises(Diagnostic, match='nothing under "model"') as refusal:
        converters.read([path], converters.Options(key="model"))
    assert refusal.value.hint == "there are: 1, 2"
    with pytest.raises(Diagnostic, match="is a number, not a module"):
        converters.read([path], converters.Options(key="2"))


def test_a_key_for_a_format_without_keys_is_refused(tmp_path):
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    path = tmp_path / "x.onnx"
    onnx.save(model, path)
    with pytest.raises(Diagnostic):
        converters.convert([path], "npy", tmp_path / "x.npy", options=converters.Options(key="a"))


def test_a_bare_tensor_becomes_npy_and_no_model(tmp_path):
    path = write(tmp_path / "x.t7", ones(2, 3))
    out = tmp_path / "x.npy"
    converters.convert([path], "npy", out)
    np.testing.assert_array_equal(np.load(out), np.ones((2, 3), np.float32))
    with pytest.raises(Diagnostic, match=r"torch\.FloatTensor of size 2x3") as refusal:
        converters.read([path])
    assert "--to npy" in str(refusal.value.hint)


def test_the_first_linear_gives_the_shape(tmp_path):
    path = write(tmp_path / "x.t7", container("nn.Sequential", (linear(2, 5), linear(3, 2))))
    model = converters.read([path])
    assert shape(model) == ["N", 5]
    assert any("the first layer is a Linear" in note for note in model.report.notes)


def test_a_view_behind_convolutions_gives_the_shape(tmp_path):
    """28 - 5 + 1 = 24, so 2 planes make 1152 values."""
    net = container("nn.Sequential", (convolution(1, 2, 5), view(2 * 24 * 24, dims=3), linear(3, 2 * 24 * 24)))
    model = converters.read([write(tmp_path / "x.t7", net)])
    assert shape(model) == ["N", 1, 28, 28]
    assert any("28 is the first that every layer accepts" in note for note in model.report.notes)


def test_a_network_of_any_size_asks_for_the_shape(tmp_path):
    path = write(tmp_path / "x.t7", container("nn.Sequential", (convolution(3, 2, 5),)))
    with pytest.raises(Diagnostic) as refusal:
        converters.read([path])
    assert refusal.value.code == "input-shape-missing"
    assert shape(converters.read([path], converters.Options(inputs={"": (1, 3, 9, 8)}))) == ["N", 3, 9, 8]


def test_an_input_without_a_batch_keeps_its_channels(tmp_path):
    path = write(tmp_path / "x.t7", container("nn.Sequential", (convolution(3, 2, 5),)))
    model = converters.read([path], converters.Options(inputs={"": (3, 9, 8)}))
    assert shape(model) == [3, 9, 8]


def test_modules_nested_too_deep_are_refused(tmp_path):
    net = linear(2, 2)
    for _ in range(3000):
        net = container("nn.Sequential", (net,))
    with pytest.raises(Diagnostic, match="nested more than"):
        converters.read([write(tmp_path / "x.t7", net)])


def test_modules_shared_so_that_they_multiply_are_refused(tmp_path):
    net = linear(2, 2)
    for _ in range(40):
        net = container("nn.Sequential", (net, net))
    with pytest.raises(Diagnostic, match="unrolled into more than"):
        converters.read([write(tmp_path / "x.t7", net)], converters.Options(inputs={"": (1, 2)}))


def test_a_module_that_contains_itself_is_refused(tmp_path):
    path = write(tmp_path / "x.t7", container("nn.Sequential", (container("nn.Sequential", (linear(2, 2),)),)))
    content = path.read_bytes()
    inner = content.index(b"nn.Sequential", content.index(b"nn.Sequential") + 1)
    start = content.rindex(b"\x04\0\0\0", 0, inner - 12)
    path.write_bytes(content[:start] + b"\x04\0\0\0\x01\0\0\0" + bytes(len(content)))
    with pytest.raises(Diagnostic):
        converters.read([path], converters.Options(inputs={"": (1, 2)}))


def test_stochastic_modules_are_refused_and_training_ones_dropped_with_a_reason(tmp_path):
    plain = {"p": 0.5, "v2": True, "noise": Floats()}
    drop = module("nn.Dropout", {**plain, "stochastic_inference": False})
    model = converters.read([write(tmp_path / "a.t7", container("nn.Sequential", (linear(2, 3), drop)))])
    assert model.report.dropped == {"Sequential[2]": "drops values in training only"}
    random = module("nn.Dropout", {**plain, "stochastic_inference": True})
    path = write(tmp_path / "b.t7", container("nn.Sequential", (linear(2, 3), random)))
    with pytest.raises(Diagnostic, match="stochastic_inference") as refusal:
        converters.read([path], converters.Options(inputs={"": (1, 3)}))
    assert "Sequential[2]" in str(refusal.value)


def test_unknown_classes_are_all_named_at_once(tmp_path):
    strange = [module(f"my.Layer{number}", {}) for number in range(3)]
    inner = container("nn.ConcatTable", (strange[1], strange[2]))
    with pytest.raises(Diagnostic) as refusal:
        converters.read([write(tmp_path / "x.t7", container("nn.Sequential", (linear(2, 3), strange[0], inner)))])
    text = str(refusal.value)
    assert all(f"my.Layer{number}" in text for number in range(3))
    assert 'layer "Sequential[3].ConcatTable[2]"' in text
    assert "--cut-at Sequential[1]" in text


def test_a_list_of_the_file_shows_what_is_in_it(tmp_path):
    shared = ones(2, 2)
    net = module("nn.Linear", {"weight": shared})
    path = write(tmp_path / "x.t7", Listed((net, module("nn.Linear", {"weight": shared}), 7, "text")))
    inspection = converters.inspect([path])
    lines = {(entry.name, entry.what) for entry in inspection.tree}
    assert {("1", "nn.Linear"), ("3", "7"), ("4", "text"), ("weight", "the same as 1.weight")} <= lines
    assert [(tensor.name, tensor.shape, tensor.bytes) for tensor in inspection.tensors] == [("1.weight", (2, 2), 16)]
    assert not inspection.checked


def test_a_table_where_one_tensor_is_wanted_is_refused(tmp_path):
    twice = container("nn.ConcatTable", (linear(2, 3), linear(2, 3)))
    path = write(tmp_path / "x.t7", container("nn.Sequential", (twice, linear(2, 2))))
    with pytest.raises(Diagnostic, match="gets a table of 2") as refusal:
        converters.read([path], converters.Options(inputs={"": (1, 3)}))
    assert 'layer "Sequential[2]" (nn.Linear)' in str(refusal.value)
