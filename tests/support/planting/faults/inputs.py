"""Preprocessing: what happens to the picture before the first layer."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, first


def channels(graph):
    shape = graph.shapes()[graph.inputs[0]]
    demand(len(shape) == 4 and shape[1] == 3)
    return shape


def swapped(graph, node, rng):
    channels(graph)
    order = graph.store(np.array([2, 1, 0]), "order")
    everywhere(graph, "Gather", order, axis=1)


def everywhere(graph, op, *operands, **attributes):
    """One node between the input and all who read it."""
    source = graph.inputs[0]
    readers = graph.readers(source)
    added = graph.before(readers[0], list(readers[0].input).index(source), op, *operands, **attributes)
    for reader in readers[1:]:
        reader.input[list(reader.input).index(source)] = added.output[0]
    return added


def mean(values):
    def plant(graph, node, rng):
        channels(graph)
        everywhere(graph, "Sub", graph.store(np.array(values, np.float32).reshape(1, -1, 1, 1), "mean"))

    return plant


def scale(values):
    def plant(graph, node, rng):
        channels(graph)
        everywhere(graph, "Mul", graph.store(np.array(values, np.float32).reshape(1, -1, 1, 1), "scale"))

    return plant


def mirrored(graph, node, rng):
    channels(graph)
    numbers = ([-1], [-(2**31)], [3], [-1])
    everywhere(graph, "Slice", *(graph.store(np.array(n), "n") for n in numbers))


def interleaved(graph, node, rng):
    """N x H x W x C bytes read as N x C x H x W."""
    shape = channels(graph)
    last = everywhere(graph, "Transpose", perm=[0, 2, 3, 1])
    whole = graph.store(np.array([0, *shape[1:]]), "shape")
    graph.after(last.output[0], "Reshape", whole)


def rotated(graph, node, rng):
    shape = channels(graph)
    demand(shape[2] == shape[3])
    everywhere(graph, "Transpose", perm=[0, 1, 3, 2])


FAULTS = (
    Fault("BGR for RGB", "BGR/RGB swap", first, swapped, "A30"),
    Fault("mean forgotten", "mean of the input", first, mean([-1.8, -2.0, -2.2]), "A30"),
    Fault("mean 1/255 off", "mean of the input", first, mean([1 / 58] * 3), "A30"),
    Fault("mean 0.01/255 off", "mean of the input", first, mean([0.01 / 58] * 3), "A30"),
    Fault("mean in the other order", "mean of the input", first, mean([0.33, 0, -0.33]), "A30"),
    Fault("scale 0.017 for 1/58", "scale of the input|scale factor", first, scale([0.986] * 3), "A30"),
    Fault("scale forgotten", "scale of the input", first, scale([0.226 * 4, 0.224 * 4, 0.229 * 4]), "A30"),
    Fault("picture mirrored", "picture mirrored", first, mirrored),
    Fault("NHWC for NCHW", "NHWC/NCHW", first, interleaved, "A30"),
    Fault("height and width exchanged", "height and width exchanged", first, rotated),
)
