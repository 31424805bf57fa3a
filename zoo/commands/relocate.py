"""`zoo relocate`: move a checkpoint's tensors between GPU and CPU, in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo.console import Console
    from zoo.relocate.batch import Outcome
    from zoo.relocate.plan import Piece, Plan, Request

REFUSED = 3
_SHOWN = 48  # bytes of a change that --explain prints


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", metavar="DEVICE", help="cpu, cuda or cuda:N: where every tensor goes.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file (or, with --recursive, folder) to write."
)
@click.option("--in-place", is_flag=True, help="Replace the file when its new form is whole and on the disk.")
@click.option("--map", "maps", multiple=True, metavar="OLD=NEW", help="One device for another, such as cuda:1=cuda:0.")
@click.option(
    "--strip-prefix", metavar="TEXT", help="Take a prefix such as module. off the names of tensors (PyTorch)."
)
@click.option("--cudnn", is_flag=True, help="On the way to a GPU, layers of nn become cudnn's (Torch7).")
@click.option("--half", "numbers", flag_value="half", help="Real numbers become half precision (Torch7).")
@click.option("--float", "numbers", flag_value="float", help="Real numbers become single precision (Torch7).")
@click.option("--recursive", is_flag=True, help="Do all checkpoints under a folder.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--explain", is_flag=True, help="List every range of bytes that changes.")
@click.option("--force", is_flag=True, help="Write over a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def relocate(
    *,
    file: Path,
    to: str | None,
    output: Path | None,
    in_place: bool,
    maps: tuple[str, ...],
    strip_prefix: str | None,
    cudnn: bool,
    numbers: str | None,
    recursive: bool,
    dry_run: bool,
    explain: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Move the tensors of a checkpoint to another device, in the file: no GPU and no framework is needed."""
    from zoo.console import Console
    from zoo.relocate.plan import Request, device, moves

    request = Request(device(to) if to else None, moves(maps), strip_prefix, cudnn, numbers)
    _demand_another_place(file, output)
    _demand(request, output, in_place=in_place, dry_run=dry_run, cudnn=cudnn)
    console = Console("json" if as_json else "human")
    if recursive:
        return _folder(console, file, output or file, request, dry=dry_run, force=force)
    outcome = _single(console, file, output or file, request, dry=dry_run, force=force)
    payload = {**_payload(outcome), **({"changes": _changes(outcome.plan, file)} if explain else {})}
    console.result("relocate", payload, lambda: _human(outcome, explain=explain))
    return 0


def _demand(request: Request, output: Path | None, *, in_place: bool, dry_run: bool, cudnn: bool) -> None:
    from zoo.diagnostics import UsageFault

    if not (request.to or request.moves or request.strip_prefix or request.numbers):
        raise UsageFault("nothing-asked", "nothing is asked for", hint="--to cpu")
    if in_place and output is not None:
        raise UsageFault("two-places", "-o and --in-place exclude each other")
    if not (in_place or output or dry_run):
        raise UsageFault("no-place", "where shall the new file go?", hint="-o OUT, --in-place, or --dry-run to look")
    if cudnn and (request.to or "cpu") == "cpu":
        raise UsageFault("cudnn", "--cudnn goes with --to cuda")


def _demand_another_place(file: Path, output: Path | None) -> None:
    from zoo.diagnostics import UsageFault, Where

    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise UsageFault("same-file", "this is the source itself", where=Where(str(output)), hint="--in-place")


def _single(console: Console, path: Path, out: Path, request: Request, *, dry: bool, force: bool) -> Outcome:
    from zoo.relocate.batch import Job, one

    total = path.stat().st_size if path.is_file() else None
    with console.progress(path.name, total) as advance:
        return one(Job(path, out), request, dry=dry, force=force, advance=advance)


def _folder(console: Console, folder: Path, out: Path, request: Request, *, dry: bool, force: bool) -> int:
    from zoo.diagnostics import UsageFault
    from zoo.relocate.batch import many, refused

    if not folder.is_dir():
        raise UsageFault("no-folder", f"{folder} is no folder", hint="leave out --recursive")
    outcomes = many(folder, out, request, dry=dry, force=force, done=lambda one: console.note(_line(one)))
    failed = refused(outcomes)
    written = sum(one.written for one in outcomes)
    others = sum(one.fault is not None for one in outcomes) - len(failed)
    summary = f"{len(outcomes)} files: {written} written, {len(failed)} refused, {others} are no checkpoints"
    payload = {"files": [_payload(one) for one in outcomes], "written": written, "refused": len(failed)}
    console.result("relocate-folder", payload, lambda: summary)
    return failed[0].fault.exit_status if failed and failed[0].fault else 0


def _payload(outcome: Outcome) -> dict[str, object]:
    """One file's outcome as JSON."""
    from zoo.relocate.batch import new_size

    base: dict[str, object] = {
        "file": str(outcome.job.path),
        "output": str(outcome.job.out) if outcome.written else None,
    }
    if outcome.fault is not None:
        return {**base, "error": {"code": outcome.fault.code, "message": str(outcome.fault)}}
    plan = outcome.plan
    assert plan is not None
    return {
        **base,
        "format": plan.title,
        "before": dict(plan.before),
        "after": dict(plan.after),
        "changed": not plan.unchanged,
        "bytes_before": plan.size,
        "bytes_after": new_size(plan),
        "notes": list(plan.notes),
    }


def _changes(plan: Plan | None, path: Path) -> list[dict[str, object]]:
    """Every changed range as JSON; long ones are cut."""
    if plan is None:
        return []
    return [{"start": start, "end": end, "old": old, "new": new} for start, end, old, new in _shown(plan, path)]


def _shown(plan: Plan, path: Path) -> list[tuple[int, int, str, str]]:
    from zoo.relocate.source import source

    with source(path) as origin:
        return [
            (start, end, _brief(origin.read(start, min(end - start, _SHOWN + 1))), _described(piece))
            for start, end, piece in plan.patches()
        ]


def _described(piece: Piece) -> str:
    from zoo.relocate.plan import Copy

    if isinstance(piece, bytes):
        return _brief(piece)
    if isinstance(piece, Copy):
        return f"<bytes {piece.start}-{piece.end} of the source>"
    return f"<the same numbers as {piece.new} instead of {piece.old}>"


def _brief(raw: bytes) -> str:
    text = repr(raw[:_SHOWN])[1:]
    return text if len(raw) <= _SHOWN else f"{text}..."


def _human(outcome: Outcome, *, explain: bool) -> str:
    lines = [_line(outcome)]
    plan = outcome.plan
    if plan is not None:
        lines += [f"  note  {note}" for note in plan.notes]
        if explain:
            lines += [f"  {start}-{end}  {old} -> {new}" for start, end, old, new in _shown_of(outcome)]
    return "\n".join(lines)


def _shown_of(outcome: Outcome) -> list[tuple[int, int, str, str]]:
    assert outcome.plan is not None
    return _shown(outcome.plan, outcome.job.path)


def _line(outcome: Outcome) -> str:
    """One line about one file."""
    path, plan = outcome.job.path, outcome.plan
    if plan is None:
        return f"{path}: {outcome.fault.message}" if outcome.fault else str(path)
    if not plan.places:
        return f"{path}: {plan.title}"
    where = f" -> {outcome.job.out}" if outcome.written and outcome.job.out != path else ""
    done = "written" if outcome.written else "nothing to change" if plan.unchanged else "would change"
    return f"{path}{where}: {plan.title}, {_census(plan.before)} -> {_census(plan.after)} ({done})"


def _census(tensors: Mapping[str, int]) -> str:
    counts = [f"{count} on {device}" for device, count in sorted(tensors.items())]
    return ", ".join(counts) or "no tensors"
