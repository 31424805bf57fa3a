"""What a relocation is: a request, and the plan that answers it: pieces of the old file, new bytes between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from zoo.diagnostics import UsageFault

_DEVICE = re.compile(r"cpu|cuda(:\d{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class Copy:
    """The bytes `[start, end)` of the source, unchanged."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Recast:
    """Numbers of the source `[start, end)` in another element type; both are numpy's codes, such as "<f8"."""

    start: int
    end: int
    old: str
    new: str


Piece = Copy | Recast | bytes


@dataclass(frozen=True, slots=True)
class Patch:
    """The bytes `[start, end)` of the source are replaced; an empty range is an insertion."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for.

    to            the device of every tensor, `cpu` or `cuda:N`; None: only `moves` count
    moves         old device -> new device, which come before `to`
    strip_prefix  removed from the names in state dicts (PyTorch)
    cudnn         Torch7 layers of nn become layers of cudnn where both exist (only on the way to a GPU)
    numbers       Torch7 tensors of real numbers become "float" or "half"
    """

    to: str | None
    moves: Mapping[str, str] = field(default_factory=dict)
    strip_prefix: str | None = None
    cudnn: bool = False
    numbers: str | None = None

    def device(self, old: str) -> str:
        """Where a tensor goes that is on `old`."""
        return self.moves.get(old, self.to or old)


@dataclass(frozen=True, slots=True)
class Plan:
    """The new file as pieces, and what a person wants to know before it is written.

    before, after  device -> how many tensors are on it
    places         whether the format keeps a device at all
    """

    title: str
    size: int
    pieces: tuple[Piece, ...]
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    places: bool = True

    @property
    def unchanged(self) -> bool:
        """Whether the new file has the bytes of the old one."""
        return self.pieces == whole(self.size)

    def patches(self) -> Iterator[tuple[int, int, Piece]]:
        """(start, end, new) of every changed range, in the order of the new file; moved ranges come as `Copy`."""
        position, new = 0, b""
        for piece in (*self.pieces, Copy(self.size, self.size)):
            if isinstance(piece, bytes):
                new = piece
                continue
            forward = piece.start >= position
            if new or piece.start > position:
                yield position, piece.start if forward else position, new
                new = b""
            if isinstance(piece, Recast) or not forward:
                yield (piece.start, piece.end, piece) if isinstance(piece, Recast) else (position, position, piece)
            position = max(position, piece.end)


def device(text: str) -> str:
    """A device as the user may write it; bare `cuda` is `cuda:0`."""
    if not _DEVICE.match(text):
        raise UsageFault("device", f"{text} is no device", hint="cpu, cuda, or cuda:N such as cuda:1")
    return "cuda:0" if text == "cuda" else text


def moves(arguments: Sequence[str]) -> dict[str, str]:
    """`OLD=NEW` arguments as old -> new."""
    pairs = [argument.partition("=") for argument in arguments]
    for old, equals, new in pairs:
        if not (old and equals and new):
            raise UsageFault("map", f"--map {old}{equals}{new} is no pair of devices", hint="--map cuda:1=cuda:0")
    return {device(old): device(new) for old, _, new in pairs}


def whole(size: int) -> tuple[Piece, ...]:
    """The pieces of a file that stays as it is."""
    return (Copy(0, size),) if size else ()


def pieces(patches: Iterable[Patch], start: int, end: int) -> tuple[Piece, ...]:
    """The range `[start, end)` of the source with patches, which must not overlap."""
    made: list[Piece] = []
    for patch in sorted(patches, key=lambda patch: (patch.start, patch.end)):
        made += [Copy(start, patch.start), patch.new]
        start = patch.end
    return joined([*made, Copy(start, end)])


def joined(parts: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same pieces, neighbours made one and empty ones left out."""
    made: list[Piece] = []
    for part in parts:
        last = made[-1] if made else None
        if size(part) == 0:
            continue
        if isinstance(part, Copy) and isinstance(last, Copy) and last.end == part.start:
            made[-1] = Copy(last.start, part.end)
        elif isinstance(part, bytes) and isinstance(last, bytes):
            made[-1] = last + part
        else:
            made.append(part)
    return tuple(made)


def size(piece: Piece) -> int:
    """How many bytes a piece has in the new file."""
    if isinstance(piece, bytes):
        return len(piece)
    if isinstance(piece, Copy):
        return piece.end - piece.start
    return (piece.end - piece.start) * int(piece.new[2:]) // int(piece.old[2:])
