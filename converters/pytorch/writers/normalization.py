"""Normalisation layers."""

from __future__ import annotations

import numpy as np

from converters.pytorch.code import Code, layer_name
from converters.pytorch.held import Several, listed, short
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row
from converters.pytorch.writers.linear import owned
from converters.weights import ArrayWeight, Weight


def _batch_norm(node: Node, code: Code) -> Result:
    eps, momentum = short(node.attrs.number("epsilon")), node.attrs.number("momentum")
    if "training_mode" in node.attrs and node.attrs.flag("training_mode"):
        call = code.function("batch_norm_training")
        return Several(f"{call}({', '.join(node.args())}, {eps}, {short(momentum)})", 3)
    if node.attrs.get("spatial", 1) != 1:
        raise Refused("its statistics are those of each place (spatial=0)")
    rank = node.rank(0) or 0
    weights = _owned(node, ("weight", "bias", "running_mean", "running_var"))
    if weights is not None and 2 <= rank <= 5 and weights["weight"].dtype.kind == "f":
        kind = f"BatchNorm{max(rank - 2, 1)}d"
        weights["num_batches_tracked"] = ArrayWeight(np.zeros((), np.int64))
        value = node.value(1)
        name = layer_name(node.name, str(value.name if value is not None else ""))
        options = [weights["weight"].shape[0], *([] if eps == "1e-05" else [f"eps={eps}"])]
        return f"{code.module(name, kind, options, weights)}({node.inline()})"
    x, scale, bias, mean, var = node.args()
    return f"F.batch_norm({x}, {mean}, {var}, {scale}, {bias}, eps={eps})"


def _owned(node: Node, roles: tuple[str, ...]) -> dict[str, Weight] | None:
    found = {role: owned(node, at) for at, role in enumerate(roles, start=1)}
    whole = {role: weight for role, weight in found.items() if weight is not None}
    return whole if len(whole) == len(roles) else None


def _instance_norm(node: Node, code: Code) -> str:
    eps = short(node.attrs.number("epsilon"))
    x, scale, bias = node.args()
    return f"F.instance_norm({x}, weight={scale}, bias={bias}, eps={eps})"


def _group_norm(node: Node, code: Code) -> str:
    eps, groups = short(node.attrs.number("epsilon")), node.attrs.integer("num_groups")
    if "stash_type" in node.attrs:
        node.attrs.integer("stash_type")
    x, scale, bias = node.args()
    if node.since < 21:  # one number for each group
        scale, bias = (f"{name}.repeat_interleave({x}.shape[1] // {groups})" for name in (scale, bias))
    return f"F.group_norm({x}, {groups}, {scale}, {bias}, {eps})"


def _layer_norm(node: Node, code: Code) -> Result:
    axis, eps = node.attrs.integer("axis"), short(node.attrs.number("epsilon"))
    weight, bias = owned(node, 1), owned(node, 2)
    if not node.gives(1) and not node.gives(2) and node.rank(0) is not None:
        count = node.known_rank(0) - axis % node.known_rank(0)
        if weight is not None and len(weight.shape) == count and (bias is not None or not node.has(2)):
            weights = {"weight": weight, **({} if bias is None else {"bias": bias})}
            value = node.value(1)
            name = layer_name(node.name, str(value.name if value is not None else ""))
            arguments = [listed(weight.shape) if count > 1 else weight.shape[0], f"eps={eps}"]
            arguments += [] if bias is not None else ["bias=False"]
            return f"{code.module(name, 'LayerNorm', arguments, weights)}({node.inline()})"
    call = code.function("layer_norm")
    return Several(f"{call}({node.arg(0)}, {node.arg(1)}, {node.optional(2)}, {axis}, {eps})", 3)


def _rms_norm(node: Node, code: Code) -> str:
    axis, eps = node.attrs.integer("axis"), short(node.attrs.number("epsilon"))
    return f"{code.function('rms_norm')}({node.arg(0)}, {node.arg(1)}, {axis}, {eps})"


def _lrn(node: Node, code: Code) -> str:
    size = node.attrs.integer("size")
    alpha, beta, bias = (short(node.attrs.number(name)) for name in ("alpha", "beta", "bias"))
    if size % 2:
        return f"F.local_response_norm({node.inline()}, {size}, alpha={alpha}, beta={beta}, k={bias})"
    return f"{code.function('even_response_norm')}({node.arg(0)}, {size}, {alpha}, {beta}, {bias})"


WRITE = {
    "BatchNormalization": Row(_batch_norm, since=7, neutral=("momentum",)),
    "InstanceNormalization": Row(_instance_norm, since=6),
    "GroupNormalization": Row(_group_norm),
    "LayerNormalization": Row(_layer_norm, neutral=("stash_type",)),
    "RMSNormalization": Row(_rms_norm, neutral=("stash_type",)),
    "LRN": Row(_lrn),
}
