"""What a certificate says: which bytes were compared with which, on what inputs, how far apart, and the verdict."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.console import finite
from zoo.parity.golden import digest
from zoo.parity.subjects import parse

if TYPE_CHECKING:
    from zoo.parity.feeding import Samples
    from zoo.parity.request import Performed

_CONFIG = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Target(BaseModel):
    """The file that is vouched for, without its certificate; `external` are the files of its weights."""

    model_config = _CONFIG
    sha256: str
    bytes: int
    external: dict[str, str] = {}


class File(BaseModel):
    """A file of the source; `name` is relative to the target's folder where it lies on the same disk."""

    model_config = _CONFIG
    role: str
    name: str
    sha256: str


class Run(BaseModel):
    """One run: what was loaded, in which backend, at which versions and settings."""

    model_config = _CONFIG
    artifact: str
    backend: str
    versions: dict[str, str]
    settings: dict[str, Any]


class Inputs(BaseModel):
    """What was fed, and how to make it again; files are relative to the target's folder."""

    model_config = _CONFIG
    samples: str
    batch: int
    seed: int
    sha256: str
    device: str | None = None
    inputs: str | None = None
    images: str | None = None
    golden: str | None = None


class Output(BaseModel):
    """One output of one run against the source's; figures are those of the report (docs/parity.md)."""

    model_config = _CONFIG
    run: str
    name: str
    verdict: str
    figures: dict[str, Any]


class Certificate(BaseModel):
    """The whole certificate; `sha256` is of everything else in it, so that an edited one is known."""

    model_config = _CONFIG
    schema_: Annotated[Literal["zoo/certificate"], Field(alias="schema")] = "zoo/certificate"
    version: Literal[1] = 1
    target: Target
    source: Run
    source_files: tuple[File, ...]
    subjects: tuple[str, ...]
    runs: tuple[Run, ...]
    inputs: Inputs
    tolerance: dict[str, Any]
    verdict: str
    explanation: str
    outputs: tuple[Output, ...]
    environment: dict[str, str]
    sha256: str = ""

    def body(self) -> dict[str, Any]:
        """Everything but the digest."""
        return self.model_dump(mode="json", by_alias=True, exclude={"sha256"})

    def own_digest(self) -> str:
        """The digest that `sha256` has to be."""
        return hashlib.sha256(_plain(self.body()).encode()).hexdigest()

    def text(self) -> str:
        """The certificate as it stands in the file: one line."""
        return _plain({**self.body(), "sha256": self.sha256})


def read(raw: bytes) -> Certificate | str:
    """The certificate in a record, or in words why it is none."""
    try:
        return Certificate.model_validate_json(raw)
    except ValidationError as fault:
        first = fault.errors()[0]
        return f"it is no certificate of version 1: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def of(done: Performed, report: dict[str, Any], path: Path, target: Target) -> Certificate:
    """The certificate for one ONNX file of a check that says yes."""
    folder, request = path.resolve().parent, done.prepared.request
    assert done.seen.samples is not None
    reference = done.seen.results[0].run.source.artifact
    files = [
        File(role=role, name=_relative(place, folder), sha256=reference.digests[role])
        for role, place in reference.files.items()
    ]
    made = Certificate(
        target=target,
        source=_run(report["reference"]),
        source_files=tuple(files),
        subjects=tuple(rebased(text, folder) for text in request.subjects),
        runs=tuple(_run(row) for row in report["rows"]),
        inputs=Inputs(
            samples=done.seen.samples.described,
            batch=request.batch,
            seed=request.seed,
            device=request.device,
            sha256=samples_digest(done.seen.samples),
            inputs=_optional(request.inputs, folder),
            images=_optional(request.images, folder),
            golden=_optional(request.golden, folder),
        ),
        tolerance=report["tolerance"],
        verdict=report["verdict"],
        explanation=report["explanation"],
        outputs=tuple(
            Output(
                run=f"{row['artifact']} in {row['backend']}",
                name=output.get("title", output["name"]),
                verdict=output["verdict"],
                figures=json.loads(json.dumps(finite(output["figures"] or {}))),
            )
            for row in report["rows"]
            for output in row["outputs"]
        ),
        environment={name: str(value) for name, value in report["environment"].items()},
    )
    return made.model_copy(update={"sha256": made.own_digest()})


def samples_digest(samples: Samples) -> str:
    """One sha256 over the names and numbers of all inputs."""
    parts = [f"{port.name} {digest(array)}" for port, array in zip(samples.leader, samples.arrays, strict=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def rebased(subject: str, folder: Path, *, back: bool = False) -> str:
    """A SUBJECT whose files are relative to `folder`; with `back`, one from there as it is typed here."""
    parsed = parse(subject)
    parts = (parsed.source,) if isinstance(parsed.source, str) else parsed.source
    if back:
        moved = [str(folder / part) if (folder / part).exists() else part for part in parts]
    else:
        moved = [_relative(Path(part), folder) if Path(part).exists() else part for part in parts]
    return ",".join(moved) + (f"::{parsed.backend}" if parsed.backend else "")


def _run(told: dict[str, Any]) -> Run:
    return Run(**{name: told[name] for name in ("artifact", "backend", "versions", "settings")})


def _optional(path: Path | None, folder: Path) -> str | None:
    return None if path is None else _relative(path, folder)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder)).as_posix()
    except ValueError:  # another drive, on Windows
        return str(path.resolve())


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
