import os

import pytest
from entries import entry_row, file_row, registry_text, write_registry

from zoo.catalog.parsing import parse
from zoo.catalog.registry import load, shipped
from zoo.diagnostics import Diagnostic

GOOD = """\
version: 1
entries:
  - id: net@caffe
    family: net
    architecture: net
    task: image-classification
    publisher: somebody
    licence: {published: MIT, spdx: MIT, commercial: yes}
    files:
      - role: weights
        name: net.caffemodel
        size: 10
        checksums:
          - {alg: md5, value: abcd0000000000000000000000000000, origin: somebody}
        mirrors:
          - {url: "https://example.org/net.caffemodel", status: dead}
          - {package: made, version: 1.0.2, file: sdist, member: a/b}
          - path: /models/net.caffemodel
    inputs:
      - name: data
        shape: [N, 3, 8, 8]
        layout: NCHW
        mean: [1, 2, 3]
    outputs:
      - {name: prob, kind: probabilities, classes: 2, labels: nsfw}
    facts: [a test]
"""


def faults(text: str) -> list[str]:
    return [str(fault) for fault in parse(text)[1]]


def changed(old: str, new: str) -> list[str]:
    assert GOOD.count(old) == 1
    return faults(GOOD.replace(old, new))


def test_a_good_registry_has_no_faults():
    entries, none = parse(GOOD)
    assert not none
    entry = entries["net@caffe"]
    assert (entry.name, entry.format, entry.size) == ("net", "caffe", 10)
    assert entry.licence.commercial == "yes"
    assert [mirror.kind for mirror in entry.files[0].mirrors] == ["http", "package-index", "file"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "    family: net\n",
            "    familie: net\n",
            ["line 3: net@caffe: family: is missing", "line 4: net@caffe: familie: unknown key"],
        ),
        ("        size: 10\n", "        size: ten\n", ["line 12: net@caffe: files.0.size: must be a whole number"]),
        ("size: 10", "size: 0", ["line 12: net@caffe: files.0.size: Input should be greater than or equal to 1"]),
        (
            "name: net.caffemodel\n        size",
            "name: ../net\n        size",
            ["line 11: net@caffe: files.0.name: not a plain file name"],
        ),
        (
            "name: net.caffemodel\n        size",
            "name: con.txt\n        size",
            ["line 11: net@caffe: files.0.name: not a plain file name"],
        ),
        (
            "commercial: yes",
            "commercial: maybe",
            ["line 8: net@caffe: licence.commercial: Input should be 'yes', 'no' or 'unknown'"],
        ),
        (
            "    task: image-classification\n",
            "    task: image-classification\n    task: x\n",
            ['line 7: entries.0: key "task" stands twice (first on line 6)'],
        ),
        (
            "labels: nsfw",
            "labels: nfsw",
            ['line 25: net@caffe: outputs.0.labels: no label set "nfsw"; there are face, imagenet-1000, nsfw'],
        ),
        (
            "classes: 2",
            "classes: 3",
            ['line 25: net@caffe: outputs.0.labels: label set "nsfw" has 2 names for 3 classes'],
        ),
        ("mean: [1, 2, 3]", "mean: [1, 2]", ["line 20: net@caffe: inputs.0: mean has 2 values for 3 channels"]),
        ("mean: [1, 2, 3]", "mean: 1", ["line 23: net@caffe: inputs.0.mean: must be a list"]),
        (
            "mean: [1, 2, 3]",
            "crop: [7, 8]",
            ["line 20: net@caffe: inputs.0: crop [7, 8] differs from the input's 8 x 8"],
        ),
        (
            "path: /models",
            "path: models",
            ["line 18: net@caffe: files.0.mirrors.2.file.path: String should match pattern"],
        ),
        (
            "member: a/b",
            "member: ../b",
            ["line 17: net@caffe: files.0.mirrors.1.package-index.member: not a relative path inside an archive"],
        ),
        (
            "version: 1.0.2",
            "version: 1.0",
            ["line 17: net@caffe: files.0.mirrors.1.package-index.version: must be text (quote it"],
        ),
        (
            "https://example",
            "ftp://example",
            ["line 16: net@caffe: files.0.mirrors.0.http.url: String should match pattern"],
        ),
        (
            "package: made",
            "pack: made",
            ["line 17: net@caffe: files.0.mirrors.1: none of the source kinds: cloud, file, google-drive, http"],
        ),
        (
            "id: net@caffe",
            "id: net@Caffe",
            ["line 3: net@Caffe: format: is missing", "line 3: net@Caffe: id: String should"],
        ),
        ("id: net@caffe", "id: net@publisher", ["line 3: net@publisher: format: is missing"]),
        ("id: net@caffe", "id: net@caffe\n    format: onnx", ["line 3: net@caffe: the id says caffe, the format onnx"]),
        ("- role: weights", "- role: labels", ["line 3: net@caffe: role labels belongs to extras; files have archive"]),
        (
            "    facts: [a test]",
            "    provenance: {same_weights_as: [net@onnx]}\n    facts: [a test]",
            ['line 26: net@caffe: provenance.same_weights_as: no entry has the id "net@onnx"'],
        ),
        (
            "    facts: [a test]",
            "    provenance:\n      same_weights_as:\n        - net@caffe\n    facts: [a test]",
            ["line 28: net@caffe: provenance.same_weights_as: names itself"],
        ),
        ("version: 1\n", "version: 2\n", ["line 1: version: must be 1"]),
        ("version: 1\n", "version: 1\nmodels: []\n", ["line 2: models: unknown key"]),
        ("    facts: [a test]", "    facts: [a test", ["line 27: YAML syntax: "]),
    ],
)
def test_a_fault_is_told_with_its_line(old, new, told):
    text = GOOD
    assert text.count(old) >= 1
    found = faults(text.replace(old, new, 1))
    assert len(found) == len(told), found
    assert all(line.startswith(expected) for line, expected in zip(found, told, strict=True)), found


def test_a_file_without_checksum_must_say_why():
    text = GOOD.replace(
        "        checksums:\n          - {alg: md5, value: abcd0000000000000000000000000000, origin: somebody}\n", ""
    )
    assert faults(text) == [
        "line 10: net@caffe: files.0: no checksum: give one, or say in `unverified` why there is none (and not both)"
    ]
    assert faults(text.replace("size: 10", "unverified: never published")) == []


@pytest.mark.parametrize(
    ("checksum", "told"),
    [
        ("{alg: md5, value: abc, origin: a}", "md5 has 32 hex digits, this value 3"),
        ("{alg: sha256-prefix, value: abc, origin: a}", "sha256-prefix has 8 to 63 hex digits, this value 3"),
        ("{alg: sha256-prefix, value: 57934424, origin: a}", "must be text (quote it if it looks like a number)"),
        ("{alg: crc32, value: abcdef01, origin: a}", "Input should be"),
        ("{alg: md5, value: ABCDEF, origin: a}", "String should match pattern"),
    ],
)
def test_a_checksum_that_is_none_is_told(checksum, told):
    (fault,) = changed("{alg: md5, value: abcd0000000000000000000000000000, origin: somebody}", checksum)
    assert fault.startswith("line 14: net@caffe: files.0.checksums.0")
    assert told in fault


def test_every_fault_of_every_entry_is_told_at_once():
    text = registry_text(
        entry_row(file_row(b"a", {"path": "/a"}), family="Not A Slug"),
        entry_row(file_row(b"a", {"path": "/a"}), surprise=1),
        entry_row(file_row(b"a", {"path": "/a"}), id="other@onnx", provenance={"same_weights_as": ["absent@onnx"]}),
    )
    told = faults(text)
    assert [line.partition(": ")[2].split(":")[0] for line in told] == [
        "made-up@onnx",
        "made-up@onnx",
        "made-up@onnx",
        "other@onnx",
    ]
    assert "this id stands twice" in told[1]
    assert told == sorted(told, key=lambda line: int(line.split()[1].rstrip(":")))


def test_two_files_with_one_name_or_role_are_refused():
    row = file_row(b"a", {"path": "/a"})
    assert "file name net.onnx stands twice" in faults(registry_text(entry_row(row, row)))[0]


def test_faults_in_a_preset_are_told_once_at_the_preset():
    text = GOOD.replace("entries:", "presets:\n  p: &p\n    colour: RGB\nentries:").replace(
        "value: 0000", "value: abcd"
    )
    assert faults(text) == ["line 4: presets.p: colour: unknown key"]


def test_loading_raises_one_diagnostic_with_all_faults(tmp_path):
    path = write_registry(tmp_path / "r.yaml", entry_row(), entry_row(surprise=1))
    with pytest.raises(Diagnostic) as caught:
        load(path)
    fault = caught.value
    assert (fault.code, fault.exit_status) == ("registry", 3)
    assert fault.where.file == str(path)
    assert len(fault.details) == 4  # two without files, an unknown key, an id that stands twice
    assert fault.message == "4 faults in the registry"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[]", b"- a\n- b\n", b"x"])
def test_a_file_that_is_no_registry_is_told(tmp_path, content):
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises(Diagnostic) as caught:
        load(path)
    assert caught.value.code == "registry"


def test_an_absent_registry_is_told(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        load(tmp_path / "absent.yaml")
    assert "No such file" in caught.value.message


def test_zoo_registry_names_registries_beside_the_shipped_one(tmp_path, monkeypatch):
    paths = [
        write_registry(tmp_path / f"{name}.yaml", entry_row(file_row(b"a", {"path": "/a"}), id=f"{name}@onnx"))
        for name in ("first", "second")
    ]
    monkeypatch.setenv("ZOO_REGISTRY", os.pathsep.join(map(str, paths)))
    assert {"first@onnx", "second@onnx", "open-nsfw@onnx"} <= set(load().entries)


def test_the_registries_of_a_project_and_of_the_user_count_too(tmp_path, monkeypatch):
    for name in ("ours", "mine"):
        (tmp_path / name).mkdir()
        row = entry_row(file_row(b"a", {"path": "/a"}), id=f"{name}@onnx", provenance={"same_weights_as": []})
        write_registry(tmp_path / name / "registry.yaml", row)
    (tmp_path / "pyproject.toml").write_text('[tool.zoo]\nregistries = ["ours/registry.yaml"]\n', encoding="utf-8")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    monkeypatch.setenv("ZOO_CONFIG", str(tmp_path / "mine"))
    assert {"ours@onnx", "mine@onnx"} <= set(load().entries)


def test_a_project_that_names_no_list_is_told(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.zoo]\nregistries = "a"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Diagnostic, match="must be a list of paths"):
        load()


def test_an_id_in_two_registries_is_refused_with_both_files(tmp_path, monkeypatch):
    path = write_registry(tmp_path / "r.yaml", entry_row(file_row(b"a", {"path": "/a"}), id="open-nsfw@onnx"))
    monkeypatch.setenv("ZOO_REGISTRY", str(path))
    with pytest.raises(Diagnostic) as caught:
        load()
    assert caught.value.code == "registry-overlap"
    assert str(path) in caught.value.details[0]
    assert str(shipped()) in caught.value.details[0]


def test_an_entry_of_ones_own_may_hold_the_weights_of_a_shipped_one(tmp_path, monkeypatch):
    row = entry_row(file_row(b"a", {"path": "/a"}), provenance={"same_weights_as": ["open-nsfw@onnx"]})
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "r.yaml", row)))
    assert load().entries["made-up@onnx"].provenance.same_weights_as == ("open-nsfw@onnx",)
