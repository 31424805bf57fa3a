"""What was measured in float64 is kept by content: the same file with the same inputs is not measured twice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from zoo.diagnostics import BackendFault, Where
from zoo.parity import engine
from zoo.parity.feeding import Fed
from zoo.parity.floors import Question
from zoo.parity.layers.glance import SEEDS as GLANCE
from zoo.parity.measure import SEEDS, Error, Measured, measure, value
from zoo.supply.remembered import excess, floors, remove

_CHUNK = 1 << 20


def remembered(question: Question, stop: Callable[[], bool]) -> Measured:
    """As `measure` says; what was measured before with the same engine comes from the user's cache."""
    place = floors() / _key(question)
    found = _recall(place)
    if found is not None:
        return found
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)  # damaged, or not there
    work = Path(mkdtemp(prefix=".measuring-", dir=place.parent))
    try:
        _measure(question, work, stop)
        _forget()
        with suppress(OSError):  # somebody else was faster
            work.replace(place)
        found = _recall(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if found is None:
        raise BackendFault("float64", "what was measured is gone", where=Where(str(place)))
    return found


def remembered_layers(model: Path, feeds: Fed, inner: Fed, got: Mapping[str, Fed]) -> Measured:
    """Each layer in float64 from `inner`, and how far `got` lies from it; what was measured before is not again."""
    digest = hashlib.sha256(f"layers {GLANCE} {_engine()} {np.__version__} {version('onnx')}".encode())
    _add_file(digest, model)
    for label, arrays in (("feeds", feeds), ("inner", inner), *sorted(got.items())):
        digest.update(label.encode())
        _add_arrays(digest, arrays)
    place = floors() / digest.hexdigest()
    found = _recall(place)
    if found is not None:
        return found
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(mkdtemp(prefix=".measuring-", dir=place.parent))
    try:
        made = measure(model, feeds, work, forced=inner, against=got, seeds=GLANCE)
        _remember(made, work)
        for path in work.glob("*"):
            if path.name != "measured.json":
                path.unlink()
        with suppress(OSError):  # somebody else was faster
            work.replace(place)
        _forget()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return made


def _measure(question: Question, folder: Path, stop: Callable[[], bool]) -> None:
    seeds = SEEDS if question.noise else 0
    model = question.artifact.files["model"]
    made = measure(
        model, question.feeds, folder, keep=question.keep, lanes=question.lanes, seeds=seeds, noise=question.noise,
        stop=stop,
    )  # fmt: skip
    _remember(made, folder)
    for name in ("request.json", "reply.json", "log", *(path.name for path in folder.glob("in-*.npy"))):
        (folder / name).unlink(missing_ok=True)


def _key(question: Question) -> str:
    """Digest of everything that the numbers depend on."""
    digest = hashlib.sha256()
    for path in question.artifact.files.values():
        _add_file(digest, path)
    _add_arrays(digest, question.feeds)
    told = [list(question.keep), list(question.lanes), question.noise, _engine(), np.__version__, version("onnx")]
    digest.update(json.dumps(told).encode())
    return digest.hexdigest()


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)


def _add_arrays(digest: hashlib._Hash, arrays: Fed) -> None:
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)


@lru_cache(maxsize=1)
def _engine() -> str:
    """Digest of the engine's own source: a changed kernel measures anew."""
    files = sorted(Path(next(iter(engine.__path__))).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _remember(found: Measured, folder: Path) -> None:
    plain = {
        "values": [one.plain() for one in found.values.values()],
        "kept": {name: path.name for name, path in found.kept.items()},
        "outputs": list(found.outputs),
        "errors": {
            label: {name: asdict(one) for name, one in theirs.items()} for label, theirs in found.errors.items()
        },
        "lanes": {name: [path.name for path in paths] for name, paths in found.lanes.items()},
    }
    (folder / "measured.json").write_text(json.dumps(plain), encoding="utf-8")


def _recall(folder: Path) -> Measured | None:
    """What lies in the folder; a damaged one is as good as none."""
    try:
        plain = json.loads((folder / "measured.json").read_bytes())
        values = {entry["name"]: value(entry) for entry in plain["values"]}
        kept = {name: folder / file for name, file in plain["kept"].items()}
        lanes = {name: [folder / file for file in files] for name, files in plain["lanes"].items()}
        errors = {
            label: {name: Error(**one) for name, one in theirs.items()} for label, theirs in plain["errors"].items()
        }
        found = Measured(values, kept, errors, tuple(plain["outputs"]), lanes)
        for name in kept:
            found.double(name)
        for name in lanes:
            found.runs(name)
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _forget() -> None:
    """Keep what was used last, within the store's bounds."""
    for one in excess():
        remove(one)
