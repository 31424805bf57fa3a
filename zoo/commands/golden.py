"""`zoo golden`: a reference's answers in a file, for checks where its framework is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")


@click.group()
def golden() -> None:
    """Record a reference's answers, to check without its framework."""


@golden.command()
@click.argument("subject")
@click.option("-o", "--output", type=_FILE, required=True, metavar="G.npz", help="The file to write.")
@click.option("--inputs", type=_FILE, metavar="F.npz", help="Feed these arrays, one an input.")
@click.option("--input", multiple=True, metavar="[NAME:]DIMS", help="An input's shape, for files that say none.")
@click.option("--images", type=_FILE, metavar="DIR", help="Feed the photos of a folder.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random inputs.")
@click.option("--batch", type=click.IntRange(1, 1024), default=2, show_default=True, help="How many random samples.")
@click.option("--layers", is_flag=True, help="Record inner values whole, to check layer by layer and to bisect.")
@click.option("--force", is_flag=True, help="Write over a golden that is there.")
@click.option("--offline", is_flag=True, help="Use what the store holds; never open a socket.")
@click.option("--trust-first-use", is_flag=True, help="Accept files of which nobody published a checksum.")
@_JSON
def make(subject: str, *, output: Path, layers: bool, force: bool, as_json: bool, **given: Any) -> None:
    """Run SUBJECT's reference twice and record what it was fed and what it answered.

    SUBJECT is as for check-parity; its reference is the first artifact in its own framework (name another with
    ::backend). Of each inner value a few numbers are recorded. A reference whose two runs differ is refused, and so is
    every golden in CI: commit it instead.
    """
    from dataclasses import replace

    from zoo.commands.arguments import fields
    from zoo.console import Console
    from zoo.parity.kept import keep
    from zoo.parity.recorded import alone, demand_writable, write
    from zoo.parity.request import Access, Request, acting, carried_out, prepare

    demand_writable(output, force=force)
    console = Console("json" if as_json else "human")
    prepared = prepare(Request((subject,), **fields(Request, given)), console, Access(**fields(Access, given)))
    prepared = replace(prepared, plan=alone(prepared.plan))
    with acting(prepared) as means:
        done = carried_out(prepared, means)
        inner = keep(prepared.plan, means, done.seen, whole=layers)
    made = write(output, done, inner)
    if inner.why_not:
        console.note(f"no inner values are recorded: {inner.why_not}")
    console.result("golden", made, lambda: _text(made))


@golden.command()
@click.argument("file", type=_FILE)
@_JSON
def show(file: Path, *, as_json: bool) -> None:
    """Show what a golden holds, after its arrays have been checked against their digests."""
    from zoo.console import Console
    from zoo.parity.golden import read

    found = read(file)
    card = found.card.model_dump(mode="json", exclude={"schema_", "version"})
    told = {"path": str(file), "sha256": found.sha256, "bytes": file.stat().st_size, **card}
    Console("json" if as_json else "human").result("golden", told, lambda: _text(told))


def _text(told: Mapping[str, Any]) -> str:
    from zoo.parity.sampled import MOST

    reference = told["reference"]
    versions = ", ".join(f"{name} {version}" for name, version in reference["versions"].items())
    lines = [
        f"{told['path']}: {reference['artifact']} in {reference['backend']} ({versions})",
        f"  {told['described']}; {told['bytes']:,} bytes, sha256 {told['sha256']}",
        *(f"  {role}: sha256 {sha256}" for role, sha256 in reference["files"].items()),
    ]
    lines += [f"  input {one['name']}: {' x '.join(map(str, one['shape']))}" for one in told["inputs"]]
    names = [one["name"] for one in told["outputs"] if one["kind"] == "output"]
    lines += [
        f"  outputs: {', '.join(names)}",
        f"  further sets: {', '.join(one['name'] for one in told['sets']) or '-'}",
    ]
    inner = told["inner"]
    much = "all numbers" if inner and inner[0]["whole"] else f"at most {MOST} numbers"
    lines.append(f"  inner values: {f'{len(inner)}, {much} of each' if inner else 'none'}")
    return "\n".join(lines)
