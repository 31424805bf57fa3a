"""Deconvolution and resizing."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, edit, of, swap, weighted
from zoo.parity.graphs.graph import attributes, change, numbers


def pads_shifted(graph, node, rng):
    """One row cut from the other side."""
    pads = numbers(node, "pads") or [0] * 4
    if any(pads):
        axis = int(rng.integers(2))
        demand(pads[axis + 2] > 0)
        pads[axis], pads[axis + 2] = pads[axis] + 1, pads[axis + 2] - 1
        change(node, pads=pads)
    else:  # nothing is cut: cut at the beginning and fill at the end
        change(node, pads=[1, 0, 0, 0], output_padding=[1, 0])


def output_padded(graph, node, rng):
    change(node, output_padding=[1, 1])


def resized(**values):
    def plant(graph, node, rng):
        old = attributes(node)
        said = {name: value.decode() for name, value in old.items() if isinstance(value, bytes)}
        demand(any(said.get(name) != value for name, value in values.items()))
        if "nearest_mode" in values:
            demand(said.get("mode", "nearest") == "nearest")
        change(node, **values)

    return plant


def other_mode(graph, node, rng):
    nearest = attributes(node).get("mode", b"nearest") == b"nearest"
    change(node, mode="linear" if nearest else "nearest", nearest_mode=None)


def groups_exchanged(graph, node, rng):
    group = attributes(node)["group"]
    swap(graph, node, 1, lambda array: np.roll(array, len(array) // group, 0))


def grouped(graph, node):
    return attributes(node).get("group", 1) > 1


DECONV = weighted("ConvTranspose")
RESIZE = of("Resize")
FAULTS = (
    Fault("deconvolution cut on the other side", "pad side", DECONV, pads_shifted, "A15"),
    Fault("deconvolution output padding", "output padding|shape", DECONV, output_padded, "A15"),
    Fault("deconvolution kernels flipped", "flipped kernels", DECONV, edit(1, lambda a, r: a[:, :, ::-1, ::-1]), "A15"),
    Fault(
        "deconvolution in and out exchanged",
        "transposed kernels",
        DECONV,
        edit(1, lambda a, r: a.reshape(a.shape[1], a.shape[0], *a.shape[2:]).swapaxes(0, 1)),
        "A15",
    ),
    Fault(
        "deconvolution groups exchanged",
        "channel permutation",
        weighted("ConvTranspose", where=grouped),
        groups_exchanged,
        "A37",
    ),
    Fault("nearest and linear exchanged", "interpolation", RESIZE, other_mode, "A14"),
    Fault(
        "half-pixel coordinates", "interpolation", RESIZE, resized(coordinate_transformation_mode="half_pixel"), "A14"
    ),
    Fault(
        "asymmetric coordinates", "interpolation", RESIZE, resized(coordinate_transformation_mode="asymmetric"), "A14"
    ),
    Fault("corners aligned", "interpolation", RESIZE, resized(coordinate_transformation_mode="align_corners"), "A14"),
    Fault("nearest rounds up", "interpolation", RESIZE, resized(nearest_mode="ceil"), "A14"),
)
