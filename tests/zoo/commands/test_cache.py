import os
import time

import pytest
from cli import run
from entries import entry_row, file_row, write_registry

DAY = 86400


@pytest.fixture
def base(tmp_path):
    return tmp_path / "zoo-home" / "v1"


@pytest.fixture(autouse=True)
def pulled(tmp_path, monkeypatch):
    """Two models with a file of their own each, and one that they share."""
    rows = []
    for name in ("first", "second"):
        files = []
        for role, body in (("weights", name.encode()), ("mean", b"shared by both")):
            path = tmp_path / f"{name}-{role}"
            path.write_bytes(body)
            files.append(file_row(body, {"path": str(path)}, role=role, name=f"{role}.bin"))
        rows.append(entry_row(*files, id=f"{name}@onnx"))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", *rows)))
    assert run("pull", "first", "second").status == 0


def use(base, name, days_ago):
    moment = time.time() - days_ago * DAY
    for path in (base / "index" / name).glob("*"):
        os.utime(path, (moment, moment))


def objects(base):
    return len(list(base.glob("objects/sha256/??/*")))


def test_path_prints_where_the_store_lies(tmp_path):
    assert run("cache", "path").out == f"{tmp_path / 'zoo-home'}\n"
    assert run("cache", "path", "--json").json["path"] == str(tmp_path / "zoo-home")


def test_verify_reads_every_object(base):
    ran = run("cache", "verify", "--json")
    assert ran.status == 0
    assert [row["state"] for row in ran.json["objects"]] == ["whole"] * 3
    assert "first@onnx, second@onnx" in {row["models"] for row in ran.json["objects"]}
    assert objects(base) == 3


def test_verify_finds_an_altered_object_even_with_its_old_times(base):
    victim = min(base.glob("objects/sha256/??/*"))
    stat = victim.stat()
    victim.chmod(0o644)
    victim.write_bytes(bytes(stat.st_size))
    os.utime(victim, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ran = run("cache", "verify")
    assert ran.status == 4
    assert "damaged" in ran.out
    assert "1 object(s) were altered" in ran.err
    assert run("pull", "first", "second").status == 0
    assert run("cache", "verify").status == 0


def test_prune_alone_removes_no_model(base):
    assert run("cache", "prune").status == 0
    assert objects(base) == 3


def test_prune_removes_what_was_not_used_for_days_and_keeps_what_is_shared(base):
    use(base, "first@onnx", 40)
    ran = run("cache", "prune", "--older-than", "30", "--json")
    assert ran.json["models"] == ["first@onnx"]
    assert ran.json["bytes"] == len(b"first")
    assert objects(base) == 2
    assert not (base / "models" / "first@onnx").exists()
    assert run("pull", "second", "--offline").status == 0


def test_a_dry_run_tells_the_same_and_removes_nothing(base):
    use(base, "first@onnx", 40)
    told = run("cache", "prune", "--older-than", "30", "--dry-run", "--json").json
    assert objects(base) == 3
    done = run("cache", "prune", "--older-than", "30", "--json").json
    assert {**told, "dry_run": False} == done


def test_a_pinned_model_stays_until_the_pin_is_lifted(base):
    use(base, "first@onnx", 40)
    assert run("cache", "pin", "first").out == "first@onnx\n"
    run("cache", "prune", "--older-than", "30")
    assert objects(base) == 3
    assert run("cache", "pin", "first@onnx", "--remove").out == "nothing is pinned\n"
    run("cache", "prune", "--older-than", "30")
    assert objects(base) == 2


def test_handing_a_model_out_makes_it_young_again(base):
    use(base, "first@onnx", 40)
    run("pull", "first", "--offline")
    assert run("cache", "prune", "--older-than", "30", "--json").json["models"] == []


def test_prune_removes_unfinished_downloads(base):
    (base / "staging" / "abc-0.part").write_bytes(b"half")
    (base / "staging" / "abc-0.lock").touch()
    assert run("cache", "prune", "--json").json["bytes"] == 4
    assert not list((base / "staging").iterdir())


def test_prune_leaves_a_fresh_object_without_a_name_to_the_process_that_brought_it(base):
    for path in (base / "index" / "first@onnx").glob("*"):
        path.unlink()
    run("cache", "prune")
    assert objects(base) == 3
    for path in base.glob("objects/sha256/??/*"):
        os.utime(path, (0, 0))
    run("cache", "prune")
    assert objects(base) == 2


def test_pins_of_unknown_models_are_refused():
    assert run("cache", "pin", "nothing").status == 2
