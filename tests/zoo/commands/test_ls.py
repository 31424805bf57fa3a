import pytest
from cli import run
from entries import entry_row, file_row, write_registry


def test_every_entry_is_one_row():
    ran = run("ls")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:2] == ["model", "family"]
    assert len(lines) > 400
    assert any(line.startswith("open-nsfw@caffe") and "23,875,972" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--format", "onnx"], ["open-nsfw@onnx"]),
        (["--family", "mtcnn"], ["mtcnn-pnet@torch", "mtcnn-rnet@torch", "mtcnn-onet@torch"]),
        (["--task", "face-detection", "--format", "caffe"], ["res10-ssd-face@caffe"]),
        (["--architecture", "resnet50"], ["resnet50@caffe"]),
    ],
)
def test_filters_narrow_the_list(arguments, ids):
    ran = run("ls", "--json", *arguments)
    assert ran.json["schema"] == "zoo/ls"
    assert [row["id"] for row in ran.json["models"]] == ids


def test_filters_that_exclude_each_other_give_an_empty_list():
    assert run("ls", "--json", "--family", "mtcnn", "--format", "onnx").json["models"] == []


def test_a_filter_that_no_model_meets_is_a_typing_mistake():
    ran = run("ls", "--format", "cafe")
    assert ran.status == 2
    assert "known: caffe, onnx, torch" in ran.err


def test_what_is_in_the_store_is_marked(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"body")
    row = entry_row(file_row(b"body", {"path": str(tmp_path / "a")}))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "r.yaml", row)))
    assert [row["here"] for row in run("ls", "--json").json["models"]] == [False]
    run("pull", "made-up")
    assert [row["here"] for row in run("ls", "--json").json["models"]] == [True]
