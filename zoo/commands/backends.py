"""`zoo backends`: what can run models here, and the environments of those that need one of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from zoo.console import Console, table

if TYPE_CHECKING:
    from zoo.backends.card import Card
    from zoo.backends.discovery import Status

_HEADER = ("backend", "reads", "state", "version", "interpreter", "remedy")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")


@click.group(invoke_without_command=True)
@_JSON
@click.pass_context
def backends(ctx: click.Context, *, as_json: bool) -> None:
    """List, install and remove the backends that run models."""
    if ctx.invoked_subcommand:
        return
    from zoo.backends import discovery

    found = [(card, discovery.probe(card)) for card in discovery.backends()]
    payload = {"backends": [report(card, status) for card, status in found]}
    _console(as_json=as_json).result("backends", payload, lambda: listing(found))


@backends.command()
@click.argument("name")
@_JSON
def install(name: str, *, as_json: bool) -> None:
    """Make an environment for a backend: a fitting Python found on this machine, and pinned packages."""
    from zoo.backends import discovery, environments

    console = _console(as_json=as_json)
    card = discovery.find(name)
    python, versions = environments.install(card, console)
    payload = {"backend": name, "interpreter": str(python), "versions": dict(versions)}
    console.result("backend-install", payload, lambda: f"{name} is installed: {_version(card, versions)}, {python}")


@backends.command()
@click.argument("name")
@_JSON
def remove(name: str, *, as_json: bool) -> None:
    """Remove the environment that `install` made."""
    from zoo.backends import discovery, environments

    removed = environments.remove(discovery.find(name))
    said = f"{name} is removed" if removed else f"{name} was not installed"
    _console(as_json=as_json).result("backend-remove", {"backend": name, "removed": removed}, lambda: said)


def report(card: Card, status: Status) -> dict[str, object]:
    """A backend for JSON."""
    return {
        "name": card.name,
        "summary": card.summary,
        "reads": list(card.reads),
        "converts": dict(card.converts),
        "available": status.available,
        "interpreter": None if status.interpreter is None else str(status.interpreter),
        "origin": status.origin,
        "versions": dict(status.versions),
        "why_not": status.why_not,
        "remedy": status.remedy,
    }


def listing(found: list[tuple[Card, Status]]) -> str:
    """The table that a person reads; the reasons of those that cannot run stand below it."""
    rows = [
        (
            card.name,
            ", ".join([*card.reads, *(f"{format_} -> {to}" for format_, to in card.converts.items())]),
            "available" if status.available else "not available",
            _version(card, status.versions) if status.available else "",
            status.origin or "",
            status.remedy or "",
        )
        for card, status in found
    ]
    reasons = [f"{card.name}: {status.why_not}" for card, status in found if status.why_not]
    return "\n".join([table(_HEADER, rows), *([""] if reasons else []), *reasons])


def _version(card: Card, versions: Mapping[str, str]) -> str:
    return versions.get(card.home, "")


def _console(*, as_json: bool) -> Console:
    return Console("json" if as_json else "human")
