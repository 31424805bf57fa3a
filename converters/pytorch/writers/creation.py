"""Operators that make tensors."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import onnx_ir as ir

from converters.pytorch.code import Code, stored_weight
from converters.pytorch.held import Held, number
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row, WriteOp
from converters.weights import ArrayWeight, ComputedWeight

_MOST = 1 << 28  # values of a constant that is made while writing; a larger one is made when the network runs


def _constant(node: Node, code: Code) -> Result:
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for name, kind in kinds.items():
        value = node.attrs.get(name)
        if value is not None:
            code.hold(node.ir.outputs[0], Held(weight=ArrayWeight(np.array(value, kind))))
            return ()
    tensor = cast("ir.TensorProtocol | None", node.attrs.get("value"))
    if tensor is None or tensor.dtype == ir.DataType.STRING:
        raise Refused("it holds no tensor of numbers")
    code.hold(node.ir.outputs[0], Held(weight=stored_weight(tensor)))
    return ()


def _constant_of_shape(node: Node, code: Code) -> Result:
    tensor = cast("ir.TensorProtocol | None", node.attrs["value"])
    fill = np.zeros(1, np.float32) if tensor is None else tensor.numpy().reshape(-1)[:1]
    shape = node.integers(0)
    if shape is not None and math.prod(shape) <= _MOST and fill.dtype.kind in "biuf":
        weight = ComputedWeight(shape, fill.dtype, lambda: np.full(shape, fill[0], fill.dtype))
        code.hold(node.ir.outputs[0], Held(weight=weight))
        return ()
    kind = code.dtype(ir.DataType.from_numpy(fill.dtype))
    value = number(fill[0].item() if fill.dtype.kind in "biuf" else float(fill[0]))
    return f"torch.full({node.ints(0)}, {value}, dtype={kind}, device={code.like()}.device)"


def _range(node: Node, code: Code) -> str:
    kind = code.dtype(node.out_dtype())
    device = f"dtype={kind}, device={code.like()}.device"
    if node.is_integer(0):
        return f"torch.arange({node.integer(0)}, {node.integer(1)}, {node.integer(2)}, {device})"
    parts = [node.scalar(at) or f"float({node.arg(at)})" for at in range(3)]
    return f"{code.function('float_range')}({', '.join(parts)}).to({kind})"


def _eye_like(node: Node, code: Code) -> str:
    kind = code.dtype(node.out_dtype())
    x = node.arg(0)
    if node.attrs["dtype"] is not None:
        node.attrs.integer("dtype")
    return f"{code.function('eye')}({x}, {node.attrs.integer('k')}).to({kind})"


def _window(name: str) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        node.attrs.integer("output_datatype")
        periodic = node.attrs.flag("periodic")
        kind = code.dtype(node.out_dtype())
        return f"{code.function(name)}({node.integer(0)}, {periodic}, {code.like()}).to({kind})"

    return write


def _mel(node: Node, code: Code) -> str:
    node.attrs.integer("output_datatype")
    bounds = [node.scalar(at) or f"float({node.arg(at)})" for at in (3, 4)]
    numbers = ", ".join([node.integer(0), node.integer(1), node.integer(2), *bounds])
    return f"{code.function('mel_weights')}({numbers}, {code.like()}).to({code.dtype(node.out_dtype())})"


def _refuse_random(node: Node, code: Code) -> Result:
    raise Refused("it draws random numbers: no two runs would agree")


WRITE = {
    "Constant": Row(_constant),
    "ConstantOfShape": Row(_constant_of_shape),
    "Range": Row(_range),
    "EyeLike": Row(_eye_like),
    "HannWindow": Row(_window("hann")),
    "HammingWindow": Row(_window("hamming")),
    "BlackmanWindow": Row(_window("blackman")),
    "MelWeightMatrix": Row(_mel),
    **{
        name: Row(_refuse_random)
        for name in (
            "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
        )
    },
}  # fmt: skip
