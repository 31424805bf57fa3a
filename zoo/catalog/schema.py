"""The closed schema of a registry entry: what is published, where it lies, and how it is fed (docs/registry.md).

Plain dataclasses: pydantic validates them by the marks on their annotations (zoo.catalog.validation), and is not
imported by a command that finds a parsed registry (zoo.catalog.compiled).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from zoo.catalog.constraints import Closed, Count, Judged, Length, Matching, Number, OneOf, Text
from zoo.supply import sources

ROLES = frozenset({"graph", "weights", "model", "mean", "archive"})  # of files that make up the network
HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha1": 40, "md5": 32, "git-blob-sha1": 40}
SHORTEST_PREFIX = 8  # hex digits of a sha256-prefix: what torchvision prints into file names
_DEVICES = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)  # names that Windows keeps for itself
_NAME = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"

Algorithm = Literal["sha256", "sha384", "sha1", "md5", "git-blob-sha1", "sha256-prefix"]
Slug = Annotated[str, Matching(rf"^{_NAME}$", max_length=80)]
EntryId = Annotated[str, Matching(rf"^{_NAME}@{_NAME}$", max_length=120)]
Format = Literal["caffe", "onnx", "torch", "torch7", "mxnet", "keras", "lasagne"]
FORMATS = get_args(Format)
Dimension = Count | Annotated[str, Matching(r"^[A-Za-z][A-Za-z0-9_]*$")]

Shape = Annotated[tuple[Dimension, ...], Length(1, 8)]
Layout = Literal["NCHW", "NHWC"]
Color = Literal["BGR", "RGB", "gray"]
Range = tuple[Number, Number]
Crop = tuple[Count, Count]


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}", name) or name.endswith(".") or _DEVICES.match(name):
        raise ValueError("not a plain file name")
    return name


def _mirrors() -> dict[str, type]:
    return {kind: source.mirror for kind, source in sources.sources().items()}


FileName = Annotated[str, Judged(_file_name)]
Mirror = Annotated[sources.Mirror, OneOf(_mirrors, sources.kind_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum(Closed):
    """A digest of the whole file in lower-case hex, and who published or computed it."""

    alg: Algorithm
    value: Annotated[str, Matching(r"^[0-9a-f]+$", max_length=128)]
    origin: Text

    def __post_init__(self) -> None:
        wanted = HEX_DIGITS.get(self.alg)
        if wanted is not None and len(self.value) != wanted:
            raise ValueError(f"{self.alg} has {wanted} hex digits, this value {len(self.value)}")
        if wanted is None and not SHORTEST_PREFIX <= len(self.value) < HEX_DIGITS["sha256"]:
            raise ValueError(f"sha256-prefix has {SHORTEST_PREFIX} to 63 hex digits, this value {len(self.value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Closed):
    """One file of an artifact; `unverified` says why nobody published a checksum of it."""

    role: Slug
    name: FileName
    size: Count | None = None
    checksums: tuple[Checksum, ...] = ()
    unverified: Text | None = None
    mirrors: Annotated[tuple[Mirror, ...], Length(1)]

    def __post_init__(self) -> None:
        if bool(self.checksums) == bool(self.unverified):
            raise ValueError("no checksum: give one, or say in `unverified` why there is none (and not both)")
        if self.size is None and any(checksum.alg == "git-blob-sha1" for checksum in self.checksums):
            raise ValueError("git-blob-sha1 needs the size")

    @property
    def sha256(self) -> str | None:
        """The whole published sha256, where there is one."""
        return next((checksum.value for checksum in self.checksums if checksum.alg == "sha256"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence(Closed):
    """What the publisher said, the SPDX name where it is clear, and whether commercial use is allowed."""

    published: Text
    spdx: Text | None = None
    commercial: Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize(Closed):
    """`warp` brings the image to size x size (or [h, w]) whatever its shape; `short-side` keeps its shape."""

    mode: Literal["warp", "short-side"]
    size: Count | tuple[Count, Count]
    interpolation: Literal["bilinear", "bicubic", "nearest", "area"] = "bilinear"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec(Closed):
    """How an input is fed: resize, crop, into `range`, channels in `color` order, minus mean, times scale or by std.

    `mean` and `std` are in the units of `range` and in the order of `color`; the batch in `shape` is `N` or a number.
    """

    name: Text
    shape: Shape
    layout: Layout | None = None
    color: Color | None = None
    range: Range | None = None
    mean: tuple[Number, ...] | None = None
    scale: Number | None = None
    std: tuple[Number, ...] | None = None
    resize: Resize | None = None
    crop: Crop | None = None
    note: Text | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and self.std is not None:
            raise ValueError("scale and std exclude each other")
        if self.layout is None:
            return
        if len(self.shape) != len(self.layout):
            raise ValueError(f"layout {self.layout} needs 4 dimensions, shape has {len(self.shape)}")
        sizes: dict[str, int | str] = dict(zip(self.layout, self.shape, strict=True))
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != sizes["C"]:
                raise ValueError(f"{name} has {len(values)} values for {sizes['C']} channels")
        if self.crop is not None and isinstance(sizes["H"], int) and self.crop != (sizes["H"], sizes["W"]):
            raise ValueError(f"crop {list(self.crop)} differs from the input's {sizes['H']} x {sizes['W']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(Closed):
    """A shared block of preprocessing, named by an anchor and merged into inputs with `<<`."""

    shape: Shape | None = None
    layout: Layout | None = None
    color: Color | None = None
    range: Range | None = None
    mean: tuple[Number, ...] | None = None
    scale: Number | None = None
    std: tuple[Number, ...] | None = None
    resize: Resize | None = None
    crop: Crop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec(Closed):
    """What an output means; entries with the same weights list their outputs in the same order."""

    name: Text
    kind: Literal["probabilities", "logits", "embedding", "boxes", "scores", "tensor"]
    classes: Count | None = None
    labels: Slug | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Closed):
    """Numbers that somebody published, with the protocol that makes them comparable; without `source`, see `facts`."""

    dataset: Text
    values: Annotated[dict[Text, Number], Length(1)]
    protocol: Text
    source: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance(Closed):
    """Which other entries hold the same trained numbers, and what this one was made from."""

    same_weights_as: tuple[EntryId, ...] = ()
    made_from: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Closed):
    """One published artifact: a network in one format by one publisher; `extras` are files that it runs without."""

    id: EntryId
    format: Format
    aliases: tuple[Slug, ...] = ()
    family: Slug
    architecture: Slug
    task: Slug
    publisher: Text
    licence: Licence
    files: Annotated[tuple[File, ...], Length(1)]
    extras: tuple[File, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    metrics: tuple[Metric, ...] = ()
    paper: Annotated[str, Matching(r"^https?://\S+$")] | None = None
    provenance: Provenance = Provenance()
    notes: Text | None = None
    facts: Annotated[tuple[Text, ...], Length(1)]

    @property
    def name(self) -> str:
        """The part of the id before the `@`, shared by all publishers of one network."""
        return self.id.rpartition("@")[0]

    @property
    def source(self) -> str:
        """The part of the id after the `@`: a format, or a publisher with a `format` of its own."""
        return self.id.rpartition("@")[2]

    @property
    def size(self) -> int | None:
        """Bytes of all files together; None where one of them is unknown."""
        sizes = [file.size for file in self.files]
        return sum(size for size in sizes if size is not None) if None not in sizes else None

    def __post_init__(self) -> None:
        self._require_agreement()
        self._require_distinct_names()

    def _require_agreement(self) -> None:
        if self.source in FORMATS and self.source != self.format:
            raise ValueError(f"the id says {self.source}, the format {self.format}")
        stray = sorted({file.role for file in self.files} - ROLES)
        if stray:
            raise ValueError(f"role {stray[0]} belongs to extras; files have {', '.join(sorted(ROLES))}")

    def _require_distinct_names(self) -> None:
        groups: tuple[tuple[str, list[str]], ...] = (
            ("file name", [file.name.lower() for file in (*self.files, *self.extras)]),
            ("role", [file.role for file in self.files]),
            ("input name", [spec.name for spec in self.inputs]),
            ("output name", [spec.name for spec in self.outputs]),
        )
        for what, names in groups:
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]} stands twice")
