"""What a backend cannot find out itself: ONNX networks are written as modules, architectures are recognised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job
from zoo.diagnostics import Diagnostic

T = TypeVar("T")

_ROLES = {".py": "code", ".safetensors": "weights"}


@contextmanager
def prepared(card: Card, jobs: Sequence[Job]) -> Iterator[tuple[list[Job], dict[int, Failed]]]:
    """The jobs with the files that the worker loads, and the jobs whose artifact cannot be written.

    Jobs of one artifact share what is written for it. The files are there as long as the block lasts. A worker with
    an option `arch` gets the name of the architecture that the weights are of, unless the job says one.
    """
    if "arch" in card.options:
        yield _each(
            jobs,
            lambda job: not job.options.get("arch"),
            lambda paths, _job, _number: _architecture(paths),
            lambda job, arch: replace(job, options={**job.options, "arch": arch}),
        )
        return
    if not any(job.format in card.via for job in jobs):
        yield list(jobs), {}
        return
    with TemporaryDirectory(prefix="zoo-written-") as folder:
        yield _each(
            jobs,
            lambda job: job.format in card.via,
            lambda paths, job, number: _write(paths, card.via[job.format], Path(folder) / str(number)),
            lambda job, files: replace(job, files=files),
        )


def _each(
    jobs: Sequence[Job],
    wants: Callable[[Job], bool],
    make: Callable[[Sequence[Path], Job, int], T | Failed],
    given: Callable[[Job, T], Job],
) -> tuple[list[Job], dict[int, Failed]]:
    """The jobs, those that want it `given` what is made of their files, once an artifact; and those it fails for."""
    ready, failed = list(jobs), dict[int, Failed]()
    made: dict[tuple[Path, ...], T | Failed] = {}
    for index, job in enumerate(jobs):
        if not wants(job) or not all(path.is_file() for path in job.files.values()):
            continue
        paths = tuple(job.files.values())
        if paths not in made:
            made[paths] = make(paths, job, len(made))
        found = made[paths]
        if isinstance(found, Failed):
            failed[index] = found
        else:
            ready[index] = given(job, found)
    return ready, failed


def _architecture(paths: Sequence[Path]) -> str | Failed:
    import converters

    try:
        return str(converters.read(paths).ir.graph.name)
    except Diagnostic as fault:
        return _refused(fault)


def _write(paths: Sequence[Path], to: str, out: Path) -> Mapping[str, Path] | Failed:
    import converters

    try:
        names = converters.write(converters.read(paths), to, out)
    except Diagnostic as fault:
        return _refused(fault)
    return {_ROLES[Path(name).suffix]: out / name for name in names}


def _refused(fault: Diagnostic) -> Failed:
    return Failed("refused", f"{fault.code}: {'; '.join([fault.message, *fault.details])}")
