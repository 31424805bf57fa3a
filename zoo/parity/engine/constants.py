"""Stored numbers of a graph as one run sees them: cast and perturbed block by block, large ones never whole."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zoo.parity.engine.arrays import Array, floating

PERIOD = 131_071  # a prime: no axis of a tensor is a multiple of it, so no two channels share their signs
_MANTISSA = {2: 11, 4: 24, 8: 53}  # significant bits by bytes of an element
BLOCK = 1 << 22  # elements that are cast at a time


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """The random signs of one perturbed run: a table of 1 +- 2^-24 that each tensor enters at a place of its own."""

    seed: int
    table: NDArray[np.float64]

    @classmethod
    def drawn(cls, seed: int) -> Signs:
        """Signs from PCG64's raw stream: the same on every machine."""
        words = np.random.PCG64(np.random.SeedSequence([seed, 24])).random_raw(-(-PERIOD // 64))
        bits = np.unpackbits(words.astype("<u8").view(np.uint8))[:PERIOD]
        return cls(seed, 2.0 * bits.astype(np.float64) - 1.0)

    def offset(self, name: str) -> int:
        """Where a tensor of that name enters the table."""
        return zlib.crc32(name.encode(), self.seed) % PERIOD

    def apply(self, array: Array, name: str, native: np.dtype[np.generic], start: int = 0) -> None:
        """Multiply in place by 1 +- half a unit in the last place of `native`; `start` is the first element's index."""
        flat = array.reshape(-1)
        factors = _factors(self, rounding(native))
        at, entry = 0, (self.offset(name) + start) % PERIOD
        while at < flat.size:
            count = min(PERIOD - entry, flat.size - at)
            piece = flat[at : at + count]
            np.multiply(piece, factors[entry : entry + count], out=piece, casting="unsafe")
            at, entry = at + count, 0


@lru_cache(maxsize=16)
def _factors(signs: Signs, unit: float) -> NDArray[np.float64]:
    return 1.0 + signs.table * unit


def rounding(native: np.dtype[np.generic]) -> float:
    """The largest relative error of one rounding to this type: 2^-24 for float32."""
    bits = 8 if "bfloat16" in native.name else _MANTISSA[native.itemsize]
    return float(2.0**-bits)


@dataclass(frozen=True, slots=True)
class Constant:
    """A stored tensor in one run: `whole()` or some `rows()` of it, in the run's own type and with its signs."""

    name: str
    stored: Array
    dtype: np.dtype[np.generic]
    signs: Signs | None

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        return self.stored.shape

    @property
    def large(self) -> bool:
        """Whether it is worth while to take it in blocks of rows."""
        return self.stored.size > BLOCK and self.stored.ndim > 1

    def whole(self) -> Array:
        """All of it."""
        return self._made(self.stored, 0)

    def rows(self, start: int, stop: int) -> Array:
        """Rows along the first axis."""
        width = self.stored.size // max(1, self.stored.shape[0])
        return self._made(self.stored[start:stop], start * width)

    def blocks(self) -> list[tuple[int, int]]:
        """The rows to take at a time."""
        step = max(1, BLOCK * self.stored.shape[0] // self.stored.size)
        return [(at, min(at + step, self.stored.shape[0])) for at in range(0, self.stored.shape[0], step)]

    def _made(self, stored: Array, start: int) -> Array:
        if not floating(stored.dtype):
            return np.asarray(stored)
        made = np.array(stored, dtype=self.dtype, order="C")
        if self.signs is not None:
            self.signs.apply(made, self.name, stored.dtype, start)
        return made


Input = Array | Constant | None
"""What a kernel reads: an array, a stored tensor, or nothing where an optional input is left out."""


def whole(value: Input) -> Array:
    """The array, made whole if it is stored."""
    assert value is not None
    return value.whole() if isinstance(value, Constant) else value
