"""Finds a Python of a wanted version on this machine, and believes it only when it has run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LIMIT = 30.0  # seconds for an interpreter to say its version
_ASK = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"


@dataclass(frozen=True, slots=True)
class Found:
    """The interpreter (None: there is none) and every place that was looked at in vain, with the reason."""

    interpreter: Path | None
    looked: tuple[str, ...]


def find(versions: Sequence[str], named: Path | None = None) -> Found:
    """The first Python of `versions` (best first, "3.8") that runs and can make environments.

    Looks at `named`, then on PATH, among pyenv's and uv's installs and at zoo's own interpreter. A pyenv shim
    that has no Python behind it is on PATH all the same: each is run before it is believed.
    """
    looked: list[str] = []
    for version, path in _places(versions, named):
        verdict = _ask(path, (version,) if version else tuple(versions))
        if isinstance(verdict, Path):
            return Found(verdict, tuple(looked))
        looked.append(f"{path}: {verdict}")
    return Found(None, tuple(looked) or ("nothing of that name on PATH, among pyenv's or uv's installs",))


def _places(versions: Sequence[str], named: Path | None) -> Iterator[tuple[str | None, Path]]:
    if named:
        yield None, named
    for version in versions:
        name = f"python{version}"
        for folder in _folders():
            if (folder / name).is_file():
                yield version, folder / name
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            yield version, Path(sys.executable)


def _folders() -> Iterator[Path]:
    yield from (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    for installs in (pyenv / "versions", uv):
        yield from sorted(installs.glob("*/bin"), reverse=True)


def _ask(path: Path, versions: Sequence[str]) -> Path | str:
    """The interpreter behind `path`, or why it will not do."""
    try:
        done = subprocess.run(  # noqa: S603 - a Python found on this machine
            [str(path), "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as fault:
        return f"cannot be started ({fault.strerror})"
    except subprocess.TimeoutExpired:
        return f"did not answer within {_LIMIT:g} s"
    said = done.stdout.split("\n")
    if done.returncode != 0 or len(said) < 2:
        reason = (done.stderr.strip() or "nothing on stderr").splitlines()
        return f"does not run ({reason[-1] if 'Error' in reason[-1] else reason[0]})"
    if said[0] not in versions:
        return f"is Python {said[0]}"
    return Path(said[1])
