"""`--attest`: the ONNX files of a check that says yes are given their certificates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.certificate import seal
from zoo.certificate.content import Target, of
from zoo.diagnostics import Diagnostic, UsageFault, Where
from zoo.parity.plan import HUB, Plan

if TYPE_CHECKING:
    from zoo.parity.request import Performed


def targets(plan: Plan) -> list[Path]:
    """The ONNX files that the caller brought and that are not the reference; what lies in the store stays as it is."""
    reference = plan.runs[0].source.artifact if plan.runs else None
    found = [
        path
        for run in plan.runs
        if run.source.artifact is not reference and run.source.format == HUB and not run.source.converted
        if run.source.artifact.entry is None
        for path in run.source.artifact.files.values()
    ]
    return list(dict.fromkeys(found))


def demand_targets(plan: Plan) -> dict[Path, str]:
    """The targets with their sha256 before anything runs; a check with nothing to attest is refused."""
    found = {path: seal.read(path).sha256 for path in targets(plan)}
    if not found:
        raise UsageFault(
            "attest",
            "none of these subjects is an ONNX file that could be given a certificate",
            hint="name the source first and the .onnx file after it: zoo check-parity SOURCE m.onnx --attest",
        )
    return found


def attest(done: Performed, report: dict[str, Any], before: Mapping[Path, str]) -> list[dict[str, Any]]:
    """Write certificates for all targets of a check that says yes; for one that does not, nothing.

    A target is one that ran: what was planned and did not run is not attested. `before` are the digests that
    `demand_targets` gave: a file that changed while it was checked is refused.
    """
    if report["status"]:
        return []
    ran = {path for result in done.seen.results[1:] for path in result.run.source.artifact.files.values()}
    written = []
    for path, sha256 in before.items():
        if path not in ran:
            continue
        found = seal.read(path)
        if found.sha256 != sha256:
            raise Diagnostic("attest", "was changed while it was checked", where=Where(str(path)))
        target = Target(sha256=found.sha256, bytes=found.size, external=seal.external_files(path, found.external))
        certificate = of(done, report, path, target)
        beside = sidecar(path)
        text = json.dumps(json.loads(certificate.text()), indent=1, ensure_ascii=False) + "\n"
        whole = seal.write(path, certificate.text().encode(), beside, text.encode())
        written.append({"file": str(path), "sha256": whole, "certificate": certificate.sha256, "sidecar": str(beside)})
    return written


def sidecar(path: Path) -> Path:
    """`m.onnx.parity.json`."""
    return path.with_name(f"{path.name}.parity.json")
