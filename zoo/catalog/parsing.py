"""A registry text becomes entries, and a list of every fault with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from zoo.catalog.document import Document, Fault, read
from zoo.catalog.labels import UnknownLabels, labels
from zoo.catalog.schema import Entry, Preset
from zoo.catalog.validation import validated

T = TypeVar("T")
VERSION = 1
_TOP = ("version", "presets", "shared", "entries")
_TEXTS = {
    "missing": "is missing",
    "unexpected_keyword_argument": "unknown key",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text (quote it if it looks like a number)",
    "tuple_type": "must be a list",
    "dataclass_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "too_short": "must not be empty",
}


def parse(text: str, known: Collection[str] = ()) -> tuple[dict[str, Entry], tuple[Fault, ...]]:
    """The valid entries of a registry text by id, and every fault in the order of the lines.

    `known` are ids of other registries, which `same_weights_as` may name.
    """
    document = read(text)
    faults = list(document.faults)
    if document.root is None:
        return {}, tuple(faults) or (Fault(1, "", "the file is empty"),)
    if document.value is None:
        return {}, tuple(faults)
    faults += _top_faults(document)
    listed = document.value.get("entries") if isinstance(document.value, dict) else None
    raw = listed if isinstance(listed, tuple) else ()
    valid: dict[int, Entry] = {}
    for index, value in enumerate(raw):
        entry = _validated(document, ("entries", index), value, Entry, faults)
        if entry is not None:
            valid[index] = entry
    faults += _cross_faults(document, raw, valid, known)
    return {entry.id: entry for entry in valid.values()}, tuple(sorted(set(faults)))


def _top_faults(document: Document) -> Iterator[Fault]:
    value = document.value
    if not isinstance(value, dict):
        yield Fault(1, "", "the file must be a mapping of version, presets, shared and entries")
        return
    for key in value:
        if key not in _TOP:
            yield Fault(document.line([key]), key, "unknown key")
    if value.get("version") != VERSION:
        yield Fault(document.line(["version"]), "version", f"must be {VERSION}")
    if not isinstance(value.get("entries"), tuple):
        yield Fault(document.line(["entries"]), "entries", "must be a list")
    presets = value.get("presets", {})
    found: list[Fault] = []
    for name, preset in presets.items() if isinstance(presets, dict) else ():
        _validated(document, ("presets", name), preset, Preset, found)
    yield from found


def _validated(
    document: Document, place: tuple[str | int, ...], value: Any, kind: type[T], faults: list[Fault]
) -> T | None:
    try:
        return validated(kind, value)
    except ValidationError as error:
        label = _label(place, value)
        items = error.errors(include_url=False, include_context=False, include_input=False)
        places = [item["loc"] for item in items]
        for item in items:
            if item["type"] == "too_short" and any(
                len(loc) > len(item["loc"]) and _starts(loc, item) for loc in places
            ):
                continue  # pydantic does not count the items that have faults of their own
            path = ".".join(str(step) for step in item["loc"])
            text = _TEXTS.get(item["type"], item["msg"].removeprefix("Value error, "))
            line = document.line([*place, *item["loc"]])
            faults.append(Fault(line, f"{label}: {path}" if path else label, text))
        return None


def _starts(loc: tuple[str | int, ...], item: ErrorDetails) -> bool:
    return loc[: len(item["loc"])] == item["loc"]


def _label(place: tuple[str | int, ...], value: Any) -> str:
    own = value.get("id") if isinstance(value, dict) else None
    return own if isinstance(own, str) else ".".join(str(step) for step in place)


def _cross_faults(
    document: Document, raw: tuple[Any, ...], valid: Mapping[int, Entry], known: Collection[str]
) -> Iterator[Fault]:
    """What only the whole file can show: an id that stands twice, a name that nothing bears."""
    first: dict[str, int] = {}
    for index, value in enumerate(raw):
        name = value.get("id") if isinstance(value, dict) else None
        if not isinstance(name, str):
            continue
        line = document.line(["entries", index, "id"])
        if name in first:
            yield Fault(line, name, f"this id stands twice (first on line {first[name]})")
        first.setdefault(name, line)
    for index, entry in valid.items():
        for number, other in enumerate(entry.provenance.same_weights_as):
            if (other not in first and other not in known) or other == entry.id:
                line = document.line(["entries", index, "provenance", "same_weights_as", number])
                problem = "names itself" if other == entry.id else f'no entry has the id "{other}"'
                yield Fault(line, f"{entry.id}: provenance.same_weights_as", problem)
        for number, output in enumerate(entry.outputs):
            unfit = _label_problem(output.labels, output.classes)
            if unfit:
                line = document.line(["entries", index, "outputs", number, "labels"])
                yield Fault(line, f"{entry.id}: outputs.{number}.labels", unfit)


def _label_problem(name: str | None, classes: int | None) -> str | None:
    if name is None:
        return None
    try:
        count = len(labels(name))
    except UnknownLabels as error:
        return str(error)
    return None if classes in (None, count) else f'label set "{name}" has {count} names for {classes} classes'
