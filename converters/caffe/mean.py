"""An average image (.binaryproto) beside a network: how its input is fed, for the converted file to carry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from converters.caffe import caffemodel
from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import INPUTS, Port

_COLORS = {1: "gray", 3: "BGR"}  # convert_imageset and compute_image_mean read pictures with OpenCV


def described(path: Path, ports: Sequence[Port]) -> tuple[dict[str, str], str]:
    """Metadata (`zoo.inputs`) with the mean of each channel, and a note for the report.

    Caffe subtracts an average before the network, so it is no part of the graph and changes no number of it. Raises
    `Diagnostic` with code `mean-misfit` where no one input is an image with as many channels.
    """
    average = caffemodel.average(path)
    fitting = [port for port in ports if len(port.shape) == 4 and port.shape[1:2] == average.shape[:1]]
    if len(average.shape) != 3 or 0 in average.shape or len(fitting) != 1:
        inputs = ", ".join(f"{port.name} {list(port.shape)}" for port in ports)
        raise Diagnostic(
            "mean-misfit",
            f"is an average of shape {list(average.shape)}, and {len(fitting)} inputs of the network are "
            f"images with its channels: {inputs}",
            where=Where(file=str(path)),
            hint="leave it out; zoo convert --to npy makes an array of it",
        )
    pixels = average.array().astype(np.float64)
    means = [float(value) for value in pixels.mean(axis=(1, 2))]
    if not np.all(np.isfinite(means)):
        raise Diagnostic("mean-misfit", "holds values that are no numbers", where=Where(file=str(path)))
    even = bool(np.all(pixels == pixels[:, :1, :1]))
    (port,) = fitting
    spec: dict[str, object] = {"name": port.name, "shape": ["N", *port.shape[1:]], "layout": "NCHW", "range": [0, 255]}
    spec["mean"] = means
    if len(means) in _COLORS:
        spec["color"] = _COLORS[len(means)]
    size = "x".join(map(str, average.shape))
    told = (
        f"{path.name}, {size}, is subtracted from {port.name} before the network: its channels' means are in {INPUTS}"
    )
    if not even:
        spec["note"] = "the mean of each channel of an average image that differs from pixel to pixel"
        told += (
            f"; it differs from pixel to pixel (zoo convert {path.name} --to npy), where Caffe's data layers crop it"
        )
    return {INPUTS: json.dumps([spec], ensure_ascii=False, sort_keys=True)}, told
