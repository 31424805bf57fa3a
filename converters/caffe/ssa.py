"""In-place tops -> values that are made once: what Caffe overwrites gets a name of its own at each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from converters.caffe.prototxt import RawLayer
from converters.diagnostic import Diagnostic


class Ssa:
    """Names the values of a network, layer by layer in the file's order.

    The last value of a blob bears the blob's name, earlier ones `blob/layer`; an input keeps its name always.
    """

    def __init__(
        self, inputs: Iterable[str], layers: Sequence[RawLayer], elsewhere: frozenset[str] = frozenset()
    ) -> None:
        self._elsewhere = elsewhere  # blobs that layers of another phase or stage make
        self.blobs: dict[str, str] = {name: name for name in inputs}
        self._inputs = frozenset(self.blobs)
        self._current = dict(self.blobs)
        self._writes_left = Counter(top for layer in layers for top in layer.tops)
        self._unread: dict[str, None] = {}

    def enter(self, layer: RawLayer) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the layer's input and output values; refuses blobs that nothing made or that two layers make."""
        unknown = [bottom for bottom in layer.bottoms if bottom not in self._current]
        if unknown:
            hint = " ".join(f"--input {name}:1,3,224,224" for name in unknown) + " makes it an input"
            if self._elsewhere.intersection(unknown):
                hint += "; --phase TRAIN (or --stage NAME) takes the layers that make it"
            raise Diagnostic(
                "unknown-bottom",
                f"reads {', '.join(unknown)}, which no layer before it makes",
                where=layer.where,
                hint=hint,
            )
        inputs = tuple(self._current[bottom] for bottom in layer.bottoms)
        for value in inputs:
            self._unread.pop(value, None)
        return inputs, tuple(self._make(top, layer) for top in layer.tops)

    def outputs(self) -> tuple[str, ...]:
        """The values that no layer reads: what Caffe calls the network's outputs."""
        return tuple(self._unread)

    def _make(self, top: str, layer: RawLayer) -> str:
        if top in self._current and top not in layer.bottoms:
            raise Diagnostic("duplicate-top", f"makes {top}, which is made already", where=layer.where)
        self._writes_left[top] -= 1
        last = self._writes_left[top] == 0 and top not in self._inputs
        value = top if last else self._free(f"{top}/{layer.name}")
        self.blobs[value] = top
        self._current[top] = value
        self._unread[value] = None
        return value

    def _free(self, name: str) -> str:
        candidate, number = name, 0
        while candidate in self.blobs or candidate in self._writes_left:
            number += 1
            candidate = f"{name}_{number}"
        return candidate
