"""Files of the Hugging Face hub over plain https: `{hf: owner/name, revision: <commit>, file: path}`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from zoo.catalog.constraints import Closed, Judged, Matching, Text
from zoo.supply.archive import member_name
from zoo.supply.sources import Source, Status
from zoo.supply.sources.http import bring
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit

_PUBLIC = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubMirror(Closed):
    """One file at one revision: a commit, or a branch or tag, whose bytes the checksums then hold still."""

    kind: Literal["hugging-face"] = "hugging-face"
    hf: Annotated[str, Matching(r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=200)]
    revision: Annotated[str, Matching(r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=100)] = "main"
    file: Annotated[str, Judged(member_name)]
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        return address(self, _PUBLIC)


def address(mirror: HubMirror, endpoint: str) -> str:
    """Where the hub hands out the file's bytes."""
    from urllib.parse import quote

    path = f"{mirror.hf}/resolve/{quote(mirror.revision, safe='')}/{quote(mirror.file)}"
    return f"{endpoint.rstrip('/')}/{path}"


def fetch(mirror: HubMirror, sink: Sink, transit: Transit) -> None:
    """Bring the file; HF_ENDPOINT names another hub, HF_TOKEN goes along to the hub's own host."""
    endpoint = os.environ.get("HF_ENDPOINT") or _PUBLIC
    token = os.environ.get("HF_TOKEN")
    bring(address(mirror, endpoint), sink, transit, headers={"Authorization": f"Bearer {token}"} if token else {})


SOURCE = Source(kind="hugging-face", key="hf", mirror=HubMirror, needs_network=True, fetch=fetch)
