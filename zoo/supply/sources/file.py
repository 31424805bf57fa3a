"""Files of this machine, for registries of one's own: `{path: /models/net.caffemodel}`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.supply.checksums import CHUNK
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit


class FileMirror(BaseModel):
    """An absolute path, or one that starts with `~`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kind: Literal["file"] = "file"
    path: Annotated[str, Field(pattern=r"^(?:/|~/|[A-Za-z]:[\\/]|\\\\)")]
    status: Status | None = None
    note: str | None = None

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
