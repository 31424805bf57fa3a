"""The architecture of weights is the one whose tensors are exactly the file's; everything else is refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from torch_files import Pool, state, weights, write_legacy, write_safetensors, write_zip

import converters
from converters import Options
from converters.diagnostic import Diagnostic
from converters.pytorch.architectures import architectures
from converters.pytorch.network import Network
from converters.pytorch.recognition import recognise

NAMES = list(architectures())


def shapes(name: str, **head: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    network = Network(head)
    architectures()[name].build(network)
    return dict(network.wanted)


@pytest.mark.parametrize("name", [name for name in NAMES if architectures()[name].implied])
def test_every_architecture_is_recognised_by_its_tensors(name):
    assert recognise(shapes(name), None, "x").name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_can_be_named(name):
    found = recognise(shapes(name), name, "x")
    assert (found.name, set(found.network.wanted)) == (name, set(found.tensors))


def test_those_that_must_be_named_have_a_twin():
    silent = [name for name in NAMES if not architectures()[name].implied]
    assert silent
    for name in silent:
        assert recognise(shapes(name), None, "x").name == name.removesuffix("_untransformed")


@pytest.mark.parametrize("prefix", ["module.", "model.", "module.net."])
def test_prefixes_of_wrappers_are_no_obstacle(prefix):
    given = {f"{prefix}{name}": shape for name, shape in shapes("resnet18").items()}
    found = recognise(given, None, "x")
    assert found.name == "resnet18"
    assert found.tensors["conv1.weight"] == f"{prefix}conv1.weight"


def test_counters_are_ignored_and_nothing_else_is():
    given = shapes("resnet18") | {"bn1.num_batches_tracked": ()}
    assert recognise(given, None, "x").name == "resnet18"
    with pytest.raises(Diagnostic, match=r"resnet18: 1 tensors differ, the first: extra\.weight: in the file only"):
        recognise(given | {"extra.weight": (3,)}, None, "x")


def test_a_missing_weight_is_refused_by_name():
    given = shapes("resnet18")
    del given["layer3.0.bn2.bias"]
    with pytest.raises(Diagnostic, match=r"layer3\.0\.bn2\.bias: resnet18 wants \[256\], the file has none"):
        recognise(given, None, "x")


def test_a_weight_of_another_shape_is_refused_by_name():
    given = shapes("resnet18") | {"layer3.0.conv1.weight": (256, 128, 1, 1)}
    with pytest.raises(Diagnostic, match=r"wants \[256, 128, 3, 3\], the file has \[256, 128, 1, 1\]"):
        recognise(given, "resnet18", "x")


def test_a_wrong_name_is_refused_with_all_that_differs():
    with pytest.raises(Diagnostic) as caught:
        recognise(shapes("resnet18"), "resnet50", "x")
    assert caught.value.code == "weights-mismatch"
    assert len(caught.value.details) == 101


def test_a_name_that_nobody_knows_is_refused_with_similar_ones():
    with pytest.raises(Diagnostic, match="similar: resnet50"):
        recognise(shapes("resnet18"), "resnet5", "x")


@pytest.mark.parametrize("classes", [1, 2, 21841])
def test_any_number_of_classes_is_the_same_architecture(classes):
    given = shapes("resnet18") | {"fc.weight": (classes, 512), "fc.bias": (classes,)}
    assert recognise(given, None, "x").network.wanted["fc.bias"] == (classes,)
    with pytest.raises(Diagnostic):
        recognise(given | {"fc.bias": (classes + 1,)}, None, "x")


def test_old_names_of_densenet_are_todays():
    import re

    today = shapes("densenet121")
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): shape for name, shape in today.items()}
    assert old.keys() != today.keys()
    found = recognise(old, None, "x")
    assert found.tensors["features.denseblock1.denselayer1.norm1.weight"].endswith("denselayer1.norm.1.weight")


@pytest.mark.parametrize(
    "size", [(224, 224), (96, 160)], ids=["as trained", "another"]
)  # fmt: skip
def test_the_smallest_network_converts_from_every_container(tmp_path, size):
    arrays = weights("squeezenet1_1", classes=7)
    pool = Pool()
    old = Pool(view=True)
    files = [
        write_zip(tmp_path / "a.pth", {"state_dict": state(arrays, pool)}, pool),
        write_legacy(tmp_path / "b.pth", state(arrays, old), old),
        write_safetensors(tmp_path / "c.safetensors", arrays),
    ]
    made = []
    for path in files:
        out = path.with_suffix(".onnx")
        report = converters.convert([path], "onnx", out, options=Options(inputs={"x": ("N", 3, *size)}))
        assert report.notes == ["the architecture is squeezenet1_1, by its tensors"]
        model = onnx.load(out)
        onnx.checker.check_model(model, full_check=True)
        made.append([onnx.numpy_helper.to_array(tensor).tobytes() for tensor in model.graph.initializer])
    assert made[0] == made[1] == made[2]
    assert [dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim][1:] == [7]


def test_half_precision_is_read_as_load_state_dict_does(tmp_path):
    arrays = {name: array.astype(np.float16) for name, array in weights("squeezenet1_1").items()}
    pool = Pool()
    path = write_zip(tmp_path / "a.pth", state(arrays, pool), pool)
    report = converters.convert([path], "onnx", tmp_path / "o.onnx")
    assert "float16 are read as float32" in report.notes[1]
    first = onnx.load(tmp_path / "o.onnx").graph.initializer[0]
    assert np.array_equal(onnx.numpy_helper.to_array(first), arrays["features.0.weight"].astype(np.float32))


def test_weights_that_are_no_real_numbers_are_refused(tmp_path):
    arrays = {name: (array * 9).astype(np.int8) for name, array in weights("squeezenet1_1").items()}
    pool = Pool()
    with pytest.raises(Diagnostic, match="52 weights are no floating-point numbers"):
        converters.convert([write_zip(tmp_path / "a", state(arrays, pool), pool)], "onnx", tmp_path / "o.onnx")


def test_quantised_weights_are_refused_by_name(tmp_path):
    from torch_files import Call, Name

    pool = Pool()
    tree = state(weights("squeezenet1_1"), pool)
    call = tree["features.0.bias"]
    scheme = (Name("torch", "per_tensor_affine"), 1, 0)
    tree["features.0.bias"] = Call(Name("torch._utils", "_rebuild_qtensor"), (*call.arguments[:4], scheme, False, {}))
    path = write_zip(tmp_path / "a", tree, pool)
    with pytest.raises(Diagnostic, match=r"features\.0\.bias: per_tensor_affine") as caught:
        converters.convert([path], "onnx", tmp_path / "o.onnx")
    assert caught.value.code == "quantised-weights"


def test_counters_are_dropped_with_the_reason(tmp_path):
    arrays = weights("shufflenet_v2_x0_5") | {"conv1.1.num_batches_tracked": np.array(3, np.int64)}
    pool = Pool()
    report = converters.convert([write_zip(tmp_path / "a", state(arrays, pool), pool)], "onnx", tmp_path / "o.onnx")
    assert report.dropped["conv1.1.num_batches_tracked"] == "counts training steps; not used at inference"


def test_converting_twice_gives_identical_bytes(tmp_path):
    pool = Pool()
    path = write_zip(tmp_path / "a", state(weights("mobilenet_v3_small"), pool), pool)
    for name in ("1.onnx", "2.onnx"):
        converters.convert([path], "onnx", tmp_path / name)
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()
