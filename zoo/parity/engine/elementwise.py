"""Kernels that may write over an input: `spare` are the input arrays that nobody else reads, now or after this step.

They compute what those of `kernels` would, in the type of their inputs. A network's largest values lie between such
operators: written in place, they are neither allocated nor cleared by the kernel of the system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from zoo.parity.engine.arrays import Array
from zoo.parity.engine.constants import Input, whole
from zoo.parity.engine.windows import Attrs

Kernel = Callable[[Attrs, int, Sequence[Input], Sequence[Array]], "Sequence[Array] | None"]


def relu(_attrs: Attrs, _version: int, inputs: Sequence[Input], spare: Sequence[Array]) -> Sequence[Array]:
    """max(x, 0); NaN stays."""
    x = whole(inputs[0])
    return [np.asarray(np.maximum(x, x.dtype.type(0), out=_room(spare, x)))]


def add(_attrs: Attrs, _version: int, inputs: Sequence[Input], spare: Sequence[Array]) -> Sequence[Array]:
    """The sum, with numpy's broadcasting."""
    a, b = whole(inputs[0]), whole(inputs[1])
    return [np.asarray(np.add(a, b, out=_room(spare, a, b)))]


def mul(_attrs: Attrs, _version: int, inputs: Sequence[Input], spare: Sequence[Array]) -> Sequence[Array]:
    """The product, with numpy's broadcasting."""
    a, b = whole(inputs[0]), whole(inputs[1])
    return [np.asarray(np.multiply(a, b, out=_room(spare, a, b)))]


def batch_normalization(
    attrs: Attrs, version: int, inputs: Sequence[Input], spare: Sequence[Array]
) -> Sequence[Array] | None:
    """Returns x * f + (bias - mean * f) with f = scale / sqrt(var + eps) over axis 1, as at inference."""
    x, *rest = (whole(value) for value in inputs)
    if attrs.get("training_mode", 0) or version < 7 or x.ndim < 2 or attrs.get("spatial", 1) != 1:
        return None
    column = (-1, *(1,) * (x.ndim - 2))
    scale, bias, mean, var = (np.asarray(value, x.dtype).reshape(column) for value in rest)
    factor = scale / np.sqrt(var + x.dtype.type(float(str(attrs.get("epsilon", 1e-5)))))
    shift = bias - mean * factor
    y = np.multiply(x, factor, out=_room(spare, x))
    np.add(y, shift, out=y)
    return [y]


def _room(spare: Sequence[Array], *operands: Array) -> Array | None:
    """A spare array that the result fits in exactly, by shape and type."""
    shape, dtype = np.broadcast_shapes(*(one.shape for one in operands)), np.result_type(*operands)
    return next((one for one in spare if one.shape == shape and one.dtype == dtype), None)


ELEMENTWISE: Mapping[str, Kernel] = {
    "Add": add,
    "BatchNormalization": batch_normalization,
    "Mul": mul,
    "Relu": relu,
}
