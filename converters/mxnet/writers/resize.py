"""Resize: nearest as UpSampling or as picked rows, linear as BilinearResize2D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand
from converters.weights import ArrayWeight


def resize(match: Match, view: View) -> Sequence[Layer]:
    """Writes Resize: nearest by a whole factor as UpSampling, else as take; linear as BilinearResize2D."""
    attrs = match.attrs[0]
    before, after = view.shape(match.inputs[0]), view.shape(match.output)
    scales = _scales(match, view)
    if attrs.text("keep_aspect_ratio_policy") != "stretch" or attrs.flag("antialias"):
        raise Declined("it keeps the ratio of the sides, or smooths; MXNet does neither")
    if attrs.text("mode") == "nearest":
        return _nearest(match, view, scales)
    where = attrs.text("coordinate_transformation_mode")
    changed = [axis for axis, scale in scales.items() if scale != 1 or before[axis] != after[axis]]
    if attrs.text("mode") != "linear" or len(before) != 4 or any(axis < 2 for axis in changed):
        raise Declined(f"its mode {attrs.text('mode')} of {len(before)} dimensions; MXNet has nearest and bilinear")
    height, width = view.sizes(match.output, 2)
    if where == "pytorch_half_pixel" and min(height, width) > 1:
        where = "half_pixel"
    if where not in ("align_corners", "half_pixel") or not _exact(scales, before, after):
        raise Declined(f"places by {where}; MXNet has align_corners and half_pixel, of the sizes' own ratio")
    corners = where == "align_corners"
    return [match.layer("_contrib_BilinearResize2D", {"height": height, "width": width, "align_corners": corners})]


def _scales(match: Match, view: View) -> dict[int, float]:
    """The factor of each axis that is named: as stated, or after over before."""
    rank = view.rank(match.inputs[0])
    axes = [axis % rank for axis in match.attrs[0].integers("axes") or tuple(range(rank))]
    stated = view.numbers(match.operand(2), "scales") if match.operand(2) is not None else np.empty(0)
    if stated.size:
        return {axis: float(scale) for axis, scale in zip(axes, stated, strict=True)}
    sizes = view.integers(match.operand(3), "sizes")
    before = view.shape(match.inputs[0])
    return {
        axis: 1.0 if size == before[axis] else size / view.size(match.inputs[0], axis)
        for axis, size in zip(axes, sizes, strict=True)
    }


def _exact(scales: Mapping[int, float], before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether the factors are the ratios of the sizes, which is all that MXNet knows."""
    return all(
        scale == 1
        or (isinstance(new := after[axis], int) and isinstance(old := before[axis], int) and new == old * scale)
        for axis, scale in scales.items()
    )


def _nearest(match: Match, view: View, scales: Mapping[int, float]) -> Sequence[Layer]:
    """Each axis by itself: which place of the input each place of the output takes."""
    attrs, data = match.attrs[0], match.inputs[0]
    where, mode = attrs.text("coordinate_transformation_mode"), attrs.text("nearest_mode")
    picks = {}
    for axis, scale in scales.items():
        if scale != 1:
            old, new = view.size(data, axis), view.size(match.output, axis)
            picks[axis] = _places(where, mode, old, new, scale)
    factors = {scale for scale in scales.values() if scale != 1}
    if len(factors) == 1 and set(picks) == {2, 3} and view.rank(data) == 4:
        (factor,) = factors
        if factor.is_integer() and all(np.array_equal(pick, np.arange(len(pick)) // factor) for pick in picks.values()):
            return [match.layer("UpSampling", {"scale": int(factor), "sample_type": "nearest", "num_args": 1})]
    assembly = Assembly(match, view)
    value: Operand = data
    for count, (axis, pick) in enumerate(picks.items(), 1):
        role = "" if count == len(picks) else f"axis{axis}"
        value = assembly.add("take", value, ArrayWeight(pick.astype(np.float32)), role=role, axis=axis, mode="clip")
    return assembly.layers if picks else [match.layer("_copy")]


def _places(where: str, mode: str, old: int, new: int, scale: float) -> np.ndarray:
    """Places in the input, by ONNX's definition of Resize."""
    x = np.arange(new, dtype=np.float64)
    half = (x + 0.5) / scale - 0.5
    known = {
        "align_corners": x * (old - 1) / max(new - 1, 1),
        "asymmetric": x / scale,
        "half_pixel": half,
        "pytorch_half_pixel": half if new > 1 else x * 0,
    }
    if where not in known:
        raise Declined(f"places by {where}, which zoo does not write")
    spots = known[where]
    rounded = {
        "ceil": np.ceil(spots),
        "floor": np.floor(spots),
        "round_prefer_ceil": np.floor(spots + 0.5),
        "round_prefer_floor": np.ceil(spots - 0.5),
    }
    places: np.ndarray = np.clip(rounded[mode], 0, old - 1)
    return places


_IMAGE = ((2, 4, 6, 5),)


def _ints(name: str, *numbers: int) -> str:
    return f"{name} = Constant<value_ints = [{', '.join(map(str, numbers))}]>()\n"


WRITE = (
    Write(resize, ("Resize",), neutral=("cubic_coeff_a", "nearest_mode"), samples=(
        Sample("nearest", 's = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>()\nout0 = Resize<mode = "nearest", '
               'coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(in0, , s)', _IMAGE),
        Sample("nearest, by other factors", "s = Constant<value_floats = [1.0, 1.0, 1.5, 0.7]>()\n"
               'out0 = Resize<mode = "nearest">(in0, , s)', _IMAGE),
        Sample("nearest of one axis, to a size", f"{_ints('s', 9)}out0 = Resize<mode = \"nearest\", axes = [2], "
               'nearest_mode = "ceil", coordinate_transformation_mode = "align_corners">(in0, , , s)', ((2, 4, 6),)),
        Sample("linear", f"{_ints('s', 9, 7)}out0 = Resize<mode = \"linear\", axes = [2, 3], "
               'coordinate_transformation_mode = "align_corners">(in0, , , s)', _IMAGE),
        Sample("linear, half pixels", f"{_ints('s', 9, 7)}out0 = Resize<mode = \"linear\", axes = [2, 3]>(in0, , , s)",
               _IMAGE),
    )),
)  # fmt: skip
