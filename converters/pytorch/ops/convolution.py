"""Conv2d: cross-correlation; weights [out, in / groups, height, width]."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def conv2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Conv2d as Conv with symmetric padding."""
    (data,) = emit.inputs
    attrs = layer.attrs
    channels, out, groups = emit.size(data, 1), attrs.integer("out_channels"), attrs.integer("groups")
    if attrs.integer("in_channels") != channels or channels % groups or out % groups:
        emit.refuse(f"its input has {channels} channels, it wants {attrs.integer('in_channels')} in {groups} groups")
    kernel, padding = attrs.integers("kernel_size"), attrs.integers("padding")
    weights = [emit.weight("weight", (out, channels // groups, *kernel))]
    if attrs.flag("bias"):
        weights.append(emit.weight("bias", (out,)))
    return emit(
        "Conv",
        data,
        *weights,
        kernel_shape=kernel,
        strides=attrs.integers("stride"),
        pads=padding * 2,
        dilations=attrs.integers("dilation"),
        group=groups,
    )


SAMPLES = (
    Sample(
        "asymmetric",
        "in_channels=3, out_channels=4, kernel_size=(3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 1), groups=1, "
        "bias=True",
        ((2, 3, 9, 7),),
        ((4, 3, 3, 2), (4,)),
    ),
    Sample(
        "grouped, dilated, without bias",
        "in_channels=4, out_channels=6, kernel_size=(2, 3), stride=(1, 2), padding=(1, 2), dilation=(3, 2), groups=2, "
        "bias=False",
        ((1, 4, 11, 10),),
        ((6, 2, 2, 3),),
    ),
)

READ = {"Conv2d": Read(conv2d, samples=SAMPLES)}
