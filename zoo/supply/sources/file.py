"""Files of this machine, for registries of one's own: `{path: /models/net.caffemodel}`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from zoo.catalog.constraints import Closed, Matching, Text
from zoo.supply.checksums import CHUNK
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMirror(Closed):
    """An absolute path, or one that starts with `~`."""

    kind: Literal["file"] = "file"
    path: Annotated[str, Matching(r"^(?:/|~/|[A-Za-z]:[\\/]|\\\\)")]
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        return self.path


def fetch(mirror: FileMirror, sink: Sink, _transit: Transit) -> None:
    """Copy the file into the sink."""
    path = Path(mirror.path).expanduser()
    if not path.is_file():
        raise MirrorFailure("no such file")
    try:
        with path.open("rb") as stream:
            sink.restart()
            sink.reserve(path.stat().st_size)
            while chunk := stream.read(CHUNK):
                sink.write(chunk)
    except OSError as error:
        raise MirrorFailure(f"cannot be read: {error.strerror or error}") from error


SOURCE = Source(kind="file", key="path", mirror=FileMirror, needs_network=False, fetch=fetch)
