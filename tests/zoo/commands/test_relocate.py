"""`zoo relocate` as a command: where it writes, what it says, what it leaves alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import ARRAYS, Entry, Zip, checkpoint, params, pickled, table, tensor, text
from cli import run

GPU, CPU = text("cuda:0"), text("cpu")


def gpu_file(path, location=GPU):
    return checkpoint(path, table((text("w"), tensor("0", location, 2))), [bytes(range(8))])


@pytest.fixture
def path(tmp_path):
    return gpu_file(tmp_path / "gpu.pth")


def left(folder):
    return sorted(entry.name for entry in folder.iterdir() if entry.name != "zoo-home")


def test_writes_a_new_file_and_says_what_moved(path, tmp_path):
    ran = run("relocate", str(path), "--to", "cpu", "-o", str(tmp_path / "cpu.pth"))
    assert ran.status == 0
    assert "1 on cuda:0 -> 1 on cpu (written)" in ran.out
    assert (tmp_path / "cpu.pth").read_bytes() == gpu_file(tmp_path / "other.pth", CPU).read_bytes()


def test_replaces_the_file_in_place_and_keeps_its_mode(path, tmp_path):
    path.chmod(0o640)
    assert run("relocate", str(path), "--to", "cpu", "--in-place").status == 0
    assert path.read_bytes() == gpu_file(tmp_path / "other.pth", CPU).read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640
    assert left(tmp_path) == ["gpu.pth", "other.pth"]


def test_in_place_follows_a_link_and_keeps_it(path, tmp_path):
    link = tmp_path / "link.pth"
    link.symlink_to(path.name)
    assert run("relocate", str(link), "--to", "cpu", "--in-place").status == 0
    assert link.is_symlink()
    assert GPU not in path.read_bytes()


def test_in_place_touches_nothing_when_nothing_changes(path):
    before = path.stat()
    ran = run("relocate", str(path), "--to", "cuda", "--in-place")
    assert "nothing to change" in ran.out
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_writes_over_nothing_without_force(path, tmp_path):
    out = tmp_path / "out.pth"
    out.write_bytes(b"mine")
    ran = run("relocate", str(path), "--to", "cpu", "-o", str(out))
    assert ran.status == 2
    assert "error[exists]" in ran.err
    assert out.read_bytes() == b"mine"
    assert run("relocate", str(path), "--to", "cpu", "-o", str(out), "--force").status == 0
    assert GPU not in out.read_bytes()


@pytest.mark.parametrize("link", [False, True])
def test_the_source_as_output_is_refused_even_with_force(path, link):
    out = path
    if link:
        out = path.with_name("link.pth")
        out.symlink_to(path.name)
    raw = path.read_bytes()
    ran = run("relocate", str(path), "--to", "cpu", "-o", str(out), "--force")
    assert ran.status == 2
    assert "error[same-file]" in ran.err
    assert path.read_bytes() == raw


def test_a_dry_run_writes_nothing(path, tmp_path):
    raw = path.read_bytes()
    ran = run("relocate", str(path), "--to", "cpu", "--dry-run", "--explain")
    assert "would change" in ran.out
    assert "cuda:0' -> " in ran.out
    assert (path.read_bytes(), left(tmp_path)) == (raw, ["gpu.pth"])


def test_json_names_devices_bytes_and_changes(path):
    found = run("relocate", str(path), "--to", "cpu", "--dry-run", "--explain", "--json").json
    assert (found["schema"], found["version"]) == ("zoo/relocate", 1)
    assert (found["before"], found["after"]) == ({"cuda:0": 1}, {"cpu": 1})
    assert found["changed"] is True
    assert found["output"] is None
    assert found["changes"][0].keys() == {"start", "end", "old", "new"}


def test_explained_changes_turn_the_old_file_into_the_new_one(path, tmp_path):
    from zoo.relocate.plan import Request
    from zoo.relocate.planning import plan

    out = tmp_path / "cpu.pth"
    run("relocate", str(path), "--to", "cpu", "-o", str(out))
    raw, made, position = path.read_bytes(), b"", 0
    for start, end, new in plan(path, Request("cpu")).patches():
        made += raw[position:start] + new
        position = end
    assert made + raw[position:] == out.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--to", "cpu"), "no-place"),
        (("--in-place",), "nothing-asked"),
        (("--to", "gpu", "--in-place"), "device"),
        (("--to", "cpu", "--in-place", "-o", "x"), "two-places"),
        (("--map", "cuda:1", "--in-place"), "map"),
        (("--to", "cpu", "--cudnn", "--in-place"), "cudnn"),
        (("--to", "cpu", "--in-place", "--recursive"), "no-folder"),
    ],
)
def test_what_makes_no_sense_is_refused(path, arguments, code):
    ran = run("relocate", str(path), *arguments)
    assert ran.status == 2
    assert f"error[{code}]" in ran.err


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("a.safetensors", (2).to_bytes(8, "little") + b"{}", "load_file"),
        ("deploy.prototxt", b'name: "x"\nlayer { name: "data" type: "Input" top: "data" }\n', "set_mode"),
        ("net-symbol.json", b'{"nodes": [], "arg_nodes": [], "heads": []}', "mx.cpu()"),
    ],
)
def test_formats_without_a_device_say_what_to_set(tmp_path, name, raw, says):
    path = tmp_path / name
    path.write_bytes(raw)
    ran = run("relocate", str(path), "--to", "cpu", "--in-place")
    assert ran.status == 0
    assert says in ran.out
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    "raw", [b"", b"<!DOCTYPE html><html>", b"hello", b"\x89PNG\r\n" + bytes(20), b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_checkpoint_is_refused_with_3(tmp_path, raw):
    path = tmp_path / "a.pth"
    path.write_bytes(raw)
    assert run("relocate", str(path), "--to", "cpu", "--in-place").status == 3
    assert path.read_bytes() == raw


def test_a_missing_file_is_refused_with_3(tmp_path):
    assert run("relocate", str(tmp_path / "none"), "--to", "cpu", "--in-place").status == 3


def test_a_place_that_cannot_be_written_is_2_and_nothing_is_left(path, tmp_path):
    (tmp_path / "file").write_text("")
    ran = run("relocate", str(path), "--to", "cpu", "-o", str(tmp_path / "file" / "out.pth"))
    assert ran.status == 2
    assert "error[unwritable]" in ran.err


@pytest.mark.parametrize("where", [["--in-place"], ["-o", "out.pth"]])
def test_a_full_disk_leaves_the_file_and_nothing_else(tmp_path, where):
    path = checkpoint(tmp_path / "gpu.pth", table((text("w"), tensor("0", GPU, 2))), [os.urandom(1 << 20)])
    raw = path.read_bytes()
    limit = 1 << 18
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "relocate", str(path), "--to", "cpu", *where],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "error[disk-full]" in done.stderr
    assert (path.read_bytes(), left(tmp_path)) == (raw, ["gpu.pth"])


def test_a_folder_is_done_as_a_whole_and_one_bad_file_stops_no_other(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    gpu_file(folder / "a.pth")
    (folder / "deep" / "b.params").write_bytes(params([ARRAYS["version 2"](2, 0)], ["w"]))
    (folder / "bad.pth").write_bytes(gpu_file(tmp_path / "x").read_bytes()[:-9])
    (folder / "readme.txt").write_text("cuda:0")
    ran = run("relocate", str(folder), "--to", "cpu", "--recursive", "-o", str(out), "--json")
    assert ran.status == 3
    assert (ran.json["written"], ran.json["refused"]) == (2, 1)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["a.pth", "b.params"]
    assert (out / "deep" / "b.params").read_bytes() == params([ARRAYS["version 2"](1, 0)], ["w"])


def test_a_folder_in_place_is_done_again_without_a_trace(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    gpu_file(folder / "a.pth")
    assert run("relocate", str(folder), "--to", "cpu", "--recursive", "--in-place").status == 0
    once = (folder / "a.pth").stat().st_mtime_ns
    again = run("relocate", str(folder), "--to", "cpu", "--recursive", "--in-place", "--json")
    assert again.json["written"] == 0
    assert (folder / "a.pth").stat().st_mtime_ns == once


def test_imports_neither_numpy_nor_anything_large(path):
    code = "import sys; from zoo.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "relocate", str(path), "--to", "cpu", "--in-place"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"numpy", "onnx", "requests", "pydantic", "yaml", "rich", "pickle"} & set(done.stdout.split())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak memory")
def test_memory_does_not_grow_with_the_file(tmp_path):
    body = pickled(table((text("w"), tensor("0", GPU, 2))))
    path = Zip(tmp_path / "a.pth").write([Entry("a/data.pkl", body), Entry("a/data/0", os.urandom(200 << 20), crc=0)])
    code = "import sys; from zoo.__main__ import main; main(sys.argv[1:]); print(open('/proc/self/status').read())"
    arguments = ["relocate", str(path), "--to", "cpu", "-o", str(tmp_path / "b.pth")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    (peak,) = (int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    assert peak * 1024 < 60_000_000
