"""The control folder between host and worker: a request that is ours, and a reply that nobody vouches for."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

import numpy as np

from zoo.backends.arrays import read_npy

PROTOCOL = 1
MAX_ARRAYS = 2**31  # bytes of all outputs of one job; the worker's own limit for a file is the same
MAX_OUTPUTS = 10_000
_MAX_REPLY = 4 * 2**20  # bytes of a reply.json
_MAX_TEXT = 8_000  # characters of a message that is passed on
_MAX_NAME = 1_024
_LOG_TAIL = 16_384  # bytes of a log that are looked at
_NOISE = re.compile(r"\s*(@ +(0x[0-9a-f]+|\(nil\))|\*\*\* |WARNING: Logging before InitGoogleLogging)")

Reason = Literal[
    "unavailable",  # no interpreter can run the backend
    "missing-module",  # the interpreter lacks a module after all
    "refused",  # the backend says in words what it does not accept
    "failed",  # the backend raised something else
    "killed",  # a signal ended it: most often an abort() inside a framework
    "timeout",
    "no-reply",  # it ended without an answer
    "bad-reply",  # its answer is not believable
    "unwritable",  # there is no room for the files that it talks through
]


@dataclass(frozen=True, slots=True)
class Job:
    """One artifact to run once. The input named "" goes to the only input; `outputs` None means all of them.

    Options are those that the backend's card lists, and `threads` (1 unless given).
    """

    format: str
    files: Mapping[str, Path]
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a backend computed; `seconds` is the forward pass alone, `settings` all that pinned its behaviour."""

    outputs: Mapping[str, np.ndarray]
    versions: Mapping[str, str]
    seconds: float
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a backend gave no result, as a value: a row in a table, not a crash of ours."""

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker's first reply: its interpreter can run the backend."""

    versions: Mapping[str, str]
    python: str
    sites: tuple[str, ...]


class BadReply(Exception):
    """The reply is not believable; the text says why."""


def write_request(control: Path, jobs: Mapping[str, tuple[Job, Mapping[str, object]]], *, probe: bool) -> None:
    """Lay out `request.json` and a folder a job; `jobs` is keyed by folder name and holds each job's full options."""
    entries = [_write_job(control / folder, job, options) for folder, (job, options) in jobs.items()]
    request = {"protocol": PROTOCOL, "probe": probe, "jobs": entries}
    (control / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _write_job(folder: Path, job: Job, options: Mapping[str, object]) -> dict[str, object]:
    folder.mkdir()
    inputs = []
    for index, (name, array) in enumerate(job.inputs.items()):
        file = f"in-{index}.npy"
        np.save(folder / file, np.asarray(array), allow_pickle=False)
        inputs.append({"name": name, "file": file})
    return {
        "folder": folder.name,
        "format": job.format,
        "files": {role: str(path.absolute()) for role, path in job.files.items()},
        "inputs": inputs,
        "outputs": None if job.outputs is None else list(job.outputs),
        "options": dict(options),
    }


def read_hello(control: Path) -> Hello | Failed | None:
    """The worker's answer about itself; None when it left none. BadReply when it is not believable."""
    reply = _read_json(control)
    if reply is None:
        return None
    if "error" in reply:
        return _failure(reply["error"])
    sites = reply.get("sites")
    if not isinstance(sites, list) or not all(isinstance(site, str) for site in sites):
        raise BadReply("sites is not a list of folders")
    return Hello(_strings(reply.get("versions")), _text(reply.get("python")), tuple(sites))


def read_job(
    folder: Path, asked: Sequence[str] | None, hello: Hello, settings: Mapping[str, object]
) -> Reply | Failed | None:
    """The answer to one job; None when there is none. BadReply when it is not believable."""
    reply = _read_json(folder)
    if reply is None:
        return None
    if "error" in reply:
        return _failure(reply["error"])
    entries = reply.get("outputs")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_OUTPUTS:
        raise BadReply("it lists no outputs")
    outputs: dict[str, np.ndarray] = {}
    left = MAX_ARRAYS
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or len(name) > _MAX_NAME or name in outputs:
            raise BadReply(f"output {index} has no name of its own")
        outputs[name] = _read_array(folder, f"out-{index}.npy", name, left)
        left -= outputs[name].nbytes
    if asked is not None and set(asked) != set(outputs):
        raise BadReply(f"asked for {', '.join(asked)}, it gave {', '.join(outputs)}")
    return Reply(outputs, hello.versions, _seconds(reply.get("seconds")), settings)


def log_tail(folder: Path, lines: int = 20) -> str:
    """The last lines of a worker's log, stack frames left out; empty when there is none."""
    try:
        with _open(folder, "log") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL))
            text = file.read(_LOG_TAIL).decode("utf-8", "replace")
    except (OSError, BadReply):
        return ""
    kept = [line.rstrip() for line in text.splitlines() if line.strip() and not _NOISE.match(line)]
    return "\n".join(kept[-lines:])


def _read_array(folder: Path, file: str, name: str, most: int) -> np.ndarray:
    try:
        with _open(folder, file) as source:
            return read_npy(source, most)
    except ValueError as fault:
        raise BadReply(f"output {name!r}: {file} {fault}") from None
    except OSError as fault:
        raise BadReply(f"output {name!r}: {file} cannot be read ({fault.strerror})") from None


def _read_json(folder: Path) -> dict[str, object] | None:
    try:
        with _open(folder, "reply.json") as file:
            raw = file.read(_MAX_REPLY + 1)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise BadReply(f"reply.json cannot be read ({fault.strerror})") from None
    if len(raw) > _MAX_REPLY:
        raise BadReply(f"reply.json is larger than {_MAX_REPLY:,} bytes")
    try:
        reply = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadReply("reply.json is not JSON") from None
    if not isinstance(reply, dict) or reply.get("protocol") != PROTOCOL:
        raise BadReply(f"reply.json does not speak protocol {PROTOCOL}")
    return reply


def _open(folder: Path, name: str) -> IO[bytes]:
    """Open a regular file that lies in a real folder: what a worker links to is not its reply."""
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise BadReply(f"{folder.name} is no longer a folder")
    handle = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise BadReply(f"{name} is not a regular file")


def _failure(error: object) -> Failed:
    kinds: dict[object, Reason] = {"missing-module": "missing-module", "refused": "refused", "failed": "failed"}
    if not isinstance(error, dict) or not isinstance(error.get("kind"), str) or error["kind"] not in kinds:
        raise BadReply("its error is of no known kind")
    return Failed(kinds[error["kind"]], _text(error.get("message")))


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 100:
        raise BadReply("versions is not a small table")
    return {_text(name): _text(version) for name, version in value.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadReply(f"{value!r:.40} stands where text is expected")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in value[:_MAX_TEXT])


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise BadReply(f"seconds is {value!r:.40}")
    return float(value)
