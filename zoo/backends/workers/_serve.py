"""Runs one backend in whatever interpreter it needs: `python -I -B _serve.py WORKER.py CONTROL_DIR` (docs/backends.md).

Python 3.6 syntax, standard library only, numpy where a job has arrays. Requests and replies are files in the control
folder, never stdout: frameworks print there.
"""

import importlib
import importlib.util
import json
import os
import platform
import signal
import sys
import sysconfig
import threading
import time
import traceback
from pathlib import Path

PROTOCOL = 1
MAX_FILE = 2**31  # bytes; no file that a worker writes grows past this, its log included


def main(worker: str, control: Path) -> None:
    """Answer the request in `control`: one reply for the backend, then one for each job."""
    _watch_parent()
    _limit_files()
    request = json.loads((control / "request.json").read_text(encoding="utf-8"))
    try:
        module = _load(worker)
        reply = {"versions": _versions(module), "python": platform.python_version(), "sites": _sites()}
        if request["probe"] and hasattr(module, "probe"):
            module.probe()
    except BaseException as fault:  # noqa: BLE001 - whatever a framework raises is an answer
        _write(control, {"error": _error(fault)})
        return
    _write(control, reply)
    loaded = {}
    for job in request["jobs"]:
        folder = control / job["folder"]
        _redirect(folder / "log")
        try:
            _write(folder, _answer(module, job, folder, loaded))
        except BaseException as fault:  # noqa: BLE001 - the next job still has its chance
            traceback.print_exc()
            loaded.clear()  # nobody knows what state it left its model in
            _write(folder, {"error": _error(fault)})


def _answer(module: object, job: dict, folder: Path, loaded: dict) -> dict:
    """Run a job; `loaded` keeps the last handle, for jobs that run the same files with other inputs."""
    import numpy as np

    same = json.dumps([job["format"], job["files"], job["options"]], sort_keys=True)
    if same not in loaded:
        loaded.clear()
        loaded[same] = module.load(job["format"], job["files"], job["options"])
    handle = loaded[same]
    fed = {entry["name"]: np.load(str(folder / entry["file"]), allow_pickle=False) for entry in job["inputs"]}
    if hasattr(module, "inputs"):
        fed = _matched(fed, module.inputs(handle))
    began = time.perf_counter()
    produced = module.run(handle, fed, job["outputs"])
    seconds = time.perf_counter() - began
    return {"outputs": [_save(folder, index, *item) for index, item in enumerate(produced.items())], "seconds": seconds}


def _save(folder: Path, index: int, name: str, value: object) -> dict:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"output {name} is no tensor of numbers (dtype {array.dtype})")
    file = f"out-{index}.npy"
    np.save(str(folder / file), array if array.flags.c_contiguous else array.copy(order="C"), allow_pickle=False)
    return {"name": name, "file": file}


def _matched(fed: dict, names: list) -> dict:
    """Give the unnamed feed the name of the only input; say which names are missing or unknown.

    `names` is None where the framework does not tell them.
    """
    if names is None:
        return fed
    if set(fed) == {""} and len(names) == 1:
        return {names[0]: fed[""]}
    if set(fed) != set(names):
        given = ", ".join(name or "(unnamed)" for name in sorted(fed))
        raise ValueError(f"fed: {given}; the model's inputs: {', '.join(names)}")
    return fed


def _load(path: str) -> object:
    """Import the worker by its path, under a name of its own: `workers/torch.py` must not shadow torch."""
    spec = importlib.util.spec_from_file_location("zoo_worker", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for needed in module.NEEDS:
        importlib.import_module(needed)
    return module


def _versions(module: object) -> dict:
    return {str(name): str(version) for name, version in module.versions().items()}


def _sites() -> list:
    """Where packages of this interpreter are installed: their change invalidates what zoo remembers of it."""
    return sorted({os.path.realpath(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib")})


def _error(fault: BaseException) -> dict:
    """A missing module and a refusal (ValueError) speak for themselves; anything else says its type."""
    if isinstance(fault, ImportError):
        return {"kind": "missing-module", "message": str(fault)}
    if isinstance(fault, ValueError) and str(fault):
        return {"kind": "refused", "message": str(fault)}
    return {"kind": "failed", "message": "".join(traceback.format_exception_only(type(fault), fault)).strip()}


def _write(folder: Path, reply: dict) -> None:
    """Make the reply appear whole or not at all."""
    part = folder / "reply.json.part"
    part.write_text(json.dumps(dict(reply, protocol=PROTOCOL)), encoding="utf-8")
    part.replace(folder / "reply.json")


def _redirect(log: Path) -> None:
    """Send stdout and stderr, those of C++ code too, to the job's own log; its presence says that the job began."""
    sys.stdout.flush()
    sys.stderr.flush()
    sink = os.open(str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)


def _limit_files() -> None:
    """No core dumps, no file over `MAX_FILE`, where the platform can promise it."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, MAX_FILE)):
        _soft, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _watch_parent() -> None:
    """Die, children too, when the host dies: it holds the other end of stdin and never writes to it."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the replies are complete; a framework's teardown has crashed more than one process
