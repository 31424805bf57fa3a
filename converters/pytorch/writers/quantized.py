"""Quantisation."""

from __future__ import annotations

import onnx_ir as ir

from converters.pytorch.code import Code
from converters.pytorch.held import listed
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row
from converters.pytorch.types import FLOAT8, NARROW, torch_type
from converters.pytorch.writers.convolution import kernel_sizes, padding, spatial

_RANGES = {
    "INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767), "UINT16": (0, 65535), **NARROW,
}  # fmt: skip


def _range(kind: ir.DataType | None) -> tuple[int, int]:
    if kind is None or kind.name not in _RANGES:
        raise Refused(f"it quantises to {kind.name if kind else 'an unknown type'}")
    return _RANGES[kind.name]


def _quantize(node: Node, code: Code) -> str:
    axis = node.attrs.integer("axis") if "axis" in node.attrs else 1
    block = node.attrs.integer("block_size") if "block_size" in node.attrs else 0
    saturate = "saturate" not in node.attrs or node.attrs.flag("saturate")
    for name in ("output_dtype", "precision"):
        if name in node.attrs and node.attrs.integer(name) and name == "precision":
            raise Refused("it states a precision of its own")
    kind = node.out_dtype()
    x, scale = node.arg(0), node.arg(1)
    if kind is not None and kind.name in FLOAT8:
        spread = code.function("spread")
        ratio = f"{x} / {spread}({scale}, {x}, {axis}, {block})"
        return f"{code.function('to_float8')}({ratio}, {torch_type(kind)}, {saturate})"
    low, high = _range(kind)
    call = f"{code.function('quantize')}({x}, {scale}, {node.optional(2)}, {axis}, {block}, {low}, {high})"
    return f"{call}.to({torch_type(kind)})"


def _dequantize(node: Node, code: Code) -> str:
    axis = node.attrs.integer("axis") if "axis" in node.attrs else 1
    block = node.attrs.integer("block_size") if "block_size" in node.attrs else 0
    if "output_dtype" in node.attrs:
        node.attrs.integer("output_dtype")
    torch_type(node.dtype(0))
    call = code.function("dequantize")
    text = f"{call}({node.arg(0)}, {node.arg(1)}, {node.optional(2)}, {axis}, {block})"
    return text if node.out_dtype() == node.dtype(1) else f"{text}.to({code.dtype(node.out_dtype())})"


def _matmul_integer(node: Node, code: Code) -> str:
    call = code.function("centred")
    a, b = f"{call}({node.arg(0)}, {node.optional(2)}, -2)", f"{call}({node.arg(1)}, {node.optional(3)}, -1)"
    return f"torch.matmul({a}, {b}).to(torch.int32)"


def _qlinear_matmul(node: Node, code: Code) -> str:
    call = code.function("centred")
    low, high = _range(node.out_dtype())
    a, b = f"{call}({node.arg(0)}, {node.arg(2)}, -2)", f"{call}({node.arg(3)}, {node.arg(5)}, -1)"
    factor = f"({node.arg(1)}.double() * {node.arg(4)}.double() / {node.arg(6)}.double())"
    return f"{code.function('requantize')}(torch.matmul({a}, {b}), {factor}, {node.arg(7)}, {low}, {high})"


def _window(node: Node, at: int) -> str:
    kernel = tuple(node.attrs.integers("kernel_shape")) or (node.sizes(at, 2) or ())
    if not kernel:
        kernel = kernel_sizes(node)
    count = len(kernel)
    pads, mode = padding(node, count)
    if mode:
        raise Refused("its padding is automatic")
    flat = [amount for axis in reversed(range(count)) for amount in (pads[axis], pads[count + axis])]
    stride, dilation = spatial(node, "strides", count), spatial(node, "dilations", count)
    return f"{listed(stride)}, {listed(flat)}, {listed(dilation)}, {node.attrs.integer('group')}"


def _conv_integer(node: Node, code: Code) -> str:
    call = code.function("centred")
    x, w = f"{call}({node.arg(0)}, {node.optional(2)}, 1)", f"{call}({node.arg(1)}, {node.optional(3)}, 0)"
    return f"{code.function('integer_conv')}({x}, {w}, {_window(node, 1)}).to(torch.int32)"


def _qlinear_conv(node: Node, code: Code) -> str:
    call = code.function("centred")
    low, high = _range(node.out_dtype())
    x, w = f"{call}({node.arg(0)}, {node.arg(2)}, 1)", f"{call}({node.arg(3)}, {node.arg(5)}, 0)"
    count = node.known_rank(0) - 2
    window = _window(node, 3)
    shape = listed([-1] + [1] * count)
    y = f"{code.function('integer_conv')}({x}, {w}, {window})"
    y = f"({y} + {node.arg(8)}.double().reshape({shape}))" if node.has(8) else y
    scale = f"{node.arg(4)}.double().reshape({shape})"
    factor = f"({node.arg(1)}.double() * {scale} / {node.arg(6)}.double())"
    return f"{code.function('requantize')}({y}, {factor}, {node.arg(7)}, {low}, {high})"


WRITE = {
    "QuantizeLinear": Row(_quantize),
    "DequantizeLinear": Row(_dequantize),
    "MatMulInteger": Row(_matmul_integer),
    "QLinearMatMul": Row(_qlinear_matmul),
    "ConvInteger": Row(_conv_integer),
    "QLinearConv": Row(_qlinear_conv),
}
