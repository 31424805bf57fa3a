"""A bundle: the files of models with their digests in one zip, for machines without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.catalog.schema import Entry, EntryId, File, FileName
from zoo.diagnostics import Diagnostic, IntegrityFault, OutputFault, Where
from zoo.supply import archive
from zoo.supply.checksums import CHUNK
from zoo.supply.download import Brought, checksum_list
from zoo.supply.sources import MirrorFailure
from zoo.supply.staging import private_slot, require_space
from zoo.supply.store import Record, Store

MANIFEST = "zoo-bundle.json"
_MAX_MANIFEST = 8 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files give the same bundle
_CONFIG = ConfigDict(frozen=True, extra="forbid")


class Packed(BaseModel):
    """One file of a bundle; its bytes are the member `files/<sha256>`."""

    model_config = _CONFIG
    id: EntryId
    name: FileName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    source: str


class Manifest(BaseModel):
    """What is in a bundle."""

    model_config = _CONFIG
    version: Literal[1] = 1
    files: Annotated[tuple[Packed, ...], Field(min_length=1)]


def write(path: Path, brought: Sequence[Brought]) -> Manifest:
    """Write the files into a bundle that appears whole or not at all; nothing is compressed, weights do not shrink.

    Raises:
        OutputFault: it cannot be written.
    """
    manifest = Manifest(files=tuple(_packed(item) for item in brought))
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as whole:
            whole.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), manifest.model_dump_json(indent=1))
            for item in {item.record.sha256: item for item in brought}.values():
                info = zipfile.ZipInfo(f"files/{item.record.sha256}", _EPOCH)
                info.file_size = item.record.size
                with whole.open(info, "w", force_zip64=True) as target, item.path.open("rb") as source:
                    while chunk := source.read(CHUNK):
                        target.write(chunk)
        temporary.replace(path)
    except OSError as error:
        raise OutputFault("unwritable", error.strerror or str(error), where=Where(str(path))) from error
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def _packed(item: Brought) -> Packed:
    record = item.record
    return Packed(id=item.entry_id, name=item.file.name, sha256=record.sha256, size=record.size, source=record.source)


def read(path: Path) -> Manifest:
    """What the bundle says is in it.

    Raises:
        Diagnostic: `bundle`: it is none.
    """
    try:
        chunks = b"".join(archive.read_member(path, MANIFEST, _MAX_MANIFEST))
        return Manifest.model_validate_json(chunks)
    except OSError as error:
        raise Diagnostic("bundle", f"cannot be read: {error.strerror}", where=Where(str(path))) from error
    except (MirrorFailure, ValidationError) as error:
        raise Diagnostic("bundle", f"is no bundle of zoo: {str(error)[:300]}", where=Where(str(path))) from error


def take_in(
    path: Path, manifest: Manifest, entries: Mapping[str, Entry], store: Store
) -> Iterator[tuple[Packed, Path]]:
    """Bring every file into the store, verified by the bundle's sha256 and by every published checksum.

    Raises:
        Diagnostic: `bundle-unknown`: a file that the registry does not know.
        IntegrityFault: `bundle-damaged`.
    """
    wanted = [(packed, _file(packed, entries)) for packed in manifest.files]
    unknown = [f"{packed.id} {packed.name}" for packed, file in wanted if file is None]
    if unknown:
        hint = "this machine needs the registry that they come from (ZOO_REGISTRY)"
        raise Diagnostic("bundle-unknown", f"{len(unknown)} file(s) that no registry knows", details=unknown, hint=hint)
    require_space(store.staging, sum({packed.sha256: packed.size for packed in manifest.files}.values()))
    for packed, file in wanted:
        assert file is not None, "refused above"
        yield packed, _take(path, packed, file, store)


def _file(packed: Packed, entries: Mapping[str, Entry]) -> File | None:
    entry = entries.get(packed.id)
    files: Iterable[File] = (*entry.files, *entry.extras) if entry else ()
    return next((file for file in files if file.name == packed.name), None)


def _take(path: Path, packed: Packed, file: File, store: Store) -> Path:
    with private_slot(store.staging, f"bundle-{packed.sha256[:32]}", packed.size, file.checksums) as sink:
        try:
            archive.extract(path, f"files/{packed.sha256}", sink)
            problem = sink.problem()
        except MirrorFailure as failure:
            problem = str(failure)
        if problem is None and sink.sha256 != packed.sha256:
            problem = f"sha256 is {sink.sha256}, the bundle says {packed.sha256}"
        if problem is not None:
            sink.restart()
            raise IntegrityFault("bundle-damaged", f"{packed.id} {packed.name}: {problem}", where=Where(str(path)))
        sink.finish()
        sink.close()
        store.commit(sink.path, packed.sha256)
    record = Record(packed.sha256, packed.size, file.role, packed.source, checksum_list(file))
    return store.expose(packed.id, packed.name, record)
