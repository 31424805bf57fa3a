"""A check repeated as its report says: the same subjects and conditions, and the same numbers fed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.diagnostics import Diagnostic, Where

if TYPE_CHECKING:
    from zoo.parity.request import Request


def recorded(request: Request) -> dict[str, Any]:
    """What was asked, as JSON values; files by their absolute paths, photos and arrays by theirs."""
    found = {field.name: getattr(request, field.name) for field in fields(request)}
    return {name: _plain(value) for name, value in found.items()}


def replayed(path: Path) -> tuple[Request, list[dict[str, Any]]]:
    """The request of a report and the inputs that it had; Diagnostic `replay` for what is no report of a check."""
    from pydantic import TypeAdapter

    from zoo.parity.request import Request

    where = Where(str(path))
    try:
        report = json.loads(path.read_bytes())
        asked, tensors = dict(report["request"]), list(report["inputs"]["tensors"])
        request = TypeAdapter(Request).validate_python(asked)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        hint = "zoo check-parity ... --json report.json writes one"
        raise Diagnostic("replay", "is no report of a check that can be repeated", where=where, hint=hint) from fault
    strange = sorted(set(asked) - {field.name for field in fields(Request)})
    if strange or not request.subjects:
        raise Diagnostic("replay", f"asks for what this zoo does not know: {', '.join(strange)}", where=where)
    return request, tensors


def demand_same(path: Path, before: list[dict[str, Any]], report: dict[str, Any]) -> None:
    """Refuses a repetition that was fed other numbers: a photo, a file or the generator has changed since."""
    now = (report.get("inputs") or {}).get("tensors", [])
    changed = [
        f"{one.get('name')} ({one.get('kind')}): sha256 {one.get('sha256')}, now {other.get('sha256')}"
        for one, other in zip(before, now, strict=False)
        if one.get("sha256") != other.get("sha256")
    ]
    if changed or len(before) != len(now):
        raise Diagnostic("replay-differs", "was fed other inputs than now", where=Where(str(path)), details=changed)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value.absolute())
    return list(value) if isinstance(value, tuple) else value
