"""`zoo doctor`: what this machine can do, what it lacks, and what to type about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from typing import TYPE_CHECKING

import click

from zoo import __version__
from zoo.console import Console, table

if TYPE_CHECKING:
    from zoo.backends.card import Card
    from zoo.backends.discovery import Status

_INDEX_PATIENCE = 5.0  # seconds
_GIGABYTE = 10**9
_NEEDED = "onnxruntime"  # without it nothing can be checked


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask the package index.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def doctor(*, offline: bool, as_json: bool) -> int:
    """Say what this machine can do and what it lacks; 1 when the main job cannot run."""
    from zoo.backends import discovery
    from zoo.commands.backends import listing, report

    console = Console("json" if as_json else "human")
    found = [(card, discovery.probe(card)) for card in discovery.backends()]
    packages, store = _packages(), _store()
    index = _index(offline=offline or os.environ.get("ZOO_OFFLINE") not in (None, "", "0"))
    problems = _problems(packages, store, found)
    payload: dict[str, object] = {
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "zoo": __version__,
        "packages": packages,
        "store": store,
        "index": index,
        "backends": [report(card, status) for card, status in found],
        "problems": problems,
    }
    console.result("doctor", payload, lambda: _text(payload, packages, listing(found), problems))
    return 1 if problems else 0


def _packages() -> dict[str, str | None]:
    """Version of each package that zoo requires here, None where it is missing."""
    from importlib.metadata import PackageNotFoundError, requires, version

    found: dict[str, str | None] = {}
    for requirement in requires("zoo") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return _one_onnxruntime(found)


def _one_onnxruntime(found: dict[str, str | None]) -> dict[str, str | None]:
    """Two packages share that module and one of them is enough: the absent one is no fault."""
    twins = [name for name in found if name.startswith("onnxruntime")]
    present = [name for name in twins if found[name]]
    return {name: version for name, version in found.items() if name not in twins or name in (present or twins[:1])}


def _store() -> dict[str, object]:
    """Where downloads are kept, how much room there is, and whether zoo may write there."""
    from zoo.supply.store import default_root

    root = default_root()
    ground = next(folder for folder in (root, *root.parents) if folder.exists())
    return {
        "root": str(root),
        "free_bytes": shutil.disk_usage(ground).free,
        "writable": ground.is_dir() and os.access(ground, os.W_OK),
    }


def _index(*, offline: bool) -> str:
    """Whether the package index answers, asked for one of zoo's own requirements."""
    if offline:
        return "not asked (offline)"
    import pypi_simple
    import requests

    endpoint = os.environ.get("ZOO_PACKAGE_INDEX") or os.environ.get("PIP_INDEX_URL")
    try:
        with pypi_simple.PyPISimple(endpoint or pypi_simple.PYPI_SIMPLE_ENDPOINT) as client:
            client.get_project_page("pypi-simple", timeout=_INDEX_PATIENCE)
    except (requests.RequestException, pypi_simple.UnsupportedContentTypeError, ValueError) as fault:
        return f"not reachable ({type(fault).__name__})"
    return "reachable"


def _problems(packages: dict[str, str | None], store: dict[str, object], found: list[tuple[Card, Status]]) -> list[str]:
    problems = [f"{name} is not installed: pip install {name}" for name, version in packages.items() if version is None]
    if not store["writable"]:
        problems.append(f"the store cannot be written: {store['root']} (ZOO_HOME names another place)")
    problems += [
        f"{card.name} cannot run: {status.why_not} ({status.remedy})"
        for card, status in found
        if card.name == _NEEDED and not status.available
    ]
    return problems


def _text(payload: dict[str, object], packages: dict[str, str | None], backends: str, problems: list[str]) -> str:
    store = payload["store"]
    assert isinstance(store, dict)
    free = f"{store['free_bytes'] / _GIGABYTE:.1f} GB free{'' if store['writable'] else ', NOT writable'}"
    facts = [
        ("zoo", __version__),
        ("Python", f"{payload['python']} ({payload['interpreter']})"),
        ("platform", str(payload["platform"])),
        ("store", f"{store['root']} ({free})"),
        ("package index", str(payload["index"])),
        ("packages", ", ".join(f"{name} {version or 'MISSING'}" for name, version in packages.items())),
    ]
    verdict = [f"problem: {problem}" for problem in problems] or ["everything that the main job needs is here"]
    return "\n".join([table(("", ""), facts).lstrip("\n"), "", backends, "", *verdict])
