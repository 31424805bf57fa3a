"""Objects of nn classes as layers see them: plain attributes and float32 weights that share what the file shares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converters.hub.attributes import Attributes
from converters.torch7 import numbers
from converters.torch7.objects import Object, Storage, Table, Tensor, Value, elements
from converters.weights import Weight, cast

PARAMETERS = ("weight", "bias", "running_mean", "running_var", "running_std", "v", "g", "diagCov")
"""Fields that hold what a module has learned: an op must read them all. Other tensors are buffers of a forward pass
or of training (output, gradWeight, finput, ...), or reach the op as an attribute (kernel, connTable, ...)."""

_LONGEST = 4096  # entries; no attribute that an op reads is longer
_DEEPEST = 4
_FLOAT = np.dtype("<f4")


class Parameters:
    """Makes weights and attributes of one file; equal views of one storage become one weight (Module:share)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: dict[tuple[int, int, tuple[int, ...], tuple[int, ...]], Weight] = {}
        self._lent: dict[int, dict[int | str, Weight]] = {}
        self.cast: set[str] = set()

    def lend(self, module: Object, name: str, weight: Weight) -> None:
        """Give a module a weight that the file keeps elsewhere."""
        self._lent.setdefault(id(module), {})[name] = weight

    def weights(self, module: Object) -> dict[int | str, Weight]:
        """What the module has learned, by field name; empty tensors are left out, as nn itself treats them."""
        found = {name: module.fields.strings.get(name) for name in PARAMETERS}
        own = {
            name: self.weight(value)
            for name, value in found.items()
            if isinstance(value, Tensor) and elements(value.size)
        }
        return own | self._lent.get(id(module), {})

    def attributes(self, module: Object, extra: Mapping[str, object] | None = None) -> Attributes:
        """The module's fields as plain values; a field that is nil is absent.

        None counts as explicit: a Lua class runs its own code, and fields that this code does not read (notes of the
        author, caches of a training run) change nothing.
        """
        values = {name: self.plain(value) for name, value in module.fields.strings.items() if value is not None}
        return Attributes({**values, **(extra or {})}, frozenset())

    def plain(self, value: Value, depth: int = 0) -> object:
        """A Lua value in Python's terms: whole numbers as int, lists as tuple, tensors as float32 weights."""
        if isinstance(value, float):
            return int(value) if value.is_integer() else value
        if isinstance(value, Storage):
            return self._integers(value)
        if isinstance(value, Tensor):
            return self.weight(value)
        if isinstance(value, Table) and len(value) <= _LONGEST and depth < _DEEPEST:
            return tuple(self.plain(item, depth + 1) for item in value.array())
        return value

    def weight(self, tensor: Tensor) -> Weight:
        """The tensor's numbers as float32; the same numbers are the same weight."""
        key = (id(tensor.storage), tensor.offset, tensor.size, tensor.stride)
        if tensor.storage is None or key not in self._made:
            made = numbers.weight(tensor, self._path)
            if made.dtype.kind == "f" and made.dtype.itemsize != _FLOAT.itemsize:
                self.cast.add(tensor.kind)
            if made.dtype.kind == "f":
                made = cast(made, _FLOAT)
            self._made[key] = made
        return self._made[key]

    def _integers(self, storage: Storage) -> object:
        if storage.dtype.kind not in "iu" or storage.count > _LONGEST:
            return storage
        return tuple(int(number) for number in numbers.run(storage, self._path, 0, storage.count).array())
