"""Which registries count: the shipped one, those of the environment, of the project and of the user, side by side."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from zoo.diagnostics import Diagnostic, Where

PROJECT = "pyproject.toml"


def paths() -> tuple[Path, ...]:
    """Every registry beside the shipped one: ZOO_REGISTRY, then `[tool.zoo] registries`, then the user's own.

    ZOO_REGISTRY holds paths joined as PATH is.

    Raises:
        Diagnostic: `registry`: the project's pyproject.toml cannot be read or says something else than a list.
    """
    named = [Path(part).expanduser() for part in os.environ.get("ZOO_REGISTRY", "").split(os.pathsep) if part]
    own = [path for path in (user_path(),) if path.is_file()]
    found = (*named, *_of_project(), *own)
    return tuple({path.absolute(): None for path in found})


def user_path() -> Path:
    """The user's own registry, which `zoo registry add` writes to."""
    config = os.environ.get("ZOO_CONFIG")
    if config:
        return Path(config).expanduser() / "registry.yaml"
    from platformdirs import user_config_path

    return user_config_path("zoo", appauthor=False) / "registry.yaml"


def project_file() -> Path | None:
    """The nearest pyproject.toml at or above the current folder."""
    here = Path.cwd()
    return next((folder / PROJECT for folder in (here, *here.parents) if (folder / PROJECT).is_file()), None)


def _of_project() -> Iterator[Path]:
    place = project_file()
    if place is None:
        return
    try:
        told = tomllib.loads(place.read_text(encoding="utf-8")).get("tool", {}).get("zoo", {}).get("registries", [])
    except (OSError, ValueError) as error:
        raise Diagnostic("registry", f"cannot be read: {error}", where=Where(str(place))) from error
    if not isinstance(told, list) or not all(isinstance(item, str) for item in told):
        raise Diagnostic("registry", "[tool.zoo] registries must be a list of paths", where=Where(str(place)))
    for item in told:
        yield place.parent / Path(item).expanduser()
