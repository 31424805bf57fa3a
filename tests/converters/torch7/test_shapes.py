"""Shapes that no .t7 file states and that follow from it: sizes that poolings keep, the length of a vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli import run
from torch7_goldens import ROOT, cases

import converters
from converters.diagnostic import Diagnostic
from converters.outputs import whole
from converters.torch7 import checkpoint, t7
from converters.torch7.classes import container, module
from converters.torch7.objects import Object
from converters.torch7.saving import Floats, Longs, Made, save
from converters.torch7.sizes import noted
from converters.weights import ArrayWeight

goldens = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")


def ones(*shape: int) -> Floats:
    return Floats(ArrayWeight(np.ones(shape, np.float32)))


def window(kernel: tuple[int, int], stride: tuple[int, int] = (1, 1), pad: tuple[int, int] = (0, 0)) -> dict:
    """Height first."""
    names = ("kH", "kW", "dH", "dW", "padH", "padW")
    return dict(zip(names, (*kernel, *stride, *pad), strict=True))


def convolution(planes: int, out: int, **fields: object) -> Made:
    weight = ones(out, planes, fields["kH"], fields["kW"])
    return module("nn.SpatialConvolution", {"nInputPlane": planes, "nOutputPlane": out, **fields, "weight": weight})


def pooling(kind: str = "Max", **fields: object) -> Made:
    extra = {} if kind == "Max" else {"divide": True, "count_include_pad": True}
    return module(f"nn.Spatial{kind}Pooling", {"ceil_mode": False, **extra, **fields})


def head(values: int) -> tuple[Made, Made]:
    view = {"size": Longs((values,)), "numElements": values, "numInputDims": 3}
    return module("nn.View", view), module("nn.Linear", {"weight": ones(2, values), "bias": ones(2)})


def read(tmp_path: Path, *layers: Made) -> converters.Model:
    path = tmp_path / "x.t7"
    with whole(path) as sink:
        save(container("nn.Sequential", layers), sink)
    return converters.read([path])


def shape(model: converters.Model) -> list[object]:
    return [dim if isinstance(dim, int) else str(dim) for dim in model.ir.graph.inputs[0].shape]


def note(model: converters.Model) -> str:
    return next(text for text in model.report.notes if "is derived" in text)


def test_a_pooling_that_keeps_its_size_gives_the_images_where_all_strides_are_one(tmp_path):
    """(9 - 3 + 2) + 1 = 9 high, (12 - 4) + 1 = 9 wide."""
    pool = pooling(**window((2, 3), (2, 3)), iheight=9, iwidth=9)
    model = read(tmp_path, convolution(3, 4, **window((3, 4), pad=(1, 0))), module("nn.ReLU", {}), pool)
    assert shape(model) == ["N", 3, 9, 12]
    assert note(model).endswith("the file keeps that nn.SpatialMaxPooling was given 9 x 9 the last time")


def test_a_stride_leaves_several_sizes_and_the_note_says_which(tmp_path):
    """ResNet's beginning: 223 and 224 both give 112."""
    pool = pooling(**window((3, 3), (2, 2), (1, 1)), iheight=112, iwidth=56)
    model = read(tmp_path, convolution(3, 4, **window((7, 7), (2, 2), (3, 3))), pool)
    assert shape(model) == ["N", 3, 224, 112]
    assert "images of 223..224 x 111..112 lead there" in note(model)


@pytest.mark.parametrize("ceil", [False, True])
def test_every_size_that_is_named_leads_to_what_was_kept_and_no_other_does(tmp_path, ceil):
    layers = (
        convolution(1, 2, **window((5, 4), (3, 2), (1, 2))),
        module("nn.SpatialMaxPooling", {**window((3, 2), (2, 3)), "ceil_mode": ceil}),
    )

    def after(size: tuple[int, int]) -> tuple[int, ...]:
        path = tmp_path / "n.t7"
        with whole(path) as sink:
            save(container("nn.Sequential", layers), sink)
        model = converters.read([path], converters.Options(inputs={"": (1, 1, *size)}))
        return tuple(int(str(dim)) for dim in model.ir.graph.outputs[0].shape[2:])

    kept = after((40, 31))
    pool = pooling(**window((2, 2)), iheight=kept[0], iwidth=kept[1])
    path = tmp_path / "x.t7"
    with whole(path) as sink:
        save(container("nn.Sequential", (*layers, pool)), sink)
    module_, _ = checkpoint.model(t7.read(path).value, None, "")
    found = noted(module_)
    assert found is not None
    for axis in (0, 1):
        sizes = [size for size in range(20, 60) if after((size, size))[axis] == kept[axis]]
        assert (sizes[0], sizes[-1]) == found.ranges[axis]


@goldens
def test_the_size_of_the_last_run_is_among_those_that_follow():
    """Of every golden whose first pooling kept one: Torch7's own record of its own input."""
    found = 0
    for case in cases("model"):
        value = t7.read(case.path).value if not case.expect else None
        if not isinstance(value, Object) or not checkpoint.is_module(value) or len(case.inputs()) != 1:
            continue
        last = noted(value)
        if last is not None:
            found += 1
            real = next(iter(case.inputs().values())).shape
            sizes = real[-len(last.ranges) :]
            assert last.planes == real[-len(last.ranges) - 1], case.name
            assert all(low <= size <= high for size, (low, high) in zip(sizes, last.ranges, strict=True)), case.name
    assert found >= 12


ARCHITECTURES = {
    "VGG": (
        (*(layer for place in range(5) for layer in (
            convolution(3 if place == 0 else 2, 2, **window((3, 3), pad=(1, 1))),
            pooling(**window((2, 2), (2, 2))),
        )), *head(2 * 7 * 7)), 224,
    ),
    "ResNet of fb.resnet.torch": (
        (convolution(3, 2, **window((7, 7), (2, 2), (3, 3))), pooling(**window((3, 3), (2, 2), (1, 1))),
         *(convolution(2, 2, **window((3, 3), (2, 2), (1, 1))) for _ in range(3)),
         pooling("Average", **window((7, 7))), *head(2)), 224,
    ),
    "ResNet for CIFAR": (
        (convolution(3, 2, **window((3, 3), pad=(1, 1))),
         *(convolution(2, 2, **window((3, 3), (2, 2), (1, 1))) for _ in range(2)),
         pooling("Average", **window((8, 8))), *head(2)), 32,
    ),
    "Inception v3": (
        (convolution(3, 2, **window((3, 3), (2, 2))), convolution(2, 2, **window((3, 3))),
         convolution(2, 2, **window((3, 3), pad=(1, 1))), pooling(**window((3, 3), (2, 2))),
         convolution(2, 2, **window((3, 3))), pooling(**window((3, 3), (2, 2))), pooling(**window((3, 3), (2, 2))),
         pooling(**window((3, 3), (2, 2))), pooling("Average", **window((8, 8))), *head(2)), 299,
    ),
    "OpenFace nn4": (
        (convolution(3, 2, **window((7, 7), (2, 2), (3, 3))),
         *(pooling(**window((3, 3), (2, 2), (1, 1))) for _ in range(4)),
         pooling("Average", **window((3, 3))), *head(2)), 96,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_known_architectures_tell_their_size_by_the_vector_at_their_end(tmp_path, name):
    layers, size = ARCHITECTURES[name]
    model = read(tmp_path, *layers)
    assert shape(model) == ["N", 3, size, size]
    assert f"{size} is the first that every layer accepts" in note(model)


def test_a_record_that_cannot_be_led_back_is_no_record(tmp_path):
    """A pooling that was given fewer pixels than the convolution before it can give."""
    pool = pooling(**window((2, 2)), iheight=1, iwidth=-4)
    with pytest.raises(Diagnostic) as refusal:
        read(tmp_path, convolution(3, 4, **window((3, 3))), pool)
    assert refusal.value.code == "input-shape-missing"


def test_a_person_need_not_say_the_shape_and_is_told_what_was_taken(tmp_path):
    path = tmp_path / "x.t7"
    pool = pooling(**window((2, 3), (2, 3)), iheight=9, iwidth=9)
    with whole(path) as sink:
        save(container("nn.Sequential", (convolution(3, 4, **window((3, 4), pad=(1, 0))), pool)), sink)
    ran = run("convert", str(path), "--to", "onnx", "-o", str(tmp_path / "x.onnx"))
    assert ran.status == 0, ran.err
    assert "the input's shape 1,3,9,12 is derived" in " ".join(ran.out.split())
