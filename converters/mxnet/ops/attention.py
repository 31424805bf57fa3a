"""The matrix products of attention whose heads lie interleaved in one tensor (transformer.cc)."""

from __future__ import annotations

import math
from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer
from converters.hub.optable import Draw, Read, Sample
from converters.mxnet.operands import number, value


def self_scores(layer: Layer, emit: Emit) -> ir.Value:
    """Reads selfatt_qk: queries over the root of a head's width times keys, each head of each batch member."""
    data = value(layer, emit, "queries_keys_values")
    query, key = (_heads(layer, emit, data, parts=3, part=part) for part in (0, 1))
    return emit("MatMul", _scaled(emit, query), _turned(emit, key))


def self_values(layer: Layer, emit: Emit) -> ir.Value:
    """Reads selfatt_valatt: what each step attends to, the heads side by side again."""
    return _attended(layer, emit, value(layer, emit, "queries_keys_values"), parts=3)


def cross_scores(layer: Layer, emit: Emit) -> ir.Value:
    """Reads encdec_qk: queries of one sequence over the root of a head's width times keys of another."""
    query = _heads(layer, emit, value(layer, emit, "queries"), parts=1, part=0)
    key = _heads(layer, emit, value(layer, emit, "keys_values"), parts=2, part=0)
    return emit("MatMul", _scaled(emit, query), _turned(emit, key))


def cross_values(layer: Layer, emit: Emit) -> ir.Value:
    """Reads encdec_valatt: what each step attends to in the other sequence."""
    return _attended(layer, emit, value(layer, emit, "keys_values"), parts=2)


def _heads(layer: Layer, emit: Emit, data: ir.Value, *, parts: int, part: int) -> ir.Value:
    """One part of steps x batch x (heads, parts, width): (batch, heads) x steps x width."""
    heads, (steps, batch, whole) = layer.attrs.integer("heads"), _three(emit, data)
    if heads < 1 or whole % (heads * parts):
        emit.refuse(f"{whole} values cannot be split into {heads} heads of {parts} parts; MXNet refuses it too")
    width = whole // (heads * parts)
    parted = emit.reshape(data, (steps, batch * heads if isinstance(batch, int) else -1, parts, width))
    bounds = [emit.constant([place], "part") for place in (part, part + 1, 2)]
    one = emit("Squeeze", emit("Slice", parted, *bounds), emit.constant([2], "axis"))
    return emit("Transpose", one, perm=(1, 0, 2))


def _attended(layer: Layer, emit: Emit, data: ir.Value, *, parts: int) -> ir.Value:
    _, batch, whole = _three(emit, data)
    chosen = _heads(layer, emit, data, parts=parts, part=parts - 1)
    found = emit("Transpose", emit("MatMul", value(layer, emit, "attention"), chosen), perm=(1, 0, 2))
    return emit.reshape(found, (emit.shape(found)[0], batch if isinstance(batch, int) else -1, whole // parts))


def _three(emit: Emit, data: ir.Value) -> tuple[Dim, Dim, int]:
    if emit.rank(data) != 3:
        emit.refuse(f"{emit.rank(data)} dimensions where it takes steps x batch x values; MXNet refuses it too")
    steps, batch, _ = emit.shape(data)
    return steps, batch, emit.size(data, 2)


def _scaled(emit: Emit, query: ir.Value) -> ir.Value:
    return emit("Mul", query, number(emit, query, 1 / math.sqrt(emit.size(query, 2)), "one_over_root"))


def _turned(emit: Emit, key: ir.Value) -> ir.Value:
    return emit("Transpose", key, perm=(0, 2, 1))


def _draw(*shapes: tuple[int, ...]) -> Draw:
    return lambda rng, batch: [rng.uniform(-1, 1, [batch if size < 0 else size for size in shape]) for shape in shapes]


_HEADS = '{"heads": "2"}'
_ROWS: tuple[tuple[str, Callable[[Layer, Emit], ir.Value], Draw], ...] = (
    ("selfatt_qk", self_scores, _draw((5, -1, 24))),
    ("selfatt_valatt", self_values, lambda rng, batch: _draw((5, batch, 24), (2 * batch, 5, 5))(rng, batch)),
    ("encdec_qk", cross_scores, _draw((4, -1, 8), (5, -1, 16))),
    ("encdec_valatt", cross_values, lambda rng, batch: _draw((5, batch, 16), (2 * batch, 4, 5))(rng, batch)),
)

READ = {
    f"_contrib_interleaved_matmul_{name}": Read(op, samples=(Sample("two heads", _HEADS, (), draw=draw),))
    for name, op, draw in _ROWS
}
