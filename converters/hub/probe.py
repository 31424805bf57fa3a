"""What shape a value has, for codecs whose source says how many values there are only by shapes."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from converters.hub.builder import Builder
from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer, Port
from converters.hub.optable import OpTable
from converters.hub.report import Report


class Probe:
    """Reads layers into a hub graph that nobody keeps, as far as shapes are asked for; no weight is loaded."""

    def __init__(self, ports: Sequence[Port], table: OpTable) -> None:
        self._builder = Builder(Report())
        self._table = table
        self._values: dict[str, ir.Value] = {port.name: self._builder.input(port) for port in ports}
        self._done = 0

    def shape(self, layers: Sequence[Layer], value: str) -> tuple[Dim, ...] | None:
        """The shape of a value that `layers` make; None where a layer of unknown kind stands in between.

        `layers` may have grown since the last call, and must begin as it did then. Raises what op functions refuse.
        """
        for layer in layers[self._done :]:
            self._done += 1
            row = self._table.get(layer.kind)
            if row is None or any(name not in self._values for name in layer.inputs):
                continue
            emit = Emit(self._builder, layer, tuple(self._values[name] for name in layer.inputs))
            result = row.op(layer, emit)
            made = (result,) if isinstance(result, ir.Value) else tuple(result)
            self._values.update(zip(layer.outputs, made, strict=False))
        found = self._values.get(value)
        return None if found is None else self._builder.shape(found)
