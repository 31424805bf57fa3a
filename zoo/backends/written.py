"""What a backend cannot find out itself: ONNX networks are written as modules, architectures are recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job
from zoo.diagnostics import Diagnostic

_ROLES = {".py": "code", ".safetensors": "weights"}


@contextmanager
def prepared(card: Card, jobs: Sequence[Job]) -> Iterator[tuple[list[Job], dict[int, Failed]]]:
    """The jobs with the files that the worker loads, and the jobs whose artifact cannot be written.

    Jobs of one artifact share what is written for it. The files are there as long as the block lasts. A worker with
    an option `arch` gets the name of the architecture that the weights are of, unless the job says one.
    """
    if "arch" in card.options:
        yield _named(jobs)
        return
    if not any(job.format in card.via for job in jobs):
        yield list(jobs), {}
        return
    ready, failed = list(jobs), dict[int, Failed]()
    made: dict[tuple[Path, ...], Mapping[str, Path] | Failed] = {}
    with TemporaryDirectory(prefix="zoo-written-") as folder:
        for index, job in enumerate(jobs):
            if job.format not in card.via or not all(path.is_file() for path in job.files.values()):
                continue
            paths = tuple(job.files.values())
            if paths not in made:
                made[paths] = _write(paths, card.via[job.format], Path(folder) / str(len(made)))
            found = made[paths]
            if isinstance(found, Failed):
                failed[index] = found
            else:
                ready[index] = replace(job, files=found)
        yield ready, failed


def _named(jobs: Sequence[Job]) -> tuple[list[Job], dict[int, Failed]]:
    """The jobs with the architecture of their weights among their options."""
    ready, failed = list(jobs), dict[int, Failed]()
    known: dict[tuple[Path, ...], str | Failed] = {}
    for index, job in enumerate(jobs):
        if job.options.get("arch") or not all(path.is_file() for path in job.files.values()):
            continue
        paths = tuple(job.files.values())
        if paths not in known:
            known[paths] = _architecture(paths)
        found = known[paths]
        if isinstance(found, Failed):
            failed[index] = found
        else:
            ready[index] = replace(job, options={**job.options, "arch": found})
    return ready, failed


def _architecture(paths: Sequence[Path]) -> str | Failed:
    import converters

    try:
        return str(converters.read(paths).ir.graph.name)
    except Diagnostic as fault:
        return Failed("refused", f"{fault.code}: {'; '.join([fault.message, *fault.details])}")


def _write(paths: Sequence[Path], to: str, out: Path) -> Mapping[str, Path] | Failed:
    import converters

    try:
        names = converters.write(converters.read(paths), to, out)
    except Diagnostic as fault:
        return Failed("refused", f"{fault.code}: {'; '.join([fault.message, *fault.details])}")
    return {_ROLES[Path(name).suffix]: out / name for name in names}
