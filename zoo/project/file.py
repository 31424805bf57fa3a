"""zoo.toml, or [tool.zoo] in pyproject.toml: the pairs that a project guards, every fault of the file with its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.diagnostics import Diagnostic, UsageFault, Where
from zoo.dims import shapes
from zoo.parity.account import Place
from zoo.parity.request import Request
from zoo.parity.rule import chosen
from zoo.parity.second_opinion import converter
from zoo.parity.subjects import known, located, parse
from zoo.project.lines import line_of, lines

NAME, SHARED = "zoo.toml", "pyproject.toml"
_MOST = 4 << 20  # bytes
_PLACE = {NAME: (), SHARED: ("tool", "zoo")}
_TEXTS = {"missing": "is missing", "extra_forbidden": "unknown key", "list_type": "must be a list"}
_Text = Annotated[str, Field(min_length=1)]


class Pair(BaseModel):
    """One `[[parity]]` table: the subjects of a check and its conditions; paths are relative to the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    name: _Text | None = None
    subjects: Annotated[list[_Text], Field(min_length=1)]
    backends: list[_Text] = []
    require: list[_Text] = []
    second_opinion: list[_Text] = []
    inputs: _Text | None = None
    images: _Text | None = None
    golden: _Text | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=1, le=1024)] = 4
    rtol: float | None = None
    atol: float | None = None
    snr: float | None = None
    why: _Text | None = None
    device: _Text | None = None
    input: list[_Text] = []
    detections: list[_Text] = []
    layers: bool = False
    no_layers: bool = False
    bisect: bool = False
    bisect_to: _Text | None = None
    attest: bool = False


class Project(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    parity: Annotated[list[Pair], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Listed:
    """A check that a project lists, and where; `attest`: its ONNX files are given certificates, or it is refused."""

    name: str
    request: Request
    place: Place
    attest: bool = False


def find(start: Path) -> Path | None:
    """The nearest zoo.toml, or pyproject.toml with a [tool.zoo], in this folder or one above it."""
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return folder / NAME
        shared = folder / SHARED
        if shared.is_file() and "zoo" in _table(shared, ("tool",)):
            return shared
    return None


def read(path: Path, backends: Sequence[str]) -> list[Listed]:
    """The checks of a project's file; `backends` are the names that it may use.

    Raises:
        Diagnostic: `project`, with every fault of the file and its line.
    """
    text = _text(path)
    root = _PLACE.get(path.name, ())
    value = _within(_parsed(text, path), root)
    found = lines(text)
    faults: list[tuple[int, str]] = []
    try:
        project = Project.model_validate(value)
    except ValidationError as fault:
        for item in fault.errors(include_url=False):
            place = ".".join(map(str, item["loc"]))
            faults.append((line_of(found, (*root, *item["loc"])), f"{place}: {_TEXTS.get(item['type'], item['msg'])}"))
        raise _refusal(path, faults) from fault
    for index, pair in enumerate(project.parity):
        for key, said in _faults(pair, backends):
            faults.append((line_of(found, (*root, "parity", index, key)), f"parity.{index}.{key}: {said}"))
    names = [pair.name or " ".join(pair.subjects) for pair in project.parity]
    for index, name in enumerate(names):
        if name in names[:index]:
            line, first = (line_of(found, (*root, "parity", place)) for place in (index, names.index(name)))
            faults.append((line, f'parity.{index}: "{name}" stands twice (first on line {first})'))
    if faults:
        raise _refusal(path, faults)
    return [
        Listed(
            name,
            _request(pair, path.parent, name),
            Place(_shown(path), line_of(found, (*root, "parity", index))),
            pair.attest,
        )
        for index, (name, pair) in enumerate(zip(names, project.parity, strict=True))
    ]


def _faults(pair: Pair, backends: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What only the program knows: the spelling of subjects, names of backends, a tolerance without a reason."""
    own = next((key for key in ("rtol", "atol", "snr") if getattr(pair, key) is not None), "rtol")
    checks: list[tuple[str, Callable[[], object]]] = [
        *(("subjects", lambda text=text: _subject(text, backends)) for text in pair.subjects),
        ("backends", lambda: known(pair.backends, backends)),
        ("require", lambda: known(pair.require, backends)),
        *(("second_opinion", lambda name=name: converter(name)) for name in pair.second_opinion),
        ("input", lambda: shapes(pair.input)),
        (own, lambda: chosen(pair.rtol, pair.atol, pair.snr, pair.why)),
    ]
    for key, check in checks:
        try:
            check()
        except UsageFault as fault:
            yield key, f"{fault.message}{f' ({fault.hint})' if fault.hint else ''}"
    fed = [name for name in ("inputs", "images", "golden") if getattr(pair, name) is not None]
    if len(fed) > 1:
        yield fed[1], f"{' and '.join(fed)} exclude each other"
    if pair.no_layers and (pair.layers or pair.bisect):
        yield "no_layers", f"no_layers and {'layers' if pair.layers else 'bisect'} exclude each other"


def _subject(text: str, backends: Sequence[str]) -> None:
    backend = parse(text).backend
    known([backend] if backend else [], backends)


def folder_of(name: str) -> str:
    """A check's name as that of a folder, with a digest where it is not the same text."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:64]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _request(pair: Pair, folder: Path, name: str) -> Request:
    def here(name: str | None) -> Path | None:
        return None if name is None else folder / name

    return Request(
        subjects=tuple(located(text, folder) for text in pair.subjects),
        backends=tuple(pair.backends),
        require=tuple(pair.require),
        inputs=here(pair.inputs),
        images=here(pair.images),
        golden=here(pair.golden),
        second_opinion=tuple(pair.second_opinion),
        seed=pair.seed,
        batch=pair.batch,
        rtol=pair.rtol,
        atol=pair.atol,
        snr=pair.snr,
        why=pair.why,
        device=pair.device,
        input=tuple(pair.input),
        detections=tuple(pair.detections),
        layers=pair.layers,
        no_layers=pair.no_layers,
        bisect=pair.bisect,
        bisect_to=folder / pair.bisect_to if pair.bisect_to else folder / "bisect" / folder_of(name),
    )


def _refusal(path: Path, faults: Sequence[tuple[int, str]]) -> Diagnostic:
    ordered = sorted(set(faults))
    count = "1 fault" if len(ordered) == 1 else f"{len(ordered)} faults"
    return Diagnostic(
        "project",
        f"{count} in the list of checks",
        where=Where(str(path), line=ordered[0][0]),
        details=[f"line {line}: {text}" for line, text in ordered],
        hint="docs/ci.md describes every key",
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST:
            raise Diagnostic("project", f"is larger than {_MOST:,} bytes", where=Where(str(path)))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Diagnostic("project", f"cannot be read: {fault}", where=Where(str(path))) from fault


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        at = re.search(r" \(at line (\d+), column (\d+)\)", str(fault))
        where = Where(str(path), int(at[1]), int(at[2])) if at else Where(str(path), len(text.splitlines()))
        said = str(fault).replace(at[0], "") if at else str(fault)
        raise Diagnostic("project", f"is no TOML: {said}", where=where) from fault
    except RecursionError as fault:
        raise Diagnostic("project", "is nested too deeply", where=Where(str(path))) from fault


def _table(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """A table of a file that may be anybody's; empty where it is not there or cannot be read."""
    try:
        return _within(tomllib.loads(path.read_text(encoding="utf-8")), keys)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return {}


def _within(value: Any, keys: Sequence[str]) -> dict[str, Any]:
    for key in keys:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}


def _shown(path: Path) -> str:
    """The path as an annotation names it: from the working folder, where it lies below."""
    full, folder = path.resolve(), Path.cwd()
    return full.relative_to(folder).as_posix() if full.is_relative_to(folder) else str(full)
