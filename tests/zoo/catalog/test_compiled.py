import os
import subprocess
import sys

import pytest
from entries import entry_row, file_row, registry_text

from zoo.catalog import compiled
from zoo.catalog.parsing import parse
from zoo.catalog.plain import values
from zoo.catalog.registry import load, shipped
from zoo.diagnostics import Diagnostic


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "registry.yaml"
    row = entry_row(file_row(b"a", {"path": "/a"}), notes="word " * 300)
    path.write_text(registry_text(*({**row, "id": f"net-{number}@onnx"} for number in range(30))), encoding="utf-8")
    return path


def copies():
    return sorted(compiled.folder().glob("*")) if compiled.folder().is_dir() else []


def recalled(path, known=()):
    return compiled.recall(path.read_bytes(), known)


def test_a_copy_of_the_shipped_registry_is_the_same_to_the_last_value():
    text = shipped().read_bytes()
    entries, faults = parse(text.decode())
    assert not faults
    compiled.keep(text, (), entries)
    again = compiled.recall(text, ())
    assert again == entries
    assert list(again) == list(entries)
    assert [values(entry) for entry in again.values()] == [values(entry) for entry in entries.values()]


def test_the_second_reading_comes_from_the_copy_without_yaml(registry, monkeypatch):
    first = load(registry).entries
    assert len(copies()) == 1
    monkeypatch.setitem(sys.modules, "zoo.catalog.parsing", None)  # an import of it would fail
    assert load(registry).entries == first


def test_a_command_that_finds_a_copy_imports_neither_yaml_nor_pydantic_nor_the_network():
    code = "import sys; from zoo.__main__ import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    heavy = {"yaml", "pydantic", "pydantic_core", "requests", "urllib3", "rich", "numpy", "onnx"}
    for number, command in enumerate((["ls"], ["ls"], ["show", "vgg16"], ["pull", "vgg16", "--offline"])):
        ran = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
        loaded = heavy & set(ran.stderr.splitlines()[-1].split())
        assert loaded == ({"yaml", "pydantic", "pydantic_core"} if number == 0 else set()), command


def test_entries_are_built_when_they_are_asked_for(registry):
    load(registry)
    entries = recalled(registry)
    assert [name for name, _names in entries.names()] == [f"net-{number}@onnx" for number in range(30)]
    assert all(isinstance(row, dict) for row in entries._known.values())
    assert entries["net-7@onnx"] is entries["net-7@onnx"]
    assert sum(isinstance(row, dict) for row in entries._known.values()) == 29
    assert (entries | load(registry).entries) == entries


def test_other_bytes_other_neighbours_and_other_code_have_no_copy(registry, monkeypatch):
    load(registry)
    assert recalled(registry) is not None
    assert recalled(registry, ("other@onnx",)) is None
    assert compiled.recall(registry.read_bytes() + b"\n", ()) is None
    monkeypatch.setattr(compiled, "_code", lambda: b"other code")
    assert recalled(registry) is None


def test_the_code_counts_with_the_label_sets_and_every_kind_of_source():
    names = {path.name for path in compiled._sources()}
    assert {"schema.py", "parsing.py", "document.py", "imagenet-1000.txt", "http.py", "archive.py"} <= names


def test_a_copy_that_was_altered_is_not_believed(registry):
    load(registry)
    (copy,) = copies()
    good = copy.read_bytes()
    for bad in (b"", good[:100], good[:-1], good.replace(b"net-3@", b"net-4@", 1), good + b" ", b"\xff" + good):
        copy.write_bytes(bad)
        assert recalled(registry) is None
        assert "net-3@onnx" in load(registry).entries
    assert copy.read_bytes() == good  # load() leaves a good one


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_copy_that_another_user_could_have_written_is_not_believed(registry):
    load(registry)
    (copy,) = copies()
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.chmod(0o620)
    assert recalled(registry) is None
    copy.chmod(0o602)
    assert recalled(registry) is None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_copy_of_another_user_is_not_believed(registry):
    load(registry)
    (copy,) = copies()
    os.chown(copy, 12345, -1)
    assert recalled(registry) is None


def test_faults_are_never_kept(registry):
    registry.write_text(registry.read_text(encoding="utf-8").replace('"family"', '"colour"'), encoding="utf-8")
    for _again in range(2):
        with pytest.raises(Diagnostic):
            load(registry)
    assert copies() == []


def test_a_folder_that_cannot_be_written_does_not_matter(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "a-file" / "home"))
    (tmp_path / "a-file").write_bytes(b"")
    assert "net-3@onnx" in load(registry).entries


def test_a_handful_of_copies_stay(registry):
    for number in range(compiled._COPIES + 3):
        registry.write_text(registry.read_text(encoding="utf-8") + f"# {number}\n", encoding="utf-8")
        load(registry)
    assert len(copies()) == compiled._COPIES
    assert recalled(registry) is not None
