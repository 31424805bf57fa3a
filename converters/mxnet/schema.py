"""What MXNet's registry says of its operators: inputs, parameters, types, defaults, other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

_LINE = re.compile(r"(?P<kind>\w+)\((?P<inputs>[^)]*)\)(?P<parameters>[^|]*)(?:\|(?P<aliases>.*))?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: how its text is read and what it is where a file does not set it."""

    kind: str
    optional: bool
    required: bool
    default: object

    def parse(self, text: str) -> object:
        """The value of a text; ValueError when the text is none."""
        text = text.strip()
        if text == "None" and (self.optional or self.kind in ("text", "ints")):
            return None
        return _PARSERS[self.kind](text)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; `inputs` by role in order, the last one starred when any number may follow."""

    kind: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, Parameter]

    def role(self, position: int) -> str:
        """The role of an operand: its input's name, numbered where the operator takes any number."""
        last = self.inputs[-1] if self.inputs else "arg*"
        if position >= len(self.inputs) or (position == len(self.inputs) - 1 and last.endswith("*")):
            return f"{last.rstrip('*')}{position - (len(self.inputs) - 1 if self.inputs else 0)}"
        return self.inputs[position]


@cache
def operators() -> Mapping[str, Operator]:
    """All operators of `operators.schema` by name; every alias is a name too."""
    table: dict[str, Operator] = {}
    text = Path(__file__).with_name("operators.schema").read_text(encoding="ascii")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        assert found is not None, line
        parameters = dict(_parameter(part) for part in found["parameters"].split())
        inputs = tuple(part.strip() for part in found["inputs"].split(",") if part.strip())
        operator = Operator(found["kind"], inputs, MappingProxyType(parameters))
        for name in (operator.kind, *(found["aliases"] or "").split()):
            table[name] = operator
    return MappingProxyType(table)


def find(name: str) -> Operator | None:
    """The operator of a name in a file, whichever alias it uses; None for one that the table does not hold."""
    table = operators()
    return table.get(name) or table.get(name.removeprefix("_sparse_"))


def _parameter(text: str) -> tuple[str, Parameter]:
    name, _, rest = text.partition(":")
    kind, given, default = rest.partition("=")
    bare = Parameter(kind.rstrip("?"), kind.endswith("?"), not given, None)
    if not given or default == "None":
        return name, bare
    return name, replace(bare, default="" if default == '""' else bare.parse(default))


def _flag(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _integer(text: str) -> int:
    return int(text.removesuffix("L"))


def _items(text: str) -> list[str]:
    """The parts of (1, 2), [1,2] or a lone 1; Python 2 wrote 1L."""
    if text[:1] in ("(", "[") and text[-1:] in (")", "]"):
        text = text[1:-1]
    return [part.strip() for part in text.split(",") if part.strip()]


def _integers(text: str) -> tuple[int | None, ...]:
    return tuple(None if part == "None" else _integer(part) for part in _items(text))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in _items(text))


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "flag": _flag,
    "float": float,
    "floats": _numbers,
    "int": _integer,
    "ints": _integers,
    "text": str,
}
