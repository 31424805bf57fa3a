"""Regions of a map: inn's ROIPooling."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import both, real, scalar, whole


def roi_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ROIPooling as MaxRoiPool; images and corners of regions are counted from 1 (inn, ROIPooling.cu)."""
    data, regions = both(emit)
    size = whole(layer, emit, "H"), whole(layer, emit, "W")
    counted = emit("Sub", regions, scalar(emit, 1, "one"))
    return emit("MaxRoiPool", data, counted, pooled_shape=size, spatial_scale=real(layer, emit, "spatial_scale", 1))


READ = {"inn.ROIPooling": Read(roi_pooling)}
