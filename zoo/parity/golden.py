"""A golden: inputs and a reference's answers in one `.npz` file, so that a check needs the old framework no more.

Version 2 adds to version 1 the further sets of samples, what goes into the last softmax, and inner values.
`golden.json` says what the arrays are, what computed them and their sha256; the arrays are `.npy` members, never
pickles. Canonical pictures are stored as bytes: they are whole numbers from 0 to 255.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from converters.outputs import whole
from zoo.backends.arrays import read_npy
from zoo.catalog.schema import Entry, InputSpec
from zoo.diagnostics import Diagnostic, OutputFault, Where
from zoo.parity.feeding import ALONE, Numbers, Port, Samples
from zoo.parity.sampled import places

MOST = 2**31  # bytes of all arrays together, unpacked
_CARD = "golden.json"
_MOST_CARD = 4 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive knows: the same run gives the same bytes
_CONFIG = ConfigDict(frozen=True, extra="forbid")

Noise = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Plain = Annotated[str, Field(pattern=r"^(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))$")]
"""A type of numbers that a `.npy` member holds without a pickle."""


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
    dtype: Plain
    sha256: str


class Output(BaseModel):
    """One output of the reference, or its logits; the floor is its float32 noise where it was measured."""

    model_config = _CONFIG
    name: str
    sha256: str
    floor_rms: Noise | None = None
    floor_max: Noise | None = None
    kind: Literal["output", "logits"] = "output"


class Further(BaseModel):
    """A further set of samples: arrays by digest, none where they are the first of the main set, and its answers."""

    model_config = _CONFIG
    name: Literal["one", "edge"]
    batch: Annotated[int, Field(ge=1)]
    described: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[Output, ...]


class Inner(BaseModel):
    """One inner value of the reference on its first samples, under the name that its ONNX form gives it.

    `whole`: all of its numbers are recorded, otherwise those at `zoo.parity.sampled.places`. `own`: the backend that
    `inner_of` of the card names gave it; what that does not show is ONNX Runtime's, and decides no layer.
    """

    model_config = _CONFIG
    name: str
    op: str
    depth: int
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    dtype: str
    sha256: str
    floor_rms: Noise
    floor_max: Noise
    whole: bool = False
    own: bool = True


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
    version: Literal[1, 2] = 2
    described: str
    batch: int
    kind: Literal["random", "given"] = "random"
    reference: Reference
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    sets: tuple[Further, ...] = ()
    floor: str | None = None
    inner: tuple[Inner, ...] = ()
    inner_batch: Annotated[int, Field(ge=0)] = 0
    inner_of: str = ""
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reference answered to one set of samples."""

    samples: Samples
    outputs: Mapping[str, Numbers]
    logits: Mapping[str, Numbers] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden in memory: what the reference answered to each set of samples, the main one first."""

    path: Path
    sha256: str
    card: Card
    answers: tuple[Answer, ...]
    inner: Mapping[str, Numbers] = field(default_factory=dict)

    @property
    def samples(self) -> Samples:
        """The main set."""
        return self.answers[0].samples

    @property
    def outputs(self) -> Mapping[str, Numbers]:
        """On the main set."""
        return self.answers[0].outputs

    @property
    def whole(self) -> bool:
        """Whether the inner values are all there, so that layers can be fed with them."""
        return bool(self.card.inner) and all(one.whole for one in self.card.inner)


def digest(array: Numbers) -> str:
    """The sha256 of an array's kind, shape and numbers; the same on every machine."""
    plain = np.ascontiguousarray(array)
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(f"{plain.dtype.str} {list(array.shape)}\n".encode() + plain.tobytes()).hexdigest()


def inputs_of(samples: Samples) -> tuple[tuple[Input, Numbers], ...]:
    """The samples as a golden stores them: pictures as bytes."""
    stored = [packed(array) for array in samples.arrays]
    return tuple(
        (Input(name=port.name, shape=port.shape, spec=port.spec, dtype=str(array.dtype), sha256=digest(small)), small)
        for port, array, small in zip(samples.leader, samples.arrays, stored, strict=True)
    )


def packed(array: Numbers) -> Numbers:
    """The array as bytes where its numbers are those of a picture."""
    small = array.astype(np.uint8) if array.dtype == np.float32 and array.size and _byte_range(array) else array
    return small if np.array_equal(small, array) else array


def _byte_range(array: Numbers) -> bool:
    return bool(np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255)


def write(
    path: Path, card: Card, inputs: Sequence[Numbers], outputs: Sequence[Numbers],
    more: Mapping[str, Numbers] | None = None,
) -> str:  # fmt: skip
    """Write the file whole or not at all; returns its sha256. `more`: arrays of further sets and inner values."""
    members = {f"{kind}/{i}": array for kind, several in (("inputs", inputs), ("outputs", outputs))
               for i, array in enumerate(several)}  # fmt: skip
    size = sum(array.nbytes for array in (*members.values(), *(more or {}).values()))
    if size > MOST:
        hint = "fewer samples, or without --layers"
        raise OutputFault(
            "golden-size", f"would hold {size:,} bytes, {MOST:,} at most", where=Where(str(path)), hint=hint
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, _CARD, card.model_dump_json(indent=1, by_alias=True).encode())
        for name, array in {**members, **(more or {})}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            _add(archive, f"{name}.npy", member.getvalue())
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
            answers = _answers(archive, card, path)
            inner = {one.name: _inner(archive, at, one, path) for at, one in enumerate(card.inner)}
    except OSError as fault:
        raise _fault(path, f"cannot be read: {fault.strerror or fault}") from fault
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        RuntimeError,
    ) as fault:  # encrypted, unknown
        raise _fault(path, f"is no golden, or a damaged one: {fault}") from fault
    return Golden(path, hashlib.sha256(raw).hexdigest(), card, answers, inner)


def _answers(archive: zipfile.ZipFile, card: Card, path: Path) -> tuple[Answer, ...]:
    """The main set and the further ones; their arrays have to hold as many samples as is said."""
    names = [card.kind, *(one.name for one in card.sets)]
    if len(set(names)) != len(names):
        raise _fault(path, f"its {_CARD} names a set of samples twice")
    stored = [_array(archive, f"inputs/{i}.npy", one.sha256, path) for i, one in enumerate(card.inputs)]
    main = _samples(card, stored, card.batch, f"{card.described}, of the golden {path.name}", card.kind, path)
    found = [_answer(archive, "", main, card.outputs, path)]
    for at, one in enumerate(card.sets):
        place = f"sets/{at}/"
        if one.name == ALONE:
            samples = main.first
        else:
            arrays = [_array(archive, f"{place}inputs/{i}.npy", sha256, path) for i, sha256 in enumerate(one.inputs)]
            samples = _samples(card, arrays, one.batch, one.described, one.name, path)
        found.append(_answer(archive, place, samples, one.outputs, path))
    return tuple(found)


def _samples(card: Card, stored: Sequence[Numbers], batch: int, described: str, name: str, path: Path) -> Samples:
    if len(stored) != len(card.inputs) or any(array.shape[:1] != (batch,) for array in stored):
        raise _fault(path, f"its set {name} does not hold {batch} samples of each input")
    ports = tuple(Port(one.name, ("N", *one.shape[1:]), one.spec) for one in card.inputs)
    arrays = tuple(array.astype(one.dtype) for array, one in zip(stored, card.inputs, strict=True))
    return Samples(ports, arrays, batch, described, name)


def _answer(archive: zipfile.ZipFile, place: str, samples: Samples, outputs: Sequence[Output], path: Path) -> Answer:
    arrays = [_array(archive, f"{place}outputs/{i}.npy", one.sha256, path) for i, one in enumerate(outputs)]
    both = list(zip(outputs, arrays, strict=True))
    own, logits = ({one.name: array for one, array in both if one.kind == kind} for kind in ("output", "logits"))
    return Answer(samples, own, logits)


def _inner(archive: zipfile.ZipFile, at: int, one: Inner, path: Path) -> Numbers:
    array = _array(archive, f"inner/{at}.npy", one.sha256, path)
    count = math.prod(one.shape)
    if array.shape != (one.shape if one.whole else (len(places(count)),)):
        raise _fault(path, f"inner/{at}.npy does not hold the numbers of {one.name}")
    return array


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
        said = (
            f"is a golden of version {version}, expected 1 or 2"
            if version not in (None, 1, 2)
            else f"its {_CARD} is none"
        )
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
