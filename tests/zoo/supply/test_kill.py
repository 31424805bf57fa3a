"""Killed at any moment, and many at once: nothing is lost, nothing is corrupt, nothing is fetched twice.

ZOO_KILLS=200 makes the first test as long as the promise in the docs (default: 15 runs).
"""

import hashlib
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from entries import entry_row, file_row, write_registry
from loopback import Loopback, slow, whole

MB = 1 << 20
BODY = hashlib.shake_256(b"to be killed").digest(4 * MB + 11)
SHA = hashlib.sha256(BODY).hexdigest()
PULLER = Path(__file__).parents[2] / "support" / "puller.py"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def start(tmp_path):
    def run(registry, jobs=1):
        command = [sys.executable, str(PULLER), str(registry), str(tmp_path / "store"), str(jobs)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return run


def part(tmp_path):
    sizes = [path.stat().st_size for path in (tmp_path / "store/v1/staging").glob("*.part")]
    return sizes[0] if sizes else 0


def test_a_download_killed_again_and_again_ends_whole_and_goes_on_where_it_was(server, tmp_path, start):
    url = server.on("/net", slow(BODY, pause=0.02))
    registry = write_registry(tmp_path / "r.yaml", entry_row(file_row(BODY, {"url": url})))
    chance = random.Random(8)
    left = int(os.environ.get("ZOO_KILLS", "15"))
    while left:
        asked, size = len(server.requests), part(tmp_path)
        process = start(registry)
        while len(server.requests) == asked and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.5))
        left -= 1
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        if len(server.requests) > asked and size:
            (first, *_more) = server.asked("/net")[asked:]
            assert first["Range"] == f"bytes={size}-", "not a byte of what was on the disk is fetched again"
        if ended:
            assert (tmp_path / "store/v1/objects/sha256" / SHA[:2] / SHA[2:]).read_bytes() == BODY
            subprocess.run(["rm", "-rf", str(tmp_path / "store")], check=True)
    process = start(registry)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert SHA in out
    assert (tmp_path / "store/v1/models/made-up@onnx/net.onnx").read_bytes() == BODY
    assert not list((tmp_path / "store/v1/staging").iterdir())


def test_eight_processes_on_one_store_fetch_each_file_once(server, tmp_path, start):
    rows = []
    for number in range(3):
        body = BODY[number:]
        url = server.on(f"/{number}", slow(body, pause=0.01))
        rows.append(entry_row(file_row(body, {"url": url}), id=f"net-{number}@onnx"))
    registry = write_registry(tmp_path / "r.yaml", *rows)
    processes = [start(registry, jobs=2) for _number in range(8)]
    ends = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, [err for _out, err in ends]
    assert sum(out.count("fetched") for out, _err in ends) == 3
    assert sum(out.count("kept") for out, _err in ends) == 21
    assert [len(server.asked(f"/{number}")) for number in range(3)] == [1, 1, 1]
    assert any(re.search(r"process \d+ on .* is fetching it; waiting", err) for _out, err in ends)
    for number in range(3):
        assert (tmp_path / f"store/v1/models/net-{number}@onnx/net.onnx").read_bytes() == BODY[number:]


def test_a_waiter_takes_over_from_one_that_was_killed(server, tmp_path, start):
    url = server.on("/net", slow(BODY, pause=0.05))
    registry = write_registry(tmp_path / "r.yaml", entry_row(file_row(BODY, {"url": url})))
    first = start(registry)
    while part(tmp_path) < MB and first.poll() is None:
        time.sleep(0.01)
    second = start(registry)
    time.sleep(1.5)
    assert len(server.requests) == 1, "the second waits"
    first.kill()
    first.communicate()
    server.on("/net", whole(BODY))
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert "fetched" in out
    assert int(server.asked("/net")[-1]["Range"].removeprefix("bytes=").rstrip("-")) >= MB
