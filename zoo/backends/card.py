"""A backend's card is what its worker file says in literal constants, read without importing it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from converters.syntax import parse
from zoo.diagnostics import BackendFault, Where

_FUNCTIONS = ("load", "run", "versions")


@dataclass(frozen=True, slots=True)
class Environment:
    """What `zoo backends install` builds: a Python (best version first), pinned requirements, and maybe a script.

    `build` names a script in backends/builds that compiles what no package index has into the environment.
    """

    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    build: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What zoo knows of a backend before it runs: `worker` is the file that a foreign interpreter loads.

    `via`: a format that it reads -> the format that zoo writes such an artifact in first, for the worker to load.
    `converts`: a format that it turns into another one: another program's converter, asked for a second opinion. It
    runs nothing, so it reads nothing either. `devices`: a device -> the options that make it compute there.
    `variants`: a name -> the options under which the same worker is a backend of its own, `torch:float64`.
    `programs`: what it looks for on PATH; nobody watches that, so what it answered is not remembered.
    """

    name: str
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    environment: Environment | None
    summary: str
    worker: Path
    options: Mapping[str, object] = field(default_factory=dict)
    via: Mapping[str, str] = field(default_factory=dict)
    converts: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    programs: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """The backend whose environment it runs in: its own name, or that of the one it is a variant of."""
        return self.name.partition(":")[0]

    def family(self) -> tuple[Card, ...]:
        """The backend and its variants, each with its options for defaults."""
        made = (
            replace(self, name=f"{self.name}:{variant}", options={**self.options, **options}, variants={})
            for variant, options in self.variants.items()
        )
        return self, *made


def read(worker: Path) -> Card:
    """Parses the constants of a worker file, from NAME to VARIANTS (docs/backends.md); all faults at once."""
    tree = parse(worker.read_bytes(), str(worker))
    faults: list[str] = []
    constants = _constants(tree, faults)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    faults += [f"function {name} is missing" for name in _FUNCTIONS if name not in defined]
    name, expected = constants.get("NAME"), worker.stem.replace("_", "-")
    if name != expected:
        faults.append(f"NAME is {name!r}, expected {expected!r}, after the file's own name")
    card = Card(
        name=expected,
        reads=_strings(constants, "READS", faults),
        needs=_strings(constants, "NEEDS", faults),
        environment=_environment(constants.get("ENV"), faults),
        summary=(ast.get_docstring(tree) or "").partition("\n")[0],
        worker=worker,
        options=_options(constants.get("OPTIONS", {}), faults),
        via=_formats(constants, "VIA", faults),
        converts=_formats(constants, "CONVERTS", faults),
        devices=_settings(constants, "DEVICES", faults),
        variants=_settings(constants, "VARIANTS", faults),
        programs=_strings(constants, "PROGRAMS", faults) if "PROGRAMS" in constants else (),
    )
    if faults:
        raise BackendFault("backend-card", "this worker file is no backend", where=Where(str(worker)), details=faults)
    return card


def _constants(tree: ast.Module, faults: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name.startswith("_") or not name.isupper():
            continue
        try:
            found[name] = ast.literal_eval(node.value)
        except ValueError:
            faults.append(f"{name} (line {node.lineno}) is not a literal")
    return found


def _strings(constants: Mapping[str, object], name: str, faults: list[str]) -> tuple[str, ...]:
    value = constants.get(name)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    faults.append(f"{name} is {value!r}, expected a list of strings")
    return ()


def _environment(value: object, faults: list[str]) -> Environment | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - {"build"} != {"pythons", "requirements"}:
        faults.append(f"ENV is {value!r}, expected None or the keys pythons, requirements and maybe build")
        return None
    build = value.get("build")
    return Environment(_strings(value, "pythons", faults), _strings(value, "requirements", faults), build)


def _options(value: object, faults: list[str]) -> dict[str, object]:
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return dict(value)
    faults.append(f"OPTIONS is {value!r}, expected a dict of names and defaults")
    return {}


def _formats(constants: Mapping[str, object], name: str, faults: list[str]) -> dict[str, str]:
    value = constants.get(name, {})
    if isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair):
        return dict(value)
    faults.append(f"{name} is {value!r}, expected a dict of formats")
    return {}


def _settings(constants: Mapping[str, object], name: str, faults: list[str]) -> dict[str, Mapping[str, object]]:
    value, options = constants.get(name, {}), constants.get("OPTIONS", {})
    sound = isinstance(value, dict) and all(isinstance(table, dict) for table in value.values())
    if not sound or not isinstance(value, dict):
        faults.append(f"{name} is {value!r}, expected a dict of names and their options")
        return {}
    known = set(options) if isinstance(options, dict) else set()
    strange = sorted({option for table in value.values() for option in table} - known)
    if strange:
        faults.append(f"{name} sets {', '.join(strange)}, which OPTIONS does not list")
    return dict(value)
