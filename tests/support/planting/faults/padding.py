"""Padding, stride and dilation: the shape stays, the window moves."""

from __future__ import annotations

from planting.fault import Fault, demand, of, weighted
from zoo.parity.graphs.graph import change, numbers

PADDED = of("Conv", "MaxPool", "AveragePool", where=lambda g, n: any(numbers(n, "pads")))


def shifted(graph, node, rng):
    """One from the end to the beginning of an axis."""
    pads = numbers(node, "pads")
    axes = len(pads) // 2
    able = [axis for axis in range(axes) if pads[axis + axes] > 0]
    demand(bool(able))
    axis = able[rng.integers(len(able))]
    pads[axis], pads[axis + axes] = pads[axis] + 1, pads[axis + axes] - 1
    _fit_kernel(node, pads)
    change(node, pads=pads)


def at_the_end(graph, node, rng):
    """All padding at the end, as `same` of some frameworks has it."""
    pads = numbers(node, "pads")
    axes = len(pads) // 2
    moved = [0] * axes + [pads[axis] + pads[axis + axes] for axis in range(axes)]
    demand(moved != pads)
    _fit_kernel(node, moved)
    change(node, pads=moved)


def axes_exchanged(graph, node, rng):
    """pad_w read from pad_h, the sizes of the result kept by the end."""
    pads = numbers(node, "pads")
    demand(len(pads) == 4 and pads[0] != pads[1])
    total = [pads[0] + pads[2], pads[1] + pads[3]]
    begin = [min(pads[1], total[0]), min(pads[0], total[1])]
    wrong = [*begin, total[0] - begin[0], total[1] - begin[1]]
    demand(wrong != pads)
    _fit_kernel(node, wrong)
    change(node, pads=wrong)


def _fit_kernel(node, pads):
    """Pooling refuses a padding as large as its window."""
    kernel = numbers(node, "kernel_shape")
    demand(node.op_type == "Conv" or all(pads[i] < kernel[i % len(kernel)] for i in range(len(pads))))


def dilation_lost(graph, node, rng):
    """Dilation 1, the padding smaller so that the shape stays."""
    dilations, pads, kernel = (numbers(node, name) for name in ("dilations", "pads", "kernel_shape"))
    lost = [(d - 1) * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
    axes = len(kernel)
    thinner = [pads[i] - lost[i] // 2 for i in range(axes)] + [
        pads[i + axes] - (lost[i] - lost[i] // 2) for i in range(axes)
    ]
    demand(min(thinner) >= 0)
    change(node, dilations=[1] * axes, pads=thinner)


def dilation_gained(graph, node, rng):
    kernel, pads = numbers(node, "kernel_shape"), numbers(node, "pads")
    demand(len(kernel) == 2)
    change(node, dilations=[2, 2], pads=[pads[i] + (kernel[i % 2] - 1) // 2 for i in range(4)])


def stride_lost(graph, node, rng):
    change(node, strides=[1] * len(numbers(node, "strides")))


def edge_padding(graph, node, rng):
    """Zeros outside the image are the image's edge instead."""
    pads = numbers(node, "pads")
    around = [0, 0, *pads[:2], 0, 0, *pads[2:]]
    import numpy as np

    graph.before(node, 0, "Pad", graph.store(np.array(around), "around"), mode="edge")
    change(node, pads=[0] * 4)


STRIDED = of("Conv", "MaxPool", "AveragePool", where=lambda g, n: max(numbers(n, "strides"), default=1) > 1)
DILATED = weighted("Conv", where=lambda g, n: max(numbers(n, "dilations"), default=1) > 1)
PLAIN = weighted(
    "Conv", where=lambda g, n: max(numbers(n, "dilations"), default=1) == 1 and numbers(n, "kernel_shape") == [3, 3]
)
FAULTS = (
    Fault("padding shifted by one", "pad side", PADDED, shifted, "A38"),
    Fault("padding at the end", "pad side", PADDED, at_the_end, "A38"),
    Fault("pad_w from pad_h", "pad side", PADDED, axes_exchanged, "A38"),
    Fault("dilation lost", "dilation", DILATED, dilation_lost, "A37"),
    Fault("dilation gained", "dilation", PLAIN, dilation_gained, "A37"),
    Fault("stride lost", "stride", STRIDED, stride_lost, "A38"),
    Fault("edge padding", "pad value", weighted("Conv", where=lambda g, n: any(numbers(n, "pads"))), edge_padding),
)
