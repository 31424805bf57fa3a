"""A new entry for a registry of one's own, made of files or addresses: hashed and sniffed, the rest asked for once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import yaml

from zoo.catalog.parsing import parse
from zoo.catalog.schema import FORMATS, Entry
from zoo.diagnostics import Diagnostic, Where
from zoo.supply.checksums import sha256_of
from zoo.supply.store import write_whole

if TYPE_CHECKING:
    from zoo.supply.store import Store
    from zoo.supply.transit import Transit

_START = "# A registry of your own; docs/registry.md describes every key.\nversion: 1\n\nentries:\n"
_PLACES = {  # how an address begins -> the kind of its source, and the key that it is written under
    "http://": ("http", "url"),
    "https://": ("http", "url"),
    "s3://": ("cloud", "object"),
    "gs://": ("cloud", "object"),
}


_AVERAGED = (
    "zoo registry add: mean computed from the average image; its colours in the order of OpenCV, as Caffe's tools",
)


@dataclass(frozen=True)
class Piece:
    """One file here, and the mirror that it came from."""

    path: Path
    mirror: Mapping[str, str]
    name: str


def fetched(source: str, transit: Transit, store: Store) -> Piece:
    """The file at an address or path; what was downloaded stays in the store, so that a pull need not fetch it again.

    Raises:
        MirrorFailure: the address does not deliver.
    """
    kind, key = next((place for start, place in _PLACES.items() if source.startswith(start)), ("", ""))
    if not kind:
        path = Path(source).expanduser().absolute()
        return Piece(path, {"path": str(path)}, path.name)
    from zoo.supply.sources import sources
    from zoo.supply.staging import private_slot

    name = Path(unquote(urlsplit(source).path)).name
    mirror = sources()[kind].mirror(**{key: source})
    with private_slot(transit.staging, transit.key(source), None, ()) as sink:
        sources()[kind].fetch(mirror, sink, transit)
        sink.finish()
        sink.close()
        return Piece(store.commit(sink.path, sink.sha256), {key: source}, name)


def entry_of(pieces: Sequence[Piece], said: Mapping[str, str | None]) -> dict[str, Any]:
    """The entry as plain values; `said` holds what the user told (id, family, task, publisher, licence, spdx).

    Raises:
        Diagnostic: `not-a-model`, `mixed-formats`, `same-role`, as files of a convert are refused.
    """
    from converters import sniff

    found = [(piece, sniff(piece.path)) for piece in pieces]
    told = [f"{piece.name}: {what.what}" for piece, what in found]
    formats = sorted({str(what.format) for _piece, what in found})
    if len(formats) != 1 or formats[0] not in FORMATS:
        raise Diagnostic("not-a-model", "these files are not one network that zoo knows", details=told)
    roles = [str(what.role) for _piece, what in found]
    if len(set(roles)) < len(roles):
        raise Diagnostic("same-role", "two files have the same role in one network", details=told)
    stem = re.sub(r"[^a-z0-9]+", "-", Path(pieces[-1].name).stem.lower()).strip("-")
    name = said.get("id") or f"{stem}@{formats[0]}"
    head = {"id": name} if name.rpartition("@")[2] in FORMATS else {"id": name, "format": formats[0]}
    fed = _fed(pieces) if {"graph", "mean"} <= set(roles) else []
    licence = {"published": said.get("licence") or "not stated", "commercial": "unknown"}
    return {
        **head,
        "family": said.get("family") or name.partition("@")[0],
        "architecture": name.partition("@")[0],
        "task": said.get("task") or "unknown",
        "publisher": said.get("publisher") or "not stated",
        "licence": licence | ({"spdx": said["spdx"]} if said.get("spdx") else {}),
        "files": [_row(piece, role) for piece, role in zip(pieces, roles, strict=True)],
        **({"inputs": fed} if fed else {}),
        "facts": ["zoo registry add: sha256 and size computed from the bytes", *(_AVERAGED if fed else ())],
    }


def _fed(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """How the network's input is fed, where a file beside it says so (Caffe's average image)."""
    from converters.conversion import Options, decode
    from converters.hub.layer import INPUTS
    from converters.identify import identify

    card, files = identify([piece.path for piece in pieces])
    graph = decode(card, files, Options())
    found: list[dict[str, Any]] = json.loads(graph.metadata.get(INPUTS, "[]"))
    return found


def _row(piece: Piece, role: str) -> dict[str, Any]:
    digest = {"alg": "sha256", "value": sha256_of(piece.path), "origin": "computed by zoo registry add"}
    size = piece.path.stat().st_size
    return {"role": role, "name": piece.name, "size": size, "checksums": [digest], "mirrors": [dict(piece.mirror)]}


def add(path: Path, row: Mapping[str, Any]) -> Entry:
    """Write the entry at the end of the registry in `path`, which is made when there is none.

    Raises:
        Diagnostic: `registry`: the registry would have faults; nothing was written.
    """
    before = path.read_text(encoding="utf-8") if path.is_file() else _START
    body = yaml.safe_dump([dict(row)], sort_keys=False, allow_unicode=True, width=10_000)
    text = before.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in body.splitlines())
    entries, faults = parse(text)
    if faults or row["id"] not in entries:
        details = [str(fault) for fault in faults] or [f"{path} does not end with its list of entries"]
        raise Diagnostic(
            "registry", "the entry does not fit; nothing was written", where=Where(str(path)), details=details
        )
    write_whole(path, text)
    return entries[row["id"]]
