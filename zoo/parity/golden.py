"""A golden: inputs and a reference's answers in one `.npz` file, so that a check needs the old framework no more.

`golden.json` says what the arrays are, what computed them and their sha256; the arrays are `.npy` members, never
pickles. Canonical pictures are stored as bytes: they are whole numbers from 0 to 255.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from converters.outputs import whole
from zoo.backends.arrays import read_npy
from zoo.catalog.schema import Entry, InputSpec
from zoo.diagnostics import Diagnostic, Where
from zoo.parity.feeding import Numbers, Port, Samples

MOST = 2**31  # bytes of all arrays together, unpacked
_CARD = "golden.json"
_MOST_CARD = 4 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive knows: the same run gives the same bytes
_CONFIG = ConfigDict(frozen=True, extra="forbid")


def _tuples(value: Any) -> Any:
    """The lists of JSON as the tuples that a registry entry is made of."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


class Input(BaseModel):
    """One input: the port that it was made for, and the array's digest as it lies in the file."""

    model_config = _CONFIG
    name: str
    shape: tuple[int | str | None, ...]
    spec: InputSpec | None
    dtype: str
    sha256: str


class Output(BaseModel):
    """One output of the reference; the floor is its float32 noise where it was measured."""

    model_config = _CONFIG
    name: str
    sha256: str
    floor_rms: float | None = None
    floor_max: float | None = None


class Reference(BaseModel):
    """What computed the outputs, and of which files."""

    model_config = _CONFIG
    artifact: str
    format: str
    backend: str
    versions: dict[str, str]
    settings: dict[str, Any]
    files: dict[str, str]  # role -> sha256
    entry: Annotated[Entry | None, BeforeValidator(_tuples)] = None


class Card(BaseModel):
    """`golden.json`."""

    model_config = _CONFIG
    schema_: Annotated[Literal["zoo/golden"], Field(alias="schema")] = "zoo/golden"
    version: Literal[1] = 1
    described: str
    batch: int
    reference: Reference
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden in memory: the samples that were fed, and what the reference answered."""

    path: Path
    sha256: str
    card: Card
    samples: Samples
    outputs: Mapping[str, Numbers]


def digest(array: Numbers) -> str:
    """The sha256 of an array's kind, shape and numbers; the same on every machine."""
    plain = np.ascontiguousarray(array)
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(f"{plain.dtype.str} {list(array.shape)}\n".encode() + plain.tobytes()).hexdigest()


def inputs_of(samples: Samples) -> tuple[tuple[Input, Numbers], ...]:
    """The samples as a golden stores them: pictures as bytes."""
    stored = [_packed(array) for array in samples.arrays]
    return tuple(
        (Input(name=port.name, shape=port.shape, spec=port.spec, dtype=str(array.dtype), sha256=digest(small)), small)
        for port, array, small in zip(samples.leader, samples.arrays, stored, strict=True)
    )


def _packed(array: Numbers) -> Numbers:
    small = array.astype(np.uint8) if array.dtype == np.float32 and array.size and _byte_range(array) else array
    return small if np.array_equal(small, array) else array


def _byte_range(array: Numbers) -> bool:
    return bool(np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255)


def write(path: Path, card: Card, inputs: Sequence[Numbers], outputs: Sequence[Numbers]) -> str:
    """Write the file whole or not at all; returns its sha256."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, _CARD, card.model_dump_json(indent=1, by_alias=True).encode())
        for kind, arrays in (("inputs", inputs), ("outputs", outputs)):
            for index, array in enumerate(arrays):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
                _add(archive, f"{kind}/{index}.npy", member.getvalue())
    with whole(path) as sink:
        sink.write(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def read(path: Path) -> Golden:
    """The golden in a file, every array checked against its digest.

    Raises:
        Diagnostic: `golden`: it cannot be read, is none, or was changed after it was made.
    """
    try:
        if path.stat().st_size > MOST:
            raise _fault(path, f"is larger than the {MOST:,} bytes accepted")
        raw = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            card = _card(archive, path)
            sizes = sum(member.file_size for member in archive.infolist())
            if sizes > MOST:
                raise _fault(path, f"holds {sizes:,} bytes, more than the {MOST:,} accepted")
            inputs = [_array(archive, f"inputs/{i}.npy", one.sha256, path) for i, one in enumerate(card.inputs)]
            outputs = [_array(archive, f"outputs/{i}.npy", one.sha256, path) for i, one in enumerate(card.outputs)]
    except OSError as fault:
        raise _fault(path, f"cannot be read: {fault.strerror or fault}") from fault
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        RuntimeError,
    ) as fault:  # encrypted, unknown
        raise _fault(path, f"is no golden, or a damaged one: {fault}") from fault
    ports = tuple(Port(one.name, ("N", *one.shape[1:]), one.spec) for one in card.inputs)
    arrays = tuple(array.astype(one.dtype) for array, one in zip(inputs, card.inputs, strict=True))
    samples = Samples(ports, arrays, card.batch, f"{card.described}, of the golden {path.name}")
    names = [one.name for one in card.outputs]
    return Golden(path, hashlib.sha256(raw).hexdigest(), card, samples, dict(zip(names, outputs, strict=True)))


def _card(archive: zipfile.ZipFile, path: Path) -> Card:
    size = archive.getinfo(_CARD).file_size
    if size > _MOST_CARD:
        raise _fault(path, f"its {_CARD} holds {size:,} bytes")
    text = archive.read(_CARD)
    try:
        return Card.model_validate_json(text)
    except ValidationError as fault:
        details = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in fault.errors()]
        version = json.loads(text).get("version") if text.lstrip().startswith(b"{") else None
        said = f"is a golden of version {version}, expected 1" if version not in (None, 1) else f"its {_CARD} is none"
        raise _fault(path, said, details) from fault


def _array(archive: zipfile.ZipFile, name: str, sha256: str, path: Path) -> Numbers:
    member = archive.getinfo(name)
    with archive.open(member) as file:
        array = read_npy(file, MOST, member.file_size)
    if digest(array) != sha256:
        raise _fault(path, f"{name} is not what was recorded: its sha256 is another")
    return array


def _fault(path: Path, text: str, details: Sequence[str] = ()) -> Diagnostic:
    return Diagnostic("golden", text, where=Where(str(path)), details=details, hint="zoo golden make makes one")
