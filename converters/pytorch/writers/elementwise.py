"""Operators that work element by element with one input."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import short
from converters.pytorch.node import Node
from converters.pytorch.rows import Row, WriteOp
from converters.pytorch.types import WIDE_UNSIGNED, torch_type

_CALLS = {
    "Acos": "torch.acos", "Acosh": "torch.acosh", "Asin": "torch.asin", "Asinh": "torch.asinh",
    "Atan": "torch.atan", "Atanh": "torch.atanh", "Ceil": "torch.ceil",
    "Cos": "torch.cos", "Cosh": "torch.cosh", "Det": "torch.det", "Erf": "torch.erf", "Exp": "torch.exp",
    "Floor": "torch.floor", "HardSwish": "F.hardswish", "Log": "torch.log",
    "Mish": "F.mish", "Not": "torch.logical_not", "Reciprocal": "torch.reciprocal", "Relu": "F.relu",
    "Round": "torch.round", "Sigmoid": "torch.sigmoid", "Sign": "torch.sign", "Sin": "torch.sin",
    "Sinh": "torch.sinh", "Softsign": "F.softsign", "Sqrt": "torch.sqrt", "Tan": "torch.tan", "Tanh": "torch.tanh",
}  # fmt: skip


def _call(function: str) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        return f"{function}({node.inline()})"

    return write


def _abs(node: Node, code: Code) -> str:
    kind = node.dtype(0)
    return node.arg(0) if kind is not None and kind.name in WIDE_UNSIGNED else f"torch.abs({node.inline()})"


def _neg(node: Node, code: Code) -> str:
    return f"torch.neg({node.inline()})"


def _bitwise_not(node: Node, code: Code) -> str:
    kind = node.dtype(0)
    if kind is not None and kind.name in WIDE_UNSIGNED:
        return f"torch.bitwise_not({node.arg(0)}.long()).to({torch_type(kind)})"
    return f"torch.bitwise_not({node.inline()})"


def _softplus(node: Node, code: Code) -> str:
    return f"F.softplus({node.inline()}, threshold=40)"  # torch's own threshold, 20, is visible in float64


def _elu(node: Node, code: Code) -> str:
    return f"F.elu({node.inline()}, {short(node.attrs.number('alpha'))})"


def _celu(node: Node, code: Code) -> str:
    return f"F.celu({node.inline()}, {short(node.attrs.number('alpha'))})"


def _selu(node: Node, code: Code) -> str:
    alpha, gamma = short(node.attrs.number("alpha")), short(node.attrs.number("gamma"))
    return f"{gamma} * F.elu({node.inline()}, {alpha})"


def _leaky_relu(node: Node, code: Code) -> str:
    return f"F.leaky_relu({node.inline()}, {short(node.attrs.number('alpha'))})"


def _p_relu(node: Node, code: Code) -> str:
    x = node.arg(0)
    return f"torch.where({x} < 0, {x} * {node.arg(1)}, {x})"


def _hard_sigmoid(node: Node, code: Code) -> str:
    alpha, beta = short(node.attrs.number("alpha")), short(node.attrs.number("beta"))
    return f"torch.clamp({alpha} * {node.arg(0)} + {beta}, 0, 1)"


def _thresholded_relu(node: Node, code: Code) -> str:
    return f"F.threshold({node.inline()}, {short(node.attrs.number('alpha'))}, 0.0)"


def _shrink(node: Node, code: Code) -> str:
    bias, lambd = short(node.attrs.number("bias")), short(node.attrs.number("lambd"))
    return f"{code.function('shrink')}({node.inline()}, {bias}, {lambd})"


def _gelu(node: Node, code: Code) -> str:
    approximate = ', approximate="tanh"' if node.attrs.text("approximate") == "tanh" else ""
    return f"F.gelu({node.inline()}{approximate})"


def _swish(node: Node, code: Code) -> str:
    alpha = node.attrs.number("alpha")
    if alpha == 1:
        return f"F.silu({node.inline()})"
    x = node.arg(0)
    return f"{x} * torch.sigmoid({short(alpha)} * {x})"


def _is_inf(node: Node, code: Code) -> str:
    positive, negative = node.attrs.flag("detect_positive"), node.attrs.flag("detect_negative")
    calls = {(True, True): "torch.isinf", (True, False): "torch.isposinf", (False, True): "torch.isneginf"}
    call = calls.get((positive, negative))
    if call is None:
        return f"torch.zeros_like({node.arg(0)}, dtype=torch.bool)"
    kind = node.dtype(0)
    wide = ".float()" if kind is not None and kind.name.startswith("FLOAT8") else ""
    return f"{call}({node.inline()}{wide})"


def _is_nan(node: Node, code: Code) -> str:
    kind = node.dtype(0)
    wide = ".float()" if kind is not None and kind.name.startswith("FLOAT8") else ""
    return f"torch.isnan({node.inline()}{wide})"


WRITE = {
    **{name: Row(_call(function)) for name, function in _CALLS.items()},
    "Abs": Row(_abs),
    "Neg": Row(_neg),
    "BitwiseNot": Row(_bitwise_not),
    "Softplus": Row(_softplus),
    "Elu": Row(_elu),
    "Celu": Row(_celu),
    "Selu": Row(_selu),
    "LeakyRelu": Row(_leaky_relu),
    "PRelu": Row(_p_relu, since=7),
    "HardSigmoid": Row(_hard_sigmoid),
    "ThresholdedRelu": Row(_thresholded_relu),
    "Shrink": Row(_shrink),
    "Gelu": Row(_gelu),
    "Swish": Row(_swish),
    "IsInf": Row(_is_inf),
    "IsNaN": Row(_is_nan),
}
