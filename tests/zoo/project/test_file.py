from __future__ import annotations

import pytest

from zoo.diagnostics import Diagnostic
from zoo.project.file import find, folder_of, read

BACKENDS = ["caffe", "onnxruntime", "opencv"]
GOOD = """
[[parity]]
name = "small"
subjects = ["nets/a.prototxt,nets/a.caffemodel::caffe", "a.onnx", "open-nsfw@caffe"]
require = ["caffe"]
golden = "g.npz"
batch = 2

[[parity]]
subjects = ["a.onnx"]
rtol = 1e-3
why = "half precision"
"""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_those_of_the_files_folder_and_names_of_the_registry_stay(tmp_path):
    first, second = read(write(tmp_path / "zoo.toml", GOOD), BACKENDS)
    assert first.request.subjects == (
        f"{tmp_path}/nets/a.prototxt,{tmp_path}/nets/a.caffemodel::caffe",
        f"{tmp_path}/a.onnx",
        "open-nsfw@caffe",
    )
    assert first.request.golden == tmp_path / "g.npz"
    assert (first.name, first.request.batch, first.request.require) == ("small", 2, ("caffe",))
    assert (second.name, second.request.why) == ("a.onnx", "half precision")
    assert [one.place.line for one in (first, second)] == [2, 9]
    assert (first.attest, first.request.layers, first.request.bisect_to) == (
        False,
        False,
        tmp_path / "bisect" / "small",
    )


def test_a_check_says_how_deep_to_look_and_where_its_part_goes_and_names_give_folders_of_their_own(tmp_path):
    deep = GOOD.replace(
        "batch = 2", 'layers = true\nbisect = true\nbisect_to = "parts"\nattest = true\ndetections = ["y"]'
    )
    first, second = read(write(tmp_path / "zoo.toml", deep), BACKENDS)
    assert (first.request.layers, first.request.bisect, first.attest, second.attest) == (True, True, True, False)
    assert (first.request.bisect_to, first.request.detections) == (tmp_path / "parts", ("y",))
    names = ["a b", "a-b", "../a-b", "a/b"]
    assert len({folder_of(name) for name in names}) == len(names)
    assert not any("/" in folder_of(name) or folder_of(name).startswith(".") for name in names)


def test_an_mxnet_prefix_is_a_path(tmp_path):
    (tmp_path / "net-symbol.json").write_text("{}")
    (one,) = read(write(tmp_path / "zoo.toml", '[[parity]]\nsubjects = ["net"]'), BACKENDS)
    assert one.request.subjects == (f"{tmp_path}/net",)


def test_pyproject_says_the_same_under_tool_zoo(tmp_path):
    text = '[project]\nname = "x"\n' + GOOD.replace("[[parity]]", "[[tool.zoo.parity]]")
    first, _ = read(write(tmp_path / "pyproject.toml", text), BACKENDS)
    assert (first.name, first.place.line) == ("small", 4)


FAULTY = """
[[parity]]
subjects = []
sead = 1

[[parity]]
batch = "4"
subjects = ["a.onnx"]
[extra]
"""
MEANINGLESS = """
[[parity]]
name = "twice"
subjects = ["a,,b", "a.onnx::cafe"]
require = ["opencv", "tensorflow"]

[[parity]]
name = "twice"
subjects = ["a.onnx"]
inputs = "x.npz"
golden = "g.npz"
rtol = 0.5
layers = true
no_layers = true
input = ["3xq"]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            FAULTY,
            [
                "line 3: parity.0.subjects: List should have at least 1 item",
                "line 4: parity.0.sead: unknown key",
                "line 7: parity.1.batch: Input should be a valid integer",
                "line 9: extra: unknown key",
            ],
        ),
        (
            MEANINGLESS,
            [
                "line 4: parity.0.subjects: 'a,,b' is no subject",
                "line 4: parity.0.subjects: no backend is called cafe",
                "line 5: parity.0.require: no backend is called tensorflow",
                'line 7: parity.1: "twice" stands twice (first on line 2)',
                "line 11: parity.1.golden: inputs and golden exclude each other",
                "line 12: parity.1.rtol: a tolerance set by hand replaces the measured noise floor and needs a reason",
                "line 14: parity.1.no_layers: no_layers and layers exclude each other",
                "line 15: parity.1.input: ",
            ],
        ),
        ("", ["line 1: parity: is missing"]),
        ("parity = 3", ["line 1: parity: must be a list"]),
    ],
)
def test_every_fault_is_told_at_once_with_its_line(tmp_path, text, expected):
    with pytest.raises(Diagnostic) as fault:
        read(write(tmp_path / "zoo.toml", text), BACKENDS)
    assert len(fault.value.details) == len(expected)
    for line, start in zip(fault.value.details, expected, strict=True):
        assert line.startswith(start)
    assert fault.value.where.line == int(expected[0].split()[1].rstrip(":"))


def test_what_is_no_toml_is_refused_with_line_and_column(tmp_path):
    with pytest.raises(Diagnostic) as fault:
        read(write(tmp_path / "zoo.toml", "[[parity]]\nsubjects = [1 2]\n"), BACKENDS)
    assert (fault.value.where.line, fault.value.code) == (2, "project")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = " + b"[" * 100_000])
def test_what_cannot_be_read_is_a_diagnostic(tmp_path, content):
    (tmp_path / "zoo.toml").write_bytes(content)
    with pytest.raises(Diagnostic):
        read(tmp_path / "zoo.toml", BACKENDS)


def test_the_nearest_list_counts_and_a_pyproject_without_one_does_not(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(inner / "pyproject.toml", "[tool.other]\n")
    write(tmp_path / "a" / "pyproject.toml", '[[tool.zoo.parity]]\nsubjects = ["x"]\n')
    write(tmp_path / "zoo.toml", GOOD)
    assert find(inner) == tmp_path / "a" / "pyproject.toml"
    write(inner / "zoo.toml", GOOD)
    assert find(inner) == inner / "zoo.toml"
