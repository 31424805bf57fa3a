import pytest
from cli import run
from entries import entry_row, file_row, write_registry


def test_every_entry_is_one_row():
    ran = run("ls")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:3] == ["model", "format", "family"]
    assert len(lines) > 400
    assert any(line.startswith("open-nsfw@caffe") and "23,875,972" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--format", "onnx", "--architecture", "resnet50-1by2"], ["open-nsfw@onnx"]),
        (["--family", "mtcnn"], ["mtcnn-onet@torch", "mtcnn-pnet@torch", "mtcnn-rnet@torch"]),
        (["--task", "face-detection", "--format", "caffe"], ["res10-ssd-face@caffe"]),
        (["--family", "vgg", "--source", "caffe", "--max-size", "560M"], ["vgg16@caffe"]),
        (
            ["--source", "torchvision", "--family", "resnet", "--min-top1", "82.2"],
            ["resnet152-imagenet1k-v2@torchvision"],
        ),
        (
            ["--family", "resnext", "--license", "CC-BY-NC-4.0", "--architecture", "resnext50-32x4d"],
            ["resnext50-32x4d@torch7"],
        ),
    ],
)
def test_filters_narrow_the_list(arguments, ids):
    ran = run("ls", "--json", *arguments)
    assert ran.json["schema"] == "zoo/ls"
    assert [row["id"] for row in ran.json["models"]] == ids


def test_a_filter_by_licence_tells_no_model_whose_use_is_not_clear():
    rows = run("ls", "--json", "--license", "commercial").json["models"]
    assert len(rows) > 100
    assert {row["commercial"] for row in rows} == {"yes"}


def test_a_size_that_is_none_is_a_usage_fault():
    assert run("ls", "--max-size", "big").status == 2


def test_filters_that_exclude_each_other_give_an_empty_list():
    assert run("ls", "--json", "--family", "mtcnn", "--format", "onnx").json["models"] == []


def test_a_filter_that_no_model_meets_is_a_typing_mistake():
    ran = run("ls", "--format", "cafe")
    assert ran.status == 2
    assert "known: caffe, keras, lasagne, mxnet, onnx, torch, torch7" in ran.err


def test_what_is_in_the_store_is_marked(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"body")
    row = entry_row(file_row(b"body", {"path": str(tmp_path / "a")}))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "r.yaml", row)))
    assert run("ls", "--json", "--here").json["models"] == []
    run("pull", "made-up")
    assert [row["id"] for row in run("ls", "--json", "--here").json["models"]] == ["made-up@onnx"]
