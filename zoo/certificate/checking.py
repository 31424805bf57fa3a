"""`zoo verify`: a certificate is held against the file that it stands in, the source, and, when asked, a new run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.outputs import sha256
from zoo.certificate import seal
from zoo.certificate.attesting import sidecar
from zoo.certificate.content import Certificate, read, rebased, samples_digest
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.parity.request import Access, Request, accounted, perform, prepare

if TYPE_CHECKING:
    from zoo.console import Console

NO = 1


@dataclass(frozen=True, slots=True)
class Found:
    """What a verification found: faults speak against the file, notes say what could not be looked at."""

    certificate: Certificate | None
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def status(self) -> int:
        """1 when anything speaks against the file."""
        return NO if self.faults else 0


def verify(path: Path) -> Found:
    """Hold the certificate against the file, its external weights, the sidecar and the source where it is here."""
    file = seal.read(path)
    if not file.records:
        return Found(None, ("there is no certificate in this file",), ())
    if len(file.records) > 1:
        return Found(None, (f"there are {len(file.records)} certificates in this file: one of them is forged",), ())
    certificate = read(file.records[0])
    if isinstance(certificate, str):
        return Found(None, (certificate,), ())
    faults = [*_itself(certificate), *_target(certificate, file, path)]
    notes: list[str] = []
    for fault, text in (*_sidecar(certificate, path), *_source(certificate, path)):
        (faults if fault else notes).append(text)
    return Found(certificate, tuple(faults), tuple(notes))


def _itself(certificate: Certificate) -> Iterator[str]:
    """What is wrong with a certificate whatever file it stands in."""
    if certificate.sha256 != certificate.own_digest():
        yield "forged: the certificate was edited after it was written (its own sha256 is another)"
    against = [f"{one.name} of {one.run}" for one in certificate.outputs if one.verdict == "fail"]
    if against or certificate.verdict != "agrees" or not certificate.outputs:
        what = f", {', '.join(against)} failed" if against else ""
        yield f"forged: it does not say that the outputs agree (verdict: {certificate.verdict}{what})"


def _target(certificate: Certificate, file: seal.Sealed, path: Path) -> Iterator[str]:
    target = certificate.target
    if (file.sha256, file.size) != (target.sha256, target.bytes):
        yield (
            f"stale: the file was changed after it was attested, or the certificate is another file's "
            f"(sha256 {file.sha256[:16]}, attested {target.sha256[:16]})"
        )
    if set(file.external) != set(target.external):
        yield "stale: its weights lie in other files than those that were attested"
        return
    for location, found in seal.external_files(path, file.external).items():
        if found != target.external[location]:
            yield f"stale: {location}, which holds its weights, was changed after it was attested"


def _sidecar(certificate: Certificate, path: Path) -> Iterator[tuple[bool, str]]:
    place = sidecar(path)
    try:
        raw = place.read_bytes()
    except OSError:
        yield False, f"there is no {place.name} beside the file"
        return
    beside = read(raw)
    if isinstance(beside, str) or beside != certificate:
        yield True, f"forged: {place.name} says something else than the certificate in the file"


def _source(certificate: Certificate, path: Path) -> Iterator[tuple[bool, str]]:
    for file in certificate.source_files:
        place = path.resolve().parent / file.name
        if not place.is_file():
            yield False, f"the source's {file.name} is not here: not compared"
        elif sha256(place) != file.sha256:
            yield True, f"stale: the source's {file.name} was changed after the file was attested"


def rerun(found: Found, path: Path, console: Console, access: Access) -> tuple[Found, dict[str, Any]]:
    """Run the check again as the certificate describes it; what comes out otherwise is a fault.

    Raises:
        Diagnostic: the source is not here, or no backend runs it.
    """
    certificate = found.certificate
    if certificate is None:
        raise UsageFault("rerun", "there is no certificate that says what to run")
    done = perform(prepare(_request(certificate, path), console, access))
    report = accounted(done, detailed=False)
    faults = list(found.faults)
    if report["status"]:
        faults.append(f"the check, run again, says {report['verdict']}: {report['explanation']}")
    if done.seen.samples is None or samples_digest(done.seen.samples) != certificate.inputs.sha256:
        faults.append("the check could not be run on the inputs that were attested: theirs is another sha256")
    if done.seen.results:
        artifact = done.seen.results[0].run.source.artifact
        attested = {file.role: file.sha256 for file in certificate.source_files}
        if dict(artifact.digests) != attested:
            faults.append(f"the source {artifact.label} is not the one that was attested: its sha256 is another")
    notes = [f"run again: {report['explanation']}", *(note for note in found.notes if "not compared" not in note)]
    return Found(certificate, tuple(faults), tuple(notes)), report


def _request(certificate: Certificate, path: Path) -> Request:
    folder = path.resolve().parent
    inputs = certificate.inputs

    def here(name: str | None) -> Path | None:
        return None if name is None else folder / name

    subjects = tuple(rebased(text, folder, back=True) for text in certificate.subjects)
    if not any(_names(text, path) for text in subjects):
        raise Diagnostic(
            "rerun",
            f"the certificate is about {', '.join(certificate.subjects)}, none of which is this file",
            hint="a file that was renamed is checked again with zoo check-parity SOURCE FILE --attest",
        )
    tolerance = certificate.tolerance
    mine = tolerance if tolerance.get("source") == "command line" else {}
    return Request(
        subjects,
        inputs=here(inputs.inputs),
        images=here(inputs.images),
        golden=here(inputs.golden),
        seed=inputs.seed,
        device=inputs.device,
        batch=inputs.batch,
        rtol=mine.get("rtol"),
        atol=mine.get("atol"),
        why=mine.get("why"),
    )


def _names(subject: str, path: Path) -> bool:
    parts = subject.partition("::")[0].split(",")
    return any(Path(part).resolve() == path.resolve() for part in parts)


def payload(found: Found, path: Path) -> dict[str, Any]:
    """For JSON."""
    certificate = found.certificate
    return {
        "file": str(path),
        "status": found.status,
        "faults": list(found.faults),
        "notes": list(found.notes),
        "certificate": json.loads(certificate.text()) if certificate else None,
    }
