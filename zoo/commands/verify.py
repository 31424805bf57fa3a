"""`zoo verify`: whether the certificate of parity in an ONNX file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo.certificate.checking import Found


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rerun", is_flag=True, help="Run the check again as the certificate describes it.")
@click.option("--offline", is_flag=True, help="Use what the store holds; never open a socket.")
@click.option("--trust-first-use", is_flag=True, help="Accept files of which nobody published a checksum.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def verify(file: Path, *, rerun: bool, offline: bool, trust_first_use: bool, as_json: bool) -> int:
    """Hold the certificate in FILE.onnx (check-parity --attest) against the file, its sidecar and its source.

    A certificate is no signature: whoever can write the file can write another one. --rerun proves what it says.
    Exit status: 0 it holds, 1 it is missing, stale or forged; with --rerun also those of check-parity's faults.
    """
    from zoo.certificate import checking
    from zoo.console import Console
    from zoo.parity.request import Access

    console = Console("json" if as_json else "human")
    found = checking.verify(file)
    report = None
    if rerun and found.certificate is not None:
        found, report = checking.rerun(found, file, console, Access(offline, trust_first_use))
    told = {**checking.payload(found, file), "rerun": report}
    console.result("verify", told, lambda: _text(found, file))
    return found.status


def _text(found: Found, file: Path) -> str:
    lines = [f"{file}: {'the certificate does not hold' if found.faults else 'the certificate holds'}"]
    certificate = found.certificate
    if certificate is not None:
        source = certificate.source
        lines.append(f"  {certificate.explanation}: {source.artifact} in {source.backend}")
        lines.append(f"  inputs: {certificate.inputs.samples} (sha256 {certificate.inputs.sha256[:16]})")
        lines += [f"  source {one.role}: {one.name} (sha256 {one.sha256[:16]})" for one in certificate.source_files]
    lines += [f"  no: {fault}" for fault in found.faults]
    return "\n".join([*lines, *(f"  note: {note}" for note in found.notes)])
