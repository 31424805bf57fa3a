"""Operators on images, boxes and regions."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import listed, short
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row
from converters.pytorch.writers.convolution import kernel_sizes, spatial

_SAMPLING = {
    "bilinear": "bilinear",
    "linear": "bilinear",
    "nearest": "nearest",
    "bicubic": "bicubic",
    "cubic": "bicubic",
}


def _grid_sample(node: Node, code: Code) -> str:
    mode, border = node.attrs.text("mode"), node.attrs.text("padding_mode")
    if mode not in _SAMPLING or border not in ("zeros", "border", "reflection"):
        raise Refused(f"its modes are {mode!r} and {border!r}")
    if node.known_rank(0) not in (4, 5) or (node.known_rank(0) == 5 and _SAMPLING[mode] == "bicubic"):
        raise Refused(f"PyTorch has no {mode} sampling of {node.known_rank(0)} axes")
    corners = node.attrs.flag("align_corners")
    options = f'mode="{_SAMPLING[mode]}", padding_mode="{border}", align_corners={corners}'
    return f"F.grid_sample({node.arg(0)}, {node.arg(1)}, {options})"


def _non_max_suppression(node: Node, code: Code) -> str:
    most = node.integer(2) if node.has(2) else "0"
    iou = node.scalar(3) or (f"float({node.arg(3)})" if node.has(3) else "0.0")
    score = node.scalar(4) or (f"float({node.arg(4)})" if node.has(4) else "0.0")
    centred = node.attrs.flag("center_point_box")
    call = code.function("non_max_suppression")
    return f"{call}({node.arg(0)}, {node.arg(1)}, {most}, {iou}, {score}, {node.has(4)}, {centred})"


def _roi_align(node: Node, code: Code) -> str:
    mode = node.attrs.text("mode")
    coordinates = "output_half_pixel"
    if "coordinate_transformation_mode" in node.attrs:
        coordinates = node.attrs.text("coordinate_transformation_mode")
    if mode not in ("avg", "max"):
        raise Refused(f"its mode is {mode!r}")
    sizes = f"{node.attrs.integer('output_height')}, {node.attrs.integer('output_width')}"
    ratio, scale = node.attrs.integer("sampling_ratio"), short(node.attrs.number("spatial_scale"))
    half = coordinates == "half_pixel"
    call = code.function("roi_align")
    return f'{call}({node.arg(0)}, {node.arg(1)}, {node.arg(2)}, "{mode}", {sizes}, {ratio}, {scale}, {half})'


def _deform_conv(node: Node, code: Code) -> str:
    kernel = kernel_sizes(node)
    if len(kernel) != 2:
        raise Refused(f"it has {len(kernel)} spatial axes; 2 are written")
    stride, dilation, pads = spatial(node, "strides", 2), spatial(node, "dilations", 2), spatial(node, "pads", 4, 0)
    group, offsets = node.attrs.integer("group"), node.attrs.integer("offset_group")
    x, w, offset = node.arg(0), node.arg(1), node.arg(2)
    bias = node.arg(3) if node.has(3) else f"{w}.new_zeros({w}.shape[0])"
    mask = node.arg(4) if node.has(4) else f"torch.ones_like({offset}[:, ::2])"
    options = f"{listed(stride)}, {listed(pads)}, {listed(dilation)}, {group}, {offsets}"
    return f"{code.function('deform_conv')}({x}, {w}, {offset}, {bias}, {mask}, {options})"


def _col2im(node: Node, code: Code) -> str:
    image = node.integers(1)
    block = node.integers(2)
    count = len(block) if block is not None else len(image) if image is not None else (node.sizes(1) or (0,))[0]
    stride, dilation = spatial(node, "strides", count), spatial(node, "dilations", count)
    pads = spatial(node, "pads", 2 * count, 0)
    options = f"{listed(stride)}, {listed(pads)}, {listed(dilation)}"
    return f"{code.function('col2im')}({node.arg(0)}, {node.ints(1)}, {node.ints(2)}, {options})"


def _tensor_scatter(node: Node, code: Code) -> str:
    circular = node.attrs.text("mode") == "circular"
    past, update = node.arg(0), node.arg(1)
    places = node.arg(2) if node.has(2) else f"torch.zeros([{past}.shape[0]], dtype=torch.int64, device={past}.device)"
    axis = node.attrs.integer("axis")
    return f"{code.function('tensor_scatter')}({past}, {update}, {places}, {axis}, {circular})"


def _dft(node: Node, code: Code) -> str:
    inverse, onesided = node.attrs.flag("inverse"), node.attrs.flag("onesided")
    length = node.integer(1) if node.has(1) else "None"
    stated = node.attrs.get("axis")
    axis = str(stated) if stated is not None else node.integer(2) if node.has(2) else "-2"
    return f"{code.function('dft')}({node.arg(0)}, {length}, {axis}, {inverse}, {onesided})"


def _stft(node: Node, code: Code) -> str:
    length = node.integer(3) if node.has(3) else f"{node.arg(2)}.numel()"
    onesided = node.attrs.flag("onesided")
    return f"{code.function('stft')}({node.arg(0)}, {node.integer(1)}, {node.optional(2)}, {length}, {onesided})"


WRITE = {
    "GridSample": Row(_grid_sample),
    "NonMaxSuppression": Row(_non_max_suppression),
    "RoiAlign": Row(_roi_align),
    "DeformConv": Row(_deform_conv),
    "Col2Im": Row(_col2im),
    "TensorScatter": Row(_tensor_scatter),
    "DFT": Row(_dft),
    "STFT": Row(_stft),
}
