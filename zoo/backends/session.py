"""One session with a worker: a private control folder, a process under limits, and what it says of itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.backends.card import Card
from zoo.backends.exchange import BadReply, Failed, Hello, log_tail, read_hello, write_request
from zoo.backends.process import End, supervise

SERVE = Path(__file__).parent / "workers" / "_serve.py"
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES", "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
)  # fmt: skip
_THREAD_PINS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_QUIET = {"GLOG_minloglevel": "2", "OPENCV_LOG_LEVEL": "ERROR"}


def greet(card: Card, interpreter: Path, timeout: float) -> Hello | Failed:
    """Asks an interpreter whether it can run the backend: imports what it needs and lets the worker prove itself."""
    try:
        with control_folder() as control:
            write_request(control, {}, probe=True)
            return converse(card, interpreter, control, (), 1, timeout)[1]
    except OSError as fault:
        return unwritable(fault)


def converse(
    card: Card,
    interpreter: Path,
    control: Path,
    jobs: Iterable[int],
    threads: int,
    timeout: float,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[End, Hello | Failed]:
    """Start the worker, wait for its end, and hear what it says of itself; KeyboardInterrupt once `stop()` is true."""
    replies = [control / job_folder(index) / "reply.json" for index in jobs]

    def progress() -> int:
        if stop():
            raise KeyboardInterrupt
        return sum(reply.exists() for reply in replies)

    try:
        end = supervise(
            [str(interpreter), "-I", "-B", str(SERVE), str(card.worker.absolute()), str(control)],
            folder=control,
            environment=_environment(control, threads),
            log=control / "log",
            limit=timeout,
            progress=progress,
        )
    except OSError as fault:
        return End(None), Failed("unavailable", f"{interpreter} cannot be started ({fault.strerror})")
    try:
        hello = read_hello(control)
    except BadReply as fault:
        return end, Failed("bad-reply", str(fault))
    return end, ended(end, log_tail(control), timeout) if hello is None else hello


def job_folder(index: int) -> str:
    """Name of a job's folder in the control folder."""
    return f"job-{index}"


def ended(end: End, tail: str, timeout: float) -> Failed:
    """What an end without an answer means; the log's tail most often names the cause."""
    said = f"\n{tail}" if tail else ""
    if end.status is None:
        return Failed("timeout", f"no answer within {timeout:g} s{said}")
    if end.signal:
        return Failed("killed", f"by {end.signal}{said}")
    return Failed("no-reply", f"it ended with status {end.status} and no answer{said}")


def unwritable(fault: OSError) -> Failed:
    """The temp folder is full, closed or not there."""
    return Failed("unwritable", f"no control folder in {tempfile.gettempdir()} ({fault.strerror or fault})")


def _environment(control: Path, threads: int) -> dict[str, str]:
    """What a worker sees of our environment: paths and locale, silenced logs, pinned threads, its own temp folder."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    temp = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(control))
    return {**kept, **_QUIET, **dict.fromkeys(_THREAD_PINS, str(threads)), **temp}


@contextmanager
def control_folder() -> Iterator[Path]:
    """A private folder (mode 700) that is gone afterwards, whatever a worker left in it."""
    folder = tempfile.mkdtemp(prefix="zoo-run-")
    try:
        yield Path(folder).resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
