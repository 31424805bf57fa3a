"""Objects of S3 and Google Cloud Storage through fsspec (the extra `cloud`): `{object: s3://bucket/key}`.

Credentials, regions and endpoints are found as the libraries find them (AWS_PROFILE, AWS_ENDPOINT_URL,
GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST ...); where there are none, the object is asked for as anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from zoo.catalog.constraints import Closed, Matching, Text
from zoo.supply import ahead
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.staging import Sink
from zoo.supply.transit import Transit
from zoo.supply.web import Interrupted, persist

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMirror(Closed):
    """The address of an object."""

    kind: Literal["cloud"] = "cloud"
    object: Annotated[str, Matching(r"^(?:s3|gs)://[a-z0-9][a-z0-9._-]*/[^\s?#]+$", max_length=1200)]
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        return self.object


@dataclass(frozen=True)
class Object:
    """What the store says of an object: its size, and a tag that changes with its bytes."""

    size: int
    tag: str


def fetch(mirror: ObjectMirror, sink: Sink, transit: Transit) -> None:
    """Bring the object, several ranges at a time; the same version is continued, and what is protected as a whole.

    Raises:
        MirrorFailure: the extra is missing, the store refuses, the object has another size, or every try broke off.
    """
    scheme, _, path = mirror.object.partition("://")
    system = _system(scheme, transit, anonymous=False)
    try:
        _told(partial(system.info, path))
    except _NoCredentials:
        system = _system(scheme, transit, anonymous=True)
    except Interrupted:
        pass  # the tries below count
    persist(lambda: _once(mirror.object, system, sink, transit), transit, leave_silent=sink.pace is not None)


def _once(address: str, system: AbstractFileSystem, sink: Sink, transit: Transit) -> None:
    path = address.partition("://")[2]
    found = _object(system, path)
    if sink.size is not None and found.size != sink.size:
        raise MirrorFailure(f"it has {found.size:,} bytes, expected {sink.size:,}")
    if sink.position and not _continues(address, found, sink):
        sink.restart()
    sink.reserve(found.size)
    sink.origin = {"url": address, "validator": found.tag}
    ahead.in_order(sink, found.size, transit, partial(_block, system, path))
    if _object(system, path) != found:
        sink.restart()
        raise Interrupted("the object changed while it came")


def _continues(address: str, found: Object, sink: Sink) -> bool:
    """Whether the bytes so far may be a beginning of this object."""
    origin = sink.origin or {}
    if origin.get("url") == address:
        return origin.get("validator") == found.tag != ""
    return sink.protected


def _object(system: AbstractFileSystem, path: str) -> Object:
    system.invalidate_cache()
    info = _told(partial(system.info, path))
    if info.get("type") != "file" or not isinstance(info.get("size"), int):
        raise MirrorFailure("it is no object")
    return Object(info["size"], str(info.get("ETag") or info.get("etag") or ""))


def _block(system: AbstractFileSystem, path: str, first: int, last: int) -> bytes:
    body: bytes = _told(partial(system.cat_file, path, start=first, end=last + 1))
    if len(body) != last + 1 - first:
        raise Interrupted(f"bytes {first}-{last} ended after {len(body):,}")
    return body


class _NoCredentials(Exception):
    """Nobody told this machine who it is."""


def _told(act: Callable[[], T]) -> T:
    """What the library answers; its faults become ours."""
    try:
        return act()
    except FileNotFoundError as error:
        raise MirrorFailure("there is no such object") from error
    except PermissionError as error:
        raise MirrorFailure(f"access is denied: {str(error)[:200]}") from error
    except Exception as error:
        if type(error).__name__ == "NoCredentialsError":
            raise _NoCredentials from error
        raise Interrupted(f"{type(error).__name__}: {str(error)[:200]}") from error


def _system(scheme: str, transit: Transit, *, anonymous: bool) -> AbstractFileSystem:
    try:
        return _SYSTEMS[scheme](transit, anonymous)
    except ImportError as error:
        raise MirrorFailure(f"{scheme}:// needs the extra `cloud`: pip install 'zoo[cloud]' ({error.name})") from error


def _s3(transit: Transit, anonymous: bool) -> AbstractFileSystem:  # noqa: FBT001 - one signature for the table
    from s3fs import S3FileSystem

    network = transit.network
    patience: dict[str, Any] = {"connect_timeout": network.connect, "read_timeout": network.silence}
    trust = {"verify": str(network.ca_bundle)} if network.ca_bundle else {}
    system = S3FileSystem(
        anon=anonymous,
        skip_instance_cache=True,
        client_kwargs=trust,
        config_kwargs={**patience, "retries": {"max_attempts": 1}},
    )
    system.retries = 1  # persist() repeats
    return system


def _gs(transit: Transit, anonymous: bool) -> AbstractFileSystem:  # noqa: FBT001 - one signature for the table
    """The plain client: the one that fsspec makes asks a second service over gRPC of which kind the bucket is."""
    from gcsfs.core import GCSFileSystem

    token = "anon" if anonymous else None
    network = transit.network
    trust = {"connector": _trusting(network.ca_bundle)} if network.ca_bundle else {}
    return GCSFileSystem(token=token, skip_instance_cache=True, requests_timeout=network.silence, session_kwargs=trust)


def _trusting(bundle: Path) -> object:
    """Connections for gcsfs, made in the loop that it works in, to servers that the bundle vouches for."""
    import ssl

    from aiohttp import TCPConnector
    from fsspec.asyn import get_loop, sync

    async def made() -> TCPConnector:
        return TCPConnector(ssl=ssl.create_default_context(cafile=bundle))

    return sync(get_loop(), made)


_SYSTEMS: Mapping[str, Callable[[Transit, bool], AbstractFileSystem]] = {"s3": _s3, "gs": _gs}
SOURCE = Source(kind="cloud", key="object", mirror=ObjectMirror, needs_network=True, fetch=fetch)
