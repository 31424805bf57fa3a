"""A check repeated as its report says: the same subjects and conditions, and the same numbers fed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.diagnostics import Diagnostic, Where
from zoo.parity.subjects import located

if TYPE_CHECKING:
    from zoo.parity.request import Request


def recorded(request: Request) -> dict[str, Any]:
    """What was asked, as JSON values; files by their absolute paths, so that it is repeated from anywhere."""
    found = {field.name: getattr(request, field.name) for field in fields(request)}
    found["subjects"] = [located(text, Path.cwd()) for text in request.subjects]
    return {name: _plain(value) for name, value in found.items()}


def replayed(path: Path) -> tuple[Request, dict[str, Any]]:
    """The request of a report, and that report; Diagnostic `replay` for what is no report of a check."""
    from pydantic import TypeAdapter

    from zoo.parity.request import Request

    where = Where(str(path))
    try:
        report = json.loads(path.read_bytes())
        if isinstance(report, dict) and report.get("checks"):
            hint = (
                "a list is repeated with zoo check-parity --no-cache; one check's `report` in a file of its own is, too"
            )
            raise Diagnostic("replay", f"is a report of {len(report['checks'])} checks", where=where, hint=hint)
        asked = dict(report["request"])
        TypeAdapter(list[dict[str, Any]]).validate_python(report["inputs"]["tensors"])
        TypeAdapter(dict[str, dict[str, str]]).validate_python(report.get("files") or {})
        _settings(report), _versions(report)
        request = TypeAdapter(Request).validate_python(asked)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        hint = "zoo check-parity ... --json report.json writes one"
        raise Diagnostic("replay", "is no report of a check that can be repeated", where=where, hint=hint) from fault
    strange = sorted(set(asked) - {field.name for field in fields(Request)})
    if strange or not request.subjects:
        raise Diagnostic("replay", f"asks for what this zoo does not know: {', '.join(strange)}", where=where)
    return request, report


def demand_same(path: Path, before: dict[str, Any], report: dict[str, Any]) -> None:
    """Refuses a repetition that was fed other numbers: a photo, a file, the golden or the generator changed."""
    then, now = ((one.get("inputs") or {}).get("tensors", []) for one in (before, report))
    changed = [
        f"{one.get('name')} ({one.get('kind')}): sha256 {one.get('sha256')}, now {other.get('sha256')}"
        for one, other in zip(then, now, strict=False)
        if one.get("sha256") != other.get("sha256")
    ]
    golden, other = (_settings(one).get("golden") for one in (before, report))
    changed += [f"the golden: sha256 {golden}, now {other}"] if golden != other else []
    if changed or len(then) != len(now):
        raise Diagnostic("replay-differs", "was fed other inputs than now", where=Where(str(path)), details=changed)


def otherwise(before: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """What is not as it was, though the inputs are: files of the subjects, and versions of what ran."""
    then, now = before.get("files") or {}, report.get("files") or {}
    said = [
        f"{label}: {role} is another file than then"
        for label, roles in then.items()
        for role, sha256 in roles.items()
        if now.get(label, {}).get(role, sha256) != sha256
    ]
    old, new = _versions(before), _versions(report)
    return [
        *said,
        *(
            f"{label}: {old[label]} then, {new[label]} now"
            for label in old
            if new.get(label, "") not in ("", old[label])
        ),
    ]


def _settings(report: dict[str, Any]) -> dict[str, Any]:
    return dict((report.get("reference") or {}).get("settings") or {})


def _versions(report: dict[str, Any]) -> dict[str, str]:
    """Run, and zoo itself -> the versions that it ran with."""
    runs = [one for one in (report.get("reference"), *report.get("rows", ())) if one]
    found = {f"{one['artifact']} in {one['backend']}": _told(one["versions"]) for one in runs}
    return {**found, "zoo": str((report.get("environment") or {}).get("zoo", ""))}


def _told(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value.absolute())
    return list(value) if isinstance(value, tuple) else value
