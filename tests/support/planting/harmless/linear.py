"""Convolutions and products in another form."""

from __future__ import annotations

import numpy as np
from onnx import helper

from planting.fault import demand
from planting.harmless.rewriting import absorbed, as_op, every, fed_by
from zoo.parity.graphs.graph import attributes, change, numbers


@every("BatchNormalization")
def batch_norm_folded(graph, node):
    """Into the convolution before it, the folded weights rounded to float32."""
    conv = fed_by(graph, node)
    demand(conv.op_type == "Conv")
    gamma, beta, mean, variance = (graph.operand(node, index).astype(np.float64) for index in (1, 2, 3, 4))
    factor = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    weight = graph.operand(conv, 1)
    bias = graph.operand(conv, 2) if len(conv.input) > 2 else np.zeros(len(weight))
    graph.give(conv, 1, (weight * factor.reshape(-1, 1, 1, 1)).astype(np.float32))
    graph.give(conv, 2, ((bias - mean) * factor + beta).astype(np.float32))
    absorbed(graph, conv, node)


@every("BatchNormalization")
def batch_norm_as_scale(graph, node):
    """x * a + b."""
    gamma, beta, mean, variance = (graph.operand(node, index).astype(np.float64) for index in (1, 2, 3, 4))
    factor = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    shape = (-1, *[1] * (len(graph.shapes().get(node.input[0], (0, 0, 0, 0))) - 2))
    scale, shift = (array.reshape(shape).astype(np.float32) for array in (factor, beta - mean * factor))
    graph.before(node, 0, "Mul", graph.store(scale, "a"))
    as_op(node, "Add", graph.store(shift, "b"))


@every("Conv")
def bias_added_after(graph, node):
    bias = graph.operand(node, 2) if len(node.input) > 2 else None
    demand(bias is not None)
    del node.input[2:]
    rank = len(graph.operand(node, 1).shape)
    graph.after(node.output[0], "Add", graph.store(bias.reshape(-1, *[1] * (rank - 2)), "bias"))


@every("Conv")
def padded_before(graph, node):
    pads = numbers(node, "pads")
    demand(any(pads))
    axes = len(pads) // 2
    around = [0, 0, *pads[:axes], 0, 0, *pads[axes:]]
    graph.before(node, 0, "Pad", graph.store(np.array(around), "around"))
    change(node, pads=[0] * len(pads))


@every("Conv")
def groups_apart(graph, node):
    group = attributes(node).get("group", 1)
    weight, bias = graph.operand(node, 1), graph.operand(node, 2)
    demand(1 < group <= 4)
    names, held = [], {**attributes(node), "group": 1}
    count, inner = len(weight) // group, weight.shape[1]
    steps, value = [], node.output[0]
    for part in range(group):
        stored = [graph.store(np.array(n), "n") for n in ([part * inner], [(part + 1) * inner], [1])]
        piece, done = graph.fresh(f"{value}/in{part}"), graph.fresh(f"{value}/out{part}")
        rows = slice(part * count, (part + 1) * count)
        inputs = [piece, graph.store(weight[rows], "w"), *([] if bias is None else [graph.store(bias[rows], "b")])]
        steps += [helper.make_node("Slice", [node.input[0], *stored], [piece])]
        steps += [helper.make_node("Conv", inputs, [done], **held)]
        names.append(done)
    graph.instead(node, [*steps, helper.make_node("Concat", names, [value], axis=1)])


@every("Conv")
def pointwise_as_product(graph, node):
    weight = graph.operand(node, 1)
    shape = graph.shapes().get(node.output[0], ())
    plain = max(weight.shape[2:]) == 1 and max(numbers(node, "strides"), default=1) == 1
    demand(plain and attributes(node).get("group", 1) == 1 and len(shape) == 4 and not any(numbers(node, "pads")))
    bias, value = graph.operand(node, 2), node.output[0]
    flat = graph.store(np.array([0, weight.shape[1], -1]), "flat")
    graph.before(node, 0, "Reshape", flat)
    row = node.input[0]
    as_op(node, "MatMul")
    del node.input[:]
    node.input.extend([graph.store(weight[:, :, 0, 0], "w"), row])
    graph.after(value, "Reshape", graph.store(np.array([0, *shape[1:]]), "shape"))
    if bias is not None:
        graph.after(value, "Add", graph.store(bias.reshape(-1, 1, 1), "bias"))


@every("Gemm")
def gemm_as_product(graph, node):
    weight, bias = graph.operand(node, 1), graph.operand(node, 2)
    matrix = weight.T if attributes(node).get("transB") else weight
    as_op(node, "MatMul", graph.store(matrix, "w"))
    if bias is not None:
        graph.after(node.output[0], "Add", graph.store(bias, "bias"))


@every("Gemm")
def gemm_transposed(graph, node):
    graph.give(node, 1, graph.operand(node, 1).T)
    change(node, transB=1 - attributes(node).get("transB", 0))


@every("Gemm")
def gemm_as_convolution(graph, node):
    """A 1 x 1 convolution of a 1 x 1 image."""
    weight, bias = graph.operand(node, 1), graph.operand(node, 2)
    demand(bool(attributes(node).get("transB")) and bias is not None)
    graph.before(node, 0, "Unsqueeze", graph.store(np.array([2, 3]), "axes"))
    as_op(node, "Conv", graph.store(weight[:, :, None, None], "w"), graph.store(bias, "b"))
    graph.after(node.output[0], "Squeeze", graph.store(np.array([2, 3]), "axes"))


@every("ConvTranspose")
def deconvolution_cut_after(graph, node):
    pads, shape = numbers(node, "pads"), graph.shapes().get(node.output[0], ())
    demand(any(pads) and len(shape) == 4)
    value = node.output[0]
    change(node, pads=[0] * 4)
    ends = [pads[axis] + shape[2 + axis] for axis in range(2)]
    graph.after(value, "Slice", *(graph.store(np.array(n), "n") for n in (pads[:2], ends, [2, 3])))


@every("AveragePool")
def average_as_convolution(graph, node):
    held = attributes(node)
    kernel, shape = numbers(node, "kernel_shape"), graph.shapes().get(node.input[0], ())
    counted = held.get("count_include_pad", 0) == 1 or not any(numbers(node, "pads"))
    demand(counted and not held.get("ceil_mode", 0) and len(shape) == 4)
    weight = np.full((shape[1], 1, *kernel), 1 / np.prod(kernel), np.float32)
    keep = {name: held[name] for name in ("kernel_shape", "strides", "pads") if name in held}
    as_op(node, "Conv", graph.store(weight, "w"), group=shape[1], **keep)
