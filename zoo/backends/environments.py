"""The environments that `zoo backends install` makes: complete with a marker written last, or not there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.backends.card import Card, Environment
from zoo.backends.exchange import Failed, Hello
from zoo.backends.process import supervise
from zoo.backends.pythons import find
from zoo.backends.session import greet
from zoo.console import Console
from zoo.diagnostics import BackendFault, OutputFault, UsageFault

_MARKER = "zoo-backend.json"
_PIP_LIMIT = 3_600.0  # seconds; torch is a gigabyte over a slow line
_PROBE_LIMIT = 300.0  # seconds; the first import after an installation compiles and reads everything
_TAIL = 15  # lines of a log that an error shows


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation will do: a virtual environment of `base` at `folder` that holds `requirements`."""

    card: Card
    base: Path
    folder: Path
    requirements: tuple[str, ...]
    script: Path | None = None

    @property
    def log(self) -> Path:
        """Everything that venv and pip said; kept beside the environment."""
        return self.folder.with_name(f"{self.folder.name}.log")


def root() -> Path:
    """ZOO_BACKENDS, or `backends` in zoo's own place among the user's data."""
    named = os.environ.get("ZOO_BACKENDS")
    if named:
        return Path(named).absolute()
    from platformdirs import user_data_path

    return user_data_path("zoo", appauthor=False) / "backends"


def variable(card: Card) -> str:
    """Name of the environment variable that proposes an interpreter for a backend."""
    return f"ZOO_PYTHON_{card.home.upper().replace('-', '_')}"


def proposed(card: Card) -> Path | None:
    """The interpreter that the variable names, by path or by its name on PATH; not resolved: links matter to venvs."""
    named = os.environ.get(variable(card))
    return Path(shutil.which(named) or named).absolute() if named else None


def interpreter(card: Card) -> Path | None:
    """The Python of the complete environment with today's requirements; None when there is none."""
    if card.environment is None:
        return None
    folder = root() / card.home
    try:
        marker = json.loads((folder / _MARKER).read_bytes())
    except (OSError, ValueError):
        return None
    current = isinstance(marker, dict) and marker.get("requirements") == list(card.environment.requirements)
    return _python(folder) if current else None


def install(card: Card, console: Console) -> tuple[Path, Mapping[str, str]]:
    """Makes the backend's environment unless it is there and works; returns its Python and versions.

    One process at a time: a second one waits for the first and uses its result. BackendFault `no-python`,
    `install-failed` or `backend-broken` leave nothing that looks installed.
    """
    if card.environment is None:
        raise UsageFault(
            "nothing-to-install", f"{card.home} has no environment of its own", hint=f"set {variable(card)}"
        )
    try:
        root().mkdir(parents=True, exist_ok=True)
        with _alone(card, console):
            return _present(card, console) or apply(plan(card, card.environment), console)
    except OSError as fault:
        raise OutputFault("backends-folder", f"{root()} cannot be written ({fault.strerror or fault})") from None


def _present(card: Card, console: Console) -> tuple[Path, Mapping[str, str]] | None:
    """The environment that is there, when it works."""
    python = interpreter(card)
    if python is None:
        return None
    hello = greet(card, python, _PROBE_LIMIT)
    if not isinstance(hello, Failed):
        return python, hello.versions
    console.note(f"{card.home}: the environment is broken ({hello}); installing it again")
    return None


@contextmanager
def _alone(card: Card, console: Console) -> Iterator[None]:
    """Hold the lock of this backend; says so when it has to wait for another installation."""
    lock = FileLock(root() / f"{card.home}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.note(f"{card.home}: waiting for another installation")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def plan(card: Card, environment: Environment) -> Plan:
    """Chooses the base Python; BackendFault `no-python` says which would do, where was looked, how to get one."""
    base = find(environment.pythons, proposed(card))
    if base.interpreter is None:
        versions = ", ".join(environment.pythons)
        first = environment.pythons[0]
        raise BackendFault(
            "no-python",
            f"{card.home} needs Python {versions} and none of them runs on this machine",
            details=base.looked,
            hint=f"uv python install {first} (or pyenv install {first}), or set {variable(card)} to such a Python; "
            f"then again: zoo backends install {card.home}",
        )
    script = Path(__file__).with_name("builds") / environment.build if environment.build else None
    return Plan(card, base.interpreter, root() / card.home, environment.requirements, script)


def apply(plan: Plan, console: Console) -> tuple[Path, Mapping[str, str]]:
    """Carry the plan out: environment, packages, probe, marker; an incomplete environment is removed."""
    console.note(f"{plan.card.home}: making an environment with {plan.base} (log: {plan.log})")
    _clear(plan.folder)
    plan.log.unlink(missing_ok=True)
    temporary = plan.folder / "tmp"
    try:
        temporary.mkdir(parents=True)
        _step(plan, "venv", [str(plan.base), "-I", "-m", "venv", str(plan.folder)])
        python = _python(plan.folder)
        console.note(f"{plan.card.home}: installing {' '.join(plan.requirements)}")
        pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        _step(plan, "pip", [*pip, *plan.requirements])
        if plan.script is not None:
            console.note(f"{plan.card.home}: compiling; this takes minutes (log: {plan.log})")
            _step(plan, "build", ["bash", str(plan.script), str(plan.folder)])
        hello = _prove(plan, python)
        shutil.rmtree(temporary)
        _mark(plan, hello)
    except BaseException:
        _clear(plan.folder)
        raise
    return python, hello.versions


def remove(card: Card) -> bool:
    """Removes the backend's environment and its log, marker first; False when there was none."""
    folder = root() / card.home
    if not root().is_dir():
        return False
    try:
        with FileLock(root() / f"{card.home}.lock"):
            there = folder.exists()
            _clear(folder)
            folder.with_name(f"{folder.name}.log").unlink(missing_ok=True)
    except OSError as fault:
        raise OutputFault("backends-folder", f"{folder} cannot be removed ({fault.strerror or fault})") from None
    return there


def _step(plan: Plan, name: str, command: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    temporary = str(plan.folder / "tmp")  # what pip leaves when it is killed goes with the environment
    environment |= {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "TMPDIR": temporary}
    environment.pop("PIP_TARGET", None)
    end = supervise(command, folder=root(), environment=environment, log=plan.log, limit=_PIP_LIMIT)
    if end.status == 0:
        return
    tail = plan.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
    how = "ran out of time" if end.status is None else f"ended with {end.signal or f'status {end.status}'}"
    raise BackendFault(
        "install-failed",
        f"{plan.card.home}: {name} {how}",
        details=tail,
        hint=f"the whole log is {plan.log}; when it is mended: zoo backends install {plan.card.home}",
    )


def _prove(plan: Plan, python: Path) -> Hello:
    hello = greet(plan.card, python, _PROBE_LIMIT)
    if isinstance(hello, Failed):
        raise BackendFault("backend-broken", f"{plan.card.home} was installed but does not run", details=[str(hello)])
    return hello


def _mark(plan: Plan, hello: Hello) -> None:
    marker = {"requirements": list(plan.requirements), "python": hello.python, "versions": dict(hello.versions)}
    part = plan.folder / f"{_MARKER}.part"
    part.write_text(json.dumps(marker, indent=2), encoding="utf-8")
    part.replace(plan.folder / _MARKER)


def _clear(folder: Path) -> None:
    """Remove an environment, its marker first: what is left of an interrupted removal does not look installed."""
    (folder / _MARKER).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def _python(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"
