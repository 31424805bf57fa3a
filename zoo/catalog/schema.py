"""The closed schema of a registry entry: what is published, where it lies, and how it is fed (docs/registry.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from zoo.supply import sources

CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True)
ROLES = frozenset({"graph", "weights", "model", "mean", "archive"})  # of files that make up the network
HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha1": 40, "md5": 32, "git-blob-sha1": 40}
SHORTEST_PREFIX = 8  # hex digits of a sha256-prefix: what torchvision prints into file names
_DEVICES = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)  # names that Windows keeps for itself

Algorithm = Literal["sha256", "sha384", "sha1", "md5", "git-blob-sha1", "sha256-prefix"]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$", max_length=80)]
EntryId = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*@[a-z0-9]+(?:[.-][a-z0-9]+)*$", max_length=120)]
Format = Literal["caffe", "onnx", "torch", "torch7", "mxnet", "keras", "lasagne"]
FORMATS = get_args(Format)
Dimension = Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]

Shape = Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=8)]
Layout = Literal["NCHW", "NHWC"]
Color = Literal["BGR", "RGB", "gray"]


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}", name) or name.endswith(".") or _DEVICES.match(name):
        raise ValueError("not a plain file name")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]

if TYPE_CHECKING:
    Mirror = sources.Mirror
else:
    Mirror = Annotated[
        Union[tuple(Annotated[source.mirror, Tag(kind)] for kind, source in sources.sources().items())],  # noqa: UP007 - made of a table at run time
        Discriminator(
            sources.kind_of,
            custom_error_type="mirror-kind",
            custom_error_message="none of the source kinds: " + ", ".join(sources.sources()),
        ),
    ]


class Checksum(BaseModel):
    """A digest of the whole file in lower-case hex, and who published or computed it."""

    model_config = CONFIG
    alg: Algorithm
    value: Annotated[str, Field(pattern=r"^[0-9a-f]+$", max_length=128)]
    origin: Text

    @model_validator(mode="after")
    def _length(self) -> Checksum:
        wanted = HEX_DIGITS.get(self.alg)
        if wanted is not None and len(self.value) != wanted:
            raise ValueError(f"{self.alg} has {wanted} hex digits, this value {len(self.value)}")
        if wanted is None and not SHORTEST_PREFIX <= len(self.value) < HEX_DIGITS["sha256"]:
            raise ValueError(f"sha256-prefix has {SHORTEST_PREFIX} to 63 hex digits, this value {len(self.value)}")
        return self


class File(BaseModel):
    """One file of an artifact; `unverified` says why nobody published a checksum of it."""

    model_config = CONFIG
    role: Slug
    name: FileName
    size: Annotated[int, Field(ge=1)] | None = None
    checksums: tuple[Checksum, ...] = ()
    unverified: Text | None = None
    mirrors: Annotated[tuple[Mirror, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _verifiable(self) -> File:
        if bool(self.checksums) == bool(self.unverified):
            raise ValueError("no checksum: give one, or say in `unverified` why there is none (and not both)")
        if self.size is None and any(checksum.alg == "git-blob-sha1" for checksum in self.checksums):
            raise ValueError("git-blob-sha1 needs the size")
        return self

    @property
    def sha256(self) -> str | None:
        """The whole published sha256, where there is one."""
        return next((checksum.value for checksum in self.checksums if checksum.alg == "sha256"), None)


class Licence(BaseModel):
    """What the publisher said, the SPDX name where it is clear, and whether commercial use is allowed."""

    model_config = CONFIG
    published: Text
    spdx: Text | None = None
    commercial: Literal["yes", "no", "unknown"]


class Resize(BaseModel):
    """`warp` brings the image to size x size (or [h, w]) whatever its shape; `short-side` keeps its shape."""

    model_config = CONFIG
    mode: Literal["warp", "short-side"]
    size: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    interpolation: Literal["bilinear", "bicubic", "nearest", "area"] = "bilinear"


class InputSpec(BaseModel):
    """How an input is fed: resize, crop, into `range`, channels in `color` order, minus mean, times scale or by std.

    `mean` and `std` are in the units of `range` and in the order of `color`; the batch in `shape` is `N` or a number.
    """

    model_config = CONFIG
    name: Text
    shape: Shape
    layout: Layout | None = None
    color: Color | None = None
    range: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    scale: float | None = None
    std: tuple[float, ...] | None = None
    resize: Resize | None = None
    crop: tuple[int, int] | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        if self.scale is not None and self.std is not None:
            raise ValueError("scale and std exclude each other")
        if self.layout is None:
            return self
        if len(self.shape) != len(self.layout):
            raise ValueError(f"layout {self.layout} needs 4 dimensions, shape has {len(self.shape)}")
        sizes: dict[str, int | str] = dict(zip(self.layout, self.shape, strict=True))
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != sizes["C"]:
                raise ValueError(f"{name} has {len(values)} values for {sizes['C']} channels")
        if self.crop is not None and isinstance(sizes["H"], int) and self.crop != (sizes["H"], sizes["W"]):
            raise ValueError(f"crop {list(self.crop)} differs from the input's {sizes['H']} x {sizes['W']}")
        return self


class Preset(BaseModel):
    """A shared block of preprocessing, named by an anchor and merged into inputs with `<<`."""

    model_config = CONFIG
    shape: Shape | None = None
    layout: Layout | None = None
    color: Color | None = None
    range: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    scale: float | None = None
    std: tuple[float, ...] | None = None
    resize: Resize | None = None
    crop: tuple[int, int] | None = None


class OutputSpec(BaseModel):
    """What an output means; entries with the same weights list their outputs in the same order."""

    model_config = CONFIG
    name: Text
    kind: Literal["probabilities", "logits", "embedding", "boxes", "scores", "tensor"]
    classes: Annotated[int, Field(ge=1)] | None = None
    labels: Slug | None = None


class Metric(BaseModel):
    """Numbers that somebody published, with the protocol that makes them comparable; without `source`, see `facts`."""

    model_config = CONFIG
    dataset: Text
    values: Annotated[dict[str, float], Field(min_length=1)]
    protocol: Text
    source: Text | None = None


class Provenance(BaseModel):
    """Which other entries hold the same trained numbers, and what this one was made from."""

    model_config = CONFIG
    same_weights_as: tuple[EntryId, ...] = ()
    made_from: Text | None = None


class Entry(BaseModel):
    """One published artifact: a network in one format by one publisher; `extras` are files that it runs without."""

    model_config = CONFIG
    id: EntryId
    format: Format
    aliases: tuple[Slug, ...] = ()
    family: Slug
    architecture: Slug
    task: Slug
    publisher: Text
    licence: Licence
    files: Annotated[tuple[File, ...], Field(min_length=1)]
    extras: tuple[File, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    metrics: tuple[Metric, ...] = ()
    paper: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    provenance: Provenance = Provenance()
    notes: Text | None = None
    facts: Annotated[tuple[Text, ...], Field(min_length=1)]

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

    @model_validator(mode="before")
    @classmethod
    def _format_of_the_id(cls, value: Any) -> Any:
        """`net@caffe` says its format; `net@publisher` needs the key."""
        source = str(value.get("id", "")).rpartition("@")[2] if isinstance(value, dict) else ""
        return {**value, "format": source} if source in FORMATS and "format" not in value else value

    @model_validator(mode="after")
    def _format_agrees(self) -> Entry:
        if self.source in FORMATS and self.source != self.format:
            raise ValueError(f"the id says {self.source}, the format {self.format}")
        stray = sorted({file.role for file in self.files} - ROLES)
        if stray:
            raise ValueError(f"role {stray[0]} belongs to extras; files have {', '.join(sorted(ROLES))}")
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Entry:
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
        return self
