"""Embed, BatchReindex, Filter and Parameter: rows of a table, chosen by numbers that come at run time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample

_INT64 = 7


def embed(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Embed as Gather from the weights [input_dim, num_output], and Add with `bias_term`."""
    attrs = layer.attrs
    rows, width = attrs.integer("input_dim"), attrs.integer("num_output")
    shape = (rows, width)
    table = emit.weight(0, shape, role="weight", fill=fill(attrs.record("weight_filler"), shape))
    found = emit("Gather", table, emit("Cast", *emit.inputs, to=_INT64))
    if not attrs.flag("bias_term"):
        return found
    bias = emit.weight(1, (width,), role="bias", fill=fill(attrs.record("bias_filler"), (width,)))
    return emit("Add", found, bias)


def batch_reindex(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchReindex as Gather along the batch."""
    data, order = emit.inputs
    return emit("Gather", data, emit("Cast", order, to=_INT64), axis=0)


def filter_(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Filter as Compress along the batch: items whose selector (the last bottom) is not 0 pass."""
    *data, selector = emit.inputs
    chosen = emit("Cast", emit("Reshape", selector, emit.constant([-1], "shape")), to=9)
    return [emit("Compress", value, chosen, axis=0) for value in data]


def parameter(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Parameter as its blob."""
    record = layer.attrs.record("shape")
    dims = tuple(int(str(dim)) for dim in record["dim"]) if record else ()  # type: ignore[attr-defined] # a decoded BlobShape
    return emit("Identity", emit.weight(0, dims, role="value", fill=fill(None, dims)))


READ = {
    "Embed": Read(
        embed,
        neutral=("bias_filler",),
        samples=(
            Sample("with bias", "embed_param { input_dim: 7 num_output: 4 }", ((3, 2),), ((7, 4), (4,)), values=(0, 6)),
            Sample(
                "without",
                "embed_param { input_dim: 5 num_output: 3 bias_term: false }",
                ((6,),),
                ((5, 3),),
                values=(0, 4),
            ),
        ),
    ),
    "BatchReindex": Read(batch_reindex, samples=(Sample("plain", "", ((4, 3, 2), (6,)), values=(0, 0.9)),)),
    "Filter": Read(
        filter_,
        samples=(
            Sample(
                "some of the items",
                "",
                ((7, 3, 2), (7,)),
                draw=lambda rng, batch: (rng.standard_normal((batch, 3, 2)), np.arange(batch) % 3),
                batched=False,
            ),
        ),
    ),
    "Parameter": Read(parameter),
}
