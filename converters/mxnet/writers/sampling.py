"""Regions of interest and sampled images: MaxRoiPool, RoiAlign, GridSample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand, present
from converters.weights import ArrayWeight


def max_roi_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes MaxRoiPool as ROIPooling."""
    attrs, assembly = match.attrs[0], Assembly(match, view)
    data, rois = (present(match.operand(slot), "operand") for slot in (0, 1))
    size, scale = attrs.integers("pooled_shape"), attrs.number("spatial_scale")
    assembly.add("ROIPooling", data, rois, pooled_size=size, spatial_scale=repr(scale))
    return assembly.layers


def roi_align(match: Match, view: View) -> Sequence[Layer]:
    """Writes RoiAlign as ROIAlign, the numbers of the images before the corners; a bin's largest sample is refused."""
    attrs, assembly = match.attrs[0], Assembly(match, view)
    data, rois, images = (present(match.operand(slot), "operand") for slot in range(3))
    if attrs.text("mode") != "avg":
        raise Declined(f"its mode is {attrs.text('mode')}; MXNet averages")
    column: Operand
    if view.is_constant(images):
        column = ArrayWeight(view.numbers(images).reshape(-1, 1).astype(np.float32))
    else:
        column = assembly.add("Reshape", assembly.cast(images, "float32", "numbers"), role="column", shape=(-1, 1))
    table = assembly.add("Concat", column, rois, role="table", num_args=2, dim=1)
    assembly.add(
        "_contrib_ROIAlign",
        data,
        table,
        pooled_size=(attrs.integer("output_height"), attrs.integer("output_width")),
        spatial_scale=repr(attrs.number("spatial_scale")),
        sample_ratio=attrs.integer("sampling_ratio") or -1,
        aligned=attrs.text("coordinate_transformation_mode") == "half_pixel",
    )
    return assembly.layers


def grid_sample(match: Match, view: View) -> Sequence[Layer]:
    """Writes GridSample as BilinearSampler, whose -1 and 1 are the centres of the outer pixels."""
    attrs, assembly = match.attrs[0], Assembly(match, view)
    data, grid = (present(match.operand(slot), "operand") for slot in (0, 1))
    mode, outside = attrs.text("mode"), attrs.text("padding_mode")
    if view.rank(data) != 4 or mode not in ("bilinear", "linear") or outside not in ("zeros", "border"):
        raise Declined(
            f"{mode} samples of {view.rank(data)} dimensions with {outside} outside; MXNet has bilinear ones"
        )
    places = assembly.add("transpose", grid, role="places", axes=(0, 3, 1, 2))
    if not attrs.flag("align_corners"):
        sizes = np.array(view.sizes(data, 2)[::-1], np.float64).reshape(1, 2, 1, 1)
        if sizes.min() < 2:
            raise Declined("it samples a line of one pixel, whose centres MXNet cannot tell apart")
        factors = ArrayWeight((sizes / (sizes - 1)).astype(np.float32))
        places = assembly.add("broadcast_mul", places, factors, role="centres")
    if outside == "border":
        places = assembly.add("clip", places, role="inside", a_min="-1.0", a_max="1.0")
    assembly.add("BilinearSampler", data, places)
    return assembly.layers


_BOXES = "a = Abs(in1)\nl = Slice(a, z, t, o)\ns = Slice(a, t, f, o)\nh = Add(l, s)\n"
_ENDS = (
    "z = Constant<value_ints = [0]>()\nt = Constant<value_ints = [2]>()\nf = Constant<value_ints = [4]>()\n"
    "o = Constant<value_ints = [1]>()\n"
)
_ROIS = f"{_ENDS}{_BOXES}"
_ALIGN = "output_height = 3, output_width = 2, spatial_scale = 0.9"

WRITE = (
    Write(
        max_roi_pool,
        ("MaxRoiPool",),
        samples=(
            Sample("regions", f"{_ROIS}i = Constant<value_float = 0.0>()\nc = Mul(l, i)\nn = Slice(c, z, o, o)\n"
                   "r = Concat<axis = 1>(n, l, h)\n"
                   "out0 = MaxRoiPool<pooled_shape = [3, 2], spatial_scale = 0.9>(in0, r)", ((2, 3, 9, 11), (5, 4)),
                   values=(-4.0, 4.0)),
        ),
    ),
    Write(
        roi_align,
        ("RoiAlign",),
        dtypes=("float32", "int64"),
        samples=(
            Sample("stored images", f"{_ROIS}r = Concat<axis = 1>(l, h)\ni = Constant<value_ints = [0, 0, 0, 0, 0]>()\n"
                   f"out0 = RoiAlign<{_ALIGN}>(in0, r, i)", ((2, 3, 9, 11), (5, 4)), values=(-4.0, 4.0)),
            Sample("computed images", f"{_ROIS}r = Concat<axis = 1>(l, h)\nm = ReduceMin<keepdims = 0>(l, o)\n"
                   "e = Constant<value_float = 0.0>()\nu = Mul(m, e)\ni = Cast<to = 7>(u)\n"
                   f'out0 = RoiAlign<{_ALIGN}, sampling_ratio = 2, '
                   'coordinate_transformation_mode = "output_half_pixel">(in0, r, i)', ((2, 3, 9, 11), (5, 4)),
                   values=(-4.0, 4.0)),
        ),
    ),
    Write(
        grid_sample,
        ("GridSample",),
        samples=tuple(
            Sample(name, f'out0 = GridSample<mode = "bilinear"{more}>(in0, in1)', ((2, 3, 6, 7), (2, 4, 5, 2)),
                   values=(-1.3, 1.3))
            for name, more in (
                ("outer centres", ", align_corners = 1"), ("outer borders", ""),
                ("nothing but pixels", ', padding_mode = "border"'),
            )
        ),
    ),
)  # fmt: skip
