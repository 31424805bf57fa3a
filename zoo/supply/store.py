"""The store: verified files by their sha256, shown under readable names, checked again when they are handed out.

ROOT/v1/objects/sha256/ab/cdef...     the bytes, read-only
ROOT/v1/models/<id>/<name>            the same bytes under their own name (hard link, else copy)
ROOT/v1/index/<id>/<name>.json        what that name is: sha256, size, role, where it came from
ROOT/v1/verified/ab/cdef...           size, time and inode of the object when it was last read whole
ROOT/v1/pins/<id>                     a model that prune leaves alone
ROOT/v1/staging/                      downloads under way
ROOT/v1/registries/<user>/            parsed registries (zoo.catalog.compiled)
ROOT/v1/floors/, ROOT/v1/parity/      what is remembered of checks (zoo.supply.remembered)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from zoo.diagnostics import IntegrityFault
from zoo.supply.checksums import sha256_of
from zoo.supply.staging import unwritable

LAYOUT = "v1"
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Record:
    """What the index knows of one file of a model; `checksums` are the published ones that it was verified by."""

    sha256: str
    size: int
    role: str
    source: str
    checksums: str = ""

    @property
    def first_use(self) -> bool:
        """Whether nothing but the first download vouches for the sha256."""
        return not self.checksums


@dataclass(frozen=True)
class Store:
    """A folder of verified files; every change to it appears whole or not at all."""

    root: Path

    @property
    def base(self) -> Path:
        """The folder of this layout; another layout lies beside it and is never read."""
        return self.root / LAYOUT

    @property
    def staging(self) -> Path:
        """Where downloads lie until they are verified; on the same disk as the objects."""
        return self.base / "staging"

    def object_path(self, sha256: str) -> Path:
        """Where the object lies, or would lie."""
        if not _HEX.fullmatch(sha256):
            raise ValueError(f"no sha256: {sha256!r}")
        return self.base / "objects" / "sha256" / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        """Whether the object is there and its bytes are still the right ones."""
        return self.state(sha256) == "whole"

    def state(self, sha256: str, *, thorough: bool = False) -> str:
        """`whole`, `damaged` or `absent`; the bytes are read when the file changed since last time, or `thorough`."""
        path = self.object_path(sha256)
        try:
            stamp = _stamp(path)
            if not thorough and self._verified(sha256).read_text(encoding="ascii") == stamp:
                return "whole"
        except FileNotFoundError:
            if not path.exists():
                return "absent"
            stamp = _stamp(path)
        if sha256_of(path) != sha256:
            self._verified(sha256).unlink(missing_ok=True)
            return "damaged"
        write_whole(self._verified(sha256), stamp)
        return "whole"

    def path(self, sha256: str) -> Path:
        """The object's file, verified.

        Raises:
            IntegrityFault: `object-absent` or `object-damaged`.
        """
        state = self.state(sha256)
        if state != "whole":
            raise IntegrityFault(f"object-{state}", f"sha256 {sha256} is {state} in {self.root}", hint="zoo pull it")
        return self.object_path(sha256)

    def commit(self, temporary: Path, sha256: str) -> Path:
        """Move a file, already verified and synced, into the store; a damaged object is replaced."""
        target = self.object_path(sha256)
        try:
            if self.has(sha256):
                temporary.unlink()
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            _unlock(target)
            temporary.chmod(0o444)
            temporary.replace(target)
            _sync_folder(target.parent)
            write_whole(self._verified(sha256), _stamp(target))
        except OSError as error:
            raise unwritable(self.root, error) from error
        return target

    def expose(self, entry_id: str, name: str, record: Record) -> Path:
        """The object under its own name in `models/<id>/`, and in the index; a file that was altered there is replaced.

        Raises:
            IntegrityFault: the object is absent or damaged.
        """
        source = self.path(record.sha256)
        shown = self._under("models", entry_id, name)
        if not _same_bytes(shown, source, record.sha256):
            _place(source, shown)
        write_whole(self._under("index", entry_id, f"{name}.json"), json.dumps(asdict(record), indent=1))
        return shown

    def record(self, entry_id: str, name: str) -> Record | None:
        """What the index says of one file of a model; None where it says nothing that can be read."""
        try:
            told = json.loads(self._under("index", entry_id, f"{name}.json").read_text(encoding="utf-8"))
            record = Record(**told)
            return record if _HEX.fullmatch(record.sha256) else None
        except (OSError, ValueError, TypeError):
            return None

    def models(self) -> Mapping[str, Mapping[str, Record]]:
        """Every model of the index: id -> file name -> record."""
        found: dict[str, dict[str, Record]] = {}
        for path in sorted((self.base / "index").glob("*/*.json")):
            record = self.record(path.parent.name, path.stem)
            if record is not None:
                found.setdefault(path.parent.name, {})[path.stem] = record
        return found

    def last_used(self, entry_id: str) -> float:
        """Seconds since the epoch when the model was last handed out; 0 when never."""
        times = [path.stat().st_mtime for path in (self.base / "index" / entry_id).glob("*.json")]
        return max(times, default=0.0)

    def objects(self) -> Iterator[tuple[str, Path]]:
        """Every object: its sha256 and its file."""
        for path in sorted((self.base / "objects" / "sha256").glob("??/*")):
            name = path.parent.name + path.name
            if _HEX.fullmatch(name):
                yield name, path

    def pins(self) -> frozenset[str]:
        """The ids that prune leaves alone."""
        return frozenset(path.name for path in (self.base / "pins").glob("*"))

    def pin(self, entry_id: str, *, pinned: bool) -> None:
        """Set or lift a pin."""
        path = self._under("pins", entry_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        if pinned:
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def forget(self, entry_id: str) -> None:
        """Remove a model's names; a sha256 learnt at first use stays, so that the next pull must meet it again."""
        for path in (self.base / "models" / entry_id).glob("*"):
            _unlock(path)
            path.unlink()
        with suppress(OSError):
            (self.base / "models" / entry_id).rmdir()
        for path in (self.base / "index" / entry_id).glob("*.json"):
            record = self.record(entry_id, path.stem)
            if record is None or not record.first_use:
                path.unlink()
        with suppress(OSError):
            (self.base / "index" / entry_id).rmdir()

    def remove(self, sha256: str) -> None:
        """Remove an object."""
        self._verified(sha256).unlink(missing_ok=True)
        path = self.object_path(sha256)
        _unlock(path)
        path.unlink(missing_ok=True)

    def _verified(self, sha256: str) -> Path:
        return self.base / "verified" / sha256[:2] / sha256[2:]

    def _under(self, *parts: str) -> Path:
        if any(part in ("", ".", "..") or re.search(r"[/\\:\x00]", part) for part in parts):
            raise ValueError(f"not plain names: {parts}")
        return self.base.joinpath(*parts)


def default_root() -> Path:
    """ZOO_HOME, or the user's cache folder."""
    home = os.environ.get("ZOO_HOME")
    if home:
        return Path(home).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("zoo", appauthor=False)


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path.parent, error) from error


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that `target` appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        shutil.copyfile(source, temporary)
        _unlock(target)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _place(source: Path, shown: Path) -> None:
    """Hard link, or copy where the file system has none; either way by rename, so that readers never miss the file."""
    temporary = shown.with_name(f".{shown.name}.{uuid4().hex}")
    try:
        shown.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, temporary)
    except OSError:
        try:
            copy_whole(source, shown)
        except OSError as error:
            raise unwritable(shown.parent, error) from error
        shown.chmod(0o444)
        return
    try:
        _unlock(shown)
        temporary.replace(shown)
    finally:
        temporary.unlink(missing_ok=True)  # rename between two links of one file leaves both


def _same_bytes(shown: Path, source: Path, sha256: str) -> bool:
    try:
        return shown.samefile(source) or sha256_of(shown) == sha256
    except FileNotFoundError:
        return False


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"


def _unlock(path: Path) -> None:
    """Windows neither replaces nor removes a read-only file."""
    if os.name == "nt":
        with suppress(FileNotFoundError):
            path.chmod(0o644)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk; Windows has no such call for folders."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def age_days(moment: float) -> float:
    """Days since `moment`."""
    return (time.time() - moment) / 86400
