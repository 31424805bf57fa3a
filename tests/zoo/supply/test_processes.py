"""Other processes on the same store: killed, at the same time, on a full disk, interrupted."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest
from archives import tar_gz
from entries import entry_row, file_row, write_registry
from loopback import Loopback, hang, whole

MB = 1 << 20
BODY = hashlib.shake_256(b"weights").digest(6 * MB + 5)
posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def environment(tmp_path):
    return os.environ | {"ZOO_HOME": str(tmp_path / "home"), "ZOO_REGISTRY": str(tmp_path / "registry.yaml")}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home" / "v1"


def start(environment, *, limit: int | None = None):
    script = "import sys; from zoo.__main__ import main; sys.exit(main(['pull', 'made-up']))"
    if limit is not None:
        script = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {script}"
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_part(home, size):
    for _tick in range(1000):
        parts = [path for path in (home / "staging").glob("*.part") if path.stat().st_size >= size]
        if parts:
            return
        time.sleep(0.01)
    pytest.fail("no byte arrived")


@posix
def test_a_killed_download_is_taken_up_by_the_next_process(server, environment, home, tmp_path):
    url = server.on("/net", hang(BODY, 4 * MB))
    write_registry(tmp_path / "registry.yaml", entry_row(file_row(BODY, {"url": url})))
    with start(environment) as process:
        wait_for_part(home, 4 * MB)
        process.kill()
    assert not list(home.glob("objects/**/??/*"))
    server.on("/net", whole(BODY))
    with start(environment) as process:
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert server.asked("/net")[-1]["Range"] == f"bytes={4 * MB}-"
    assert (home / "models" / "made-up@onnx" / "net.onnx").read_bytes() == BODY
    assert not list(home.glob("staging/*.part"))


@posix
def test_a_part_that_was_spoilt_on_the_disk_is_fetched_anew(server, environment, home, tmp_path):
    url = server.on("/net", hang(BODY, 4 * MB))
    write_registry(tmp_path / "registry.yaml", entry_row(file_row(BODY, {"url": url})))
    with start(environment) as process:
        wait_for_part(home, 4 * MB)
        process.kill()
    (part,) = home.glob("staging/*.part")
    with part.open("r+b") as stream:
        stream.write(bytes(100))
    server.on("/net", whole(BODY))
    with start(environment) as process:
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (home / "models" / "made-up@onnx" / "net.onnx").read_bytes() == BODY


def test_two_processes_that_want_the_same_file_both_succeed(server, environment, home, tmp_path):
    sdist = tar_gz(("made-1/net.onnx", BODY))
    environment |= {"ZOO_PACKAGE_INDEX": server.publish("made", "made-1.tar.gz", sdist)}
    mirror = {"kind": "package-index", "package": "made", "version": "1", "file": "sdist", "member": "made-1/net.onnx"}
    direct = file_row(BODY[:-1], {"url": server.on("/net", whole(BODY[:-1]))}, role="weights", name="net.bin")
    write_registry(tmp_path / "registry.yaml", entry_row(file_row(BODY, mirror), direct))
    processes = [start(environment) for _number in range(3)]
    for process in processes:
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert (home / "models" / "made-up@onnx" / "net.onnx").read_bytes() == BODY
    assert (home / "models" / "made-up@onnx" / "net.bin").read_bytes() == BODY[:-1]
    assert len(list(home.glob("objects/sha256/??/*"))) == 2
    assert not list(home.glob("staging/*.part"))


@posix
def test_a_full_disk_is_one_message_and_leaves_the_store_as_it_was(server, environment, home, tmp_path):
    url = server.on("/net", whole(BODY))
    write_registry(tmp_path / "registry.yaml", entry_row(file_row(BODY, {"url": url})))
    with start(environment, limit=2 * MB) as process:
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert err.startswith("error[disk-full]: ")
    assert "Traceback" not in err
    assert not list(home.glob("objects/**/??/*"))
    assert not list(home.glob("staging/*.part"))
    with start(environment) as process:
        assert process.wait(timeout=60) == 0


@posix
def test_ctrl_c_is_status_130_and_leaves_the_store_intact(server, environment, home, tmp_path):
    url = server.on("/net", hang(BODY, 4 * MB))
    write_registry(tmp_path / "registry.yaml", entry_row(file_row(BODY, {"url": url})))
    with start(environment) as process:
        wait_for_part(home, 4 * MB)
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert not list(home.glob("objects/**/??/*"))
    assert not list(home.glob("models/**/*.onnx"))
