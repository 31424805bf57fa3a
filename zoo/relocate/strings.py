"""Strings of a pickle where they stand: one definition, fetches from the memo, and how they are spelled anew."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from zoo.relocate.plan import Patch


@dataclass(slots=True, eq=False)
class Text:
    """A string that the pickle defines once, with the memo's number under which it can be fetched again.

    `memo` is None where it is not kept there, or where the number was given to something else later.
    """

    value: str
    opcode: int
    uses: list[Use] = field(default_factory=list)
    memo: int | None = None


@dataclass(slots=True, eq=False)
class Use:
    """One place `[start, end)` that pushes a string; `wanted` is what should be pushed instead."""

    text: Text
    start: int
    end: int
    wanted: str | None = None

    @property
    def value(self) -> str:
        """The string as it is."""
        return self.text.value

    @property
    def final(self) -> str:
        """The string as it will be."""
        return self.text.value if self.wanted is None else self.wanted


def respell(texts: Sequence[Text]) -> Iterator[Patch]:
    """The patches after which every use pushes what is wanted there, and all others what they pushed before.

    The definition keeps its place in the memo. A fetch that wants another string than the definition becomes a
    string of its own that is not memoised; the way back turns such strings into fetches again.
    """
    changed = [text for text in texts if any(use.wanted is not None for use in text.uses)]
    if not changed:
        return
    known = _fetchable(texts)
    for text in texts:
        first = text.uses[0]
        for use in text.uses[1:]:
            if use.final != first.final:
                yield Patch(use.start, use.end, literal(text.opcode, use.final))
        earlier = known.get(first.final) if text.memo is None and len(text.uses) == 1 else None
        if earlier and earlier.uses[0].start < first.start and (first.wanted or earlier.uses[0].wanted):
            assert earlier.memo is not None
            yield Patch(first.start, first.end, fetch(earlier.memo))
        elif first.wanted is not None and first.wanted != text.value:
            yield Patch(first.start, first.end, literal(text.opcode, first.wanted))


def _fetchable(texts: Iterable[Text]) -> dict[str, Text]:
    """Final value -> the first memoised definition of it."""
    found: dict[str, Text] = {}
    for text in texts:
        if text.memo is not None:
            found.setdefault(text.uses[0].final, text)
    return found


def fetch(number: int) -> bytes:
    """The opcode that pushes what the memo holds under `number`."""
    return b"h" + bytes([number]) if number < 256 else b"j" + struct.pack("<I", number)


def literal(opcode: int, value: str) -> bytes:
    """The opcode and its argument that push a string, in the spelling that the file uses."""
    return _SPELLINGS[opcode](value)


def _short(opcode: bytes, encoding: str) -> Callable[[str], bytes]:
    def spell(value: str) -> bytes:
        raw = value.encode(encoding)
        return opcode + bytes([len(raw)]) + raw if len(raw) < 256 else b"X" + struct.pack("<I", len(raw)) + raw

    return spell


def _long(opcode: bytes, encoding: str, size: str) -> Callable[[str], bytes]:
    def spell(value: str) -> bytes:
        raw = value.encode(encoding, "surrogatepass")
        return opcode + struct.pack(size, len(raw)) + raw

    return spell


_SPELLINGS: dict[int, Callable[[str], bytes]] = {
    ord("X"): _long(b"X", "utf-8", "<I"),
    ord("T"): _long(b"T", "latin-1", "<i"),
    ord("U"): _short(b"U", "latin-1"),
    0x8C: _short(b"\x8c", "utf-8"),
    0x8D: _long(b"\x8d", "utf-8", "<Q"),
    ord("V"): lambda value: b"V" + value.encode("raw-unicode-escape") + b"\n",
    ord("S"): lambda value: b"S" + repr(value).encode("ascii", "backslashreplace") + b"\n",
}
"""Opcode -> how it spells a string; the devices and names that are written have no line breaks."""
