"""Outputs appear whole or not at all."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys

import pytest

from converters.diagnostic import OutputFault
from converters.outputs import Digest, sha256, whole


def test_a_finished_block_leaves_the_file_and_its_digest(tmp_path):
    path = tmp_path / "folder" / "net.onnx"
    with whole(path) as sink:
        sink.write(b"abc")
        sink.write(b"def")
    assert path.read_bytes() == b"abcdef"
    assert sink.digest() == hashlib.sha256(b"abcdef").hexdigest() == sha256(path) == Digest(path).result()


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, fault):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    with pytest.raises(fault):
        _fail_inside(path, fault)
    assert [item.name for item in tmp_path.iterdir()] == ["net.onnx"]
    assert path.read_bytes() == b"old"


def _fail_inside(path, fault):
    with whole(path) as sink:
        sink.write(b"new")
        raise fault


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputFault) as caught, whole(tmp_path / "file" / "net.onnx"):
        pass
    assert caught.value.code == "unwritable"
    assert "net.onnx" in str(caught.value)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    """The limit on file sizes stands for a disk that fills while we write."""
    code = (
        "import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "from converters.diagnostic import OutputFault\n"
        "from converters.outputs import whole\n"
        "try:\n"
        "    with whole(Path(sys.argv[1])) as sink:\n"
        "        [sink.write(bytes(4096)) for _ in range(100)]\n"
        "except OutputFault as fault:\n"
        "    print(fault.code)\n"
    )

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, 64 << 10))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "net.onnx")],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=True,
    )
    assert done.stdout.strip() == "disk-full", done.stderr
    assert list(tmp_path.iterdir()) == []
