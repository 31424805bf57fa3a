"""Poolings, activations, norms and wiring in another form."""

from __future__ import annotations

import numpy as np
from onnx import helper

from planting.fault import demand
from planting.harmless.rewriting import as_op, every
from zoo.parity.graphs.graph import attributes, change, numbers


@every("AveragePool")
def average_padded_before(graph, node):
    pads = numbers(node, "pads")
    demand(any(pads) and attributes(node).get("count_include_pad", 0) == 1)
    graph.before(node, 0, "Pad", graph.store(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]]), "around"))
    change(node, pads=[0] * 4, count_include_pad=0)


@every("GlobalAveragePool")
def global_as_mean(graph, node):
    as_op(node, "ReduceMean", graph.store(np.array([2, 3]), "axes"), keepdims=1)


@every("GlobalAveragePool")
def global_as_window(graph, node):
    shape = graph.shapes().get(node.input[0], ())
    demand(len(shape) == 4)
    as_op(node, "AveragePool", kernel_shape=list(shape[2:]))


@every("GlobalAveragePool")
def global_as_sum(graph, node):
    shape = graph.shapes().get(node.input[0], ())
    demand(len(shape) == 4)
    graph.after(node.output[0], "Div", graph.store(np.array(shape[2] * shape[3], np.float32), "count"))
    as_op(node, "ReduceSum", graph.store(np.array([2, 3]), "axes"), keepdims=1)


@every("MaxPool")
def max_pool_padded_before(graph, node):
    pads = numbers(node, "pads")
    demand(any(pads))
    lowest = graph.store(np.array(np.finfo(np.float32).min), "lowest")
    graph.before(node, 0, "Pad", graph.store(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]]), "around"), lowest)
    change(node, pads=[0] * 4)


@every("Relu")
def relu_as_maximum(graph, node):
    as_op(node, "Max", graph.store(np.array(0, np.float32), "zero"))


@every("Relu")
def relu_as_clip(graph, node):
    as_op(node, "Clip", graph.store(np.array(0, np.float32), "zero"))


@every("LeakyRelu")
def leaky_as_prelu(graph, node):
    slope = np.array([attributes(node).get("alpha", 0.01)], np.float32)
    as_op(node, "PRelu", graph.store(slope.reshape(1, 1, 1), "slope"))


@every("PRelu")
def prelu_as_two(graph, node):
    """max(x, 0) + slope min(x, 0)."""
    zero, slope, x = graph.store(np.array(0, np.float32), "zero"), node.input[1], node.input[0]
    graph.before(node, 0, "Min", zero)
    below = graph.before(node, 0, "Mul", slope)
    node.input[0] = x
    above = graph.before(node, 0, "Max", zero)
    as_op(node, "Add")
    del node.input[:]
    node.input.extend([above.output[0], below.output[0]])


@every("Sigmoid")
def sigmoid_by_tanh(graph, node):
    half = graph.store(np.array(0.5, np.float32), "half")
    graph.before(node, 0, "Mul", half)
    value = node.output[0]
    as_op(node, "Tanh")
    graph.after(value, "Mul", half)
    graph.after(value, "Add", half)


@every("Softmax")
def softmax_by_parts(graph, node):
    """exp(x - max) over its sum."""
    axis = attributes(node).get("axis", -1)
    axes, x = graph.store(np.array([axis]), "axes"), node.input[0]
    top = graph.before(node, 0, "ReduceMax", axes, keepdims=1)
    node.input[0] = x
    graph.before(node, 0, "Sub", top.output[0])
    exp = graph.before(node, 0, "Exp")
    total = graph.before(node, 0, "ReduceSum", axes, keepdims=1)
    as_op(node, "Div")
    node.input[0] = exp.output[0]
    node.input.append(total.output[0])


@every("Softmax")
def softmax_by_logarithm(graph, node):
    value = node.output[0]
    node.op_type = "LogSoftmax"
    graph.after(value, "Exp")


@every("Flatten")
def flatten_as_reshape(graph, node):
    as_op(node, "Reshape", graph.store(np.array([0, -1]), "shape"))


@every("Dropout")
def dropout_gone(graph, node):
    graph.bypass(node)


@every("Add", "Mul")
def operands_exchanged(graph, node):
    demand(node.input[0] != node.input[1])
    node.input.extend(list(node.input)[::-1])
    del node.input[:2]


@every("Add")
def add_as_sum(graph, node):
    demand(not any(graph.is_weight(name) for name in node.input))
    node.op_type = "Sum"


@every("Add")
def add_as_difference(graph, node):
    graph.before(node, 1, "Neg")
    node.op_type = "Sub"


@every("Div")
def division_by_reciprocal(graph, node):
    graph.before(node, 1, "Reciprocal")
    node.op_type = "Mul"


@every("Concat")
def concatenated_in_steps(graph, node):
    demand(len(node.input) > 2)
    axis, names, value = attributes(node)["axis"], list(node.input), node.output[0]
    head = graph.fresh(f"{value}/head")
    first = helper.make_node("Concat", names[:-1], [head], axis=axis)
    graph.instead(node, [first, helper.make_node("Concat", [head, names[-1]], [value], axis=axis)])


@every("Slice")
def slice_to_the_end(graph, node):
    """The end counted from the end."""
    shape, ends, axes = (
        graph.shapes().get(node.input[0], ()), graph.operand(node, 2), graph.operand(node, 3),
    )  # fmt: skip
    demand(bool(shape) and axes is not None and all(shape[axis] for axis in axes))
    sizes = np.array([shape[axis] for axis in axes])
    demand(bool((ends < sizes).all()))
    graph.give(node, 2, ends - sizes)


@every("ReduceL2")
def norm_by_parts(graph, node):
    axes = node.input[1]
    graph.before(node, 0, "Mul", node.input[0])
    graph.before(node, 0, "ReduceSum", axes, keepdims=attributes(node).get("keepdims", 1))
    as_op(node, "Sqrt")


@every("LRN")
def lrn_by_parts(graph, node):
    """A sum of squares over channels by a convolution of ones, then the power."""
    held, shape = attributes(node), graph.shapes().get(node.input[0], ())
    demand(len(shape) == 4)
    size, x = held["size"], node.input[0]
    ones = np.zeros((shape[1], shape[1], 1, 1), np.float32)
    for channel in range(shape[1]):
        ones[channel, max(0, channel - (size - 1) // 2) : channel + size // 2 + 1] = held["alpha"] / size
    graph.before(node, 0, "Mul", x)
    graph.before(node, 0, "Conv", graph.store(ones, "window"))
    graph.before(node, 0, "Add", graph.store(np.array(held.get("bias", 1.0), np.float32), "k"))
    power = graph.before(node, 0, "Pow", graph.store(np.array(held["beta"], np.float32), "beta"))
    as_op(node, "Div", power.output[0])
    node.input[0] = x
