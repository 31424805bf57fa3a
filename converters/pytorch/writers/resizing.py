"""Resize, and Upsample that was before it."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import listed, short, tupled
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row

_LINEAR = {3: "linear", 4: "bilinear", 5: "trilinear"}
_TORCH_CUBIC = -0.75
_SAME_NEAREST = {
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("pytorch_half_pixel", "round_prefer_floor"),
}
"""With whole factors all of these pick the element that torch picks."""
_SAME_LINEAR = {"half_pixel", "pytorch_half_pixel", "align_corners"}
_COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
)  # fmt: skip
_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_POLICIES = ("stretch", "not_larger", "not_smaller")


def _choice(node: Node, name: str, known: tuple[str, ...], default: str) -> str:
    value = node.attrs.text(name) if name in node.attrs else default
    if (value or default) not in known:
        raise Refused(f"its {name} is {value!r}")
    return value or default


def _resize(node: Node, code: Code) -> str:
    old = node.since < 11  # Resize-10: (x, scales), and no other coordinates than these
    coordinates = "asymmetric" if old else _choice(node, "coordinate_transformation_mode", _COORDINATES, "half_pixel")
    rounding = "floor" if old else _choice(node, "nearest_mode", _ROUNDINGS, "round_prefer_floor")
    mode = _choice(node, "mode", ("nearest", "linear", "cubic"), "nearest")
    at_scales, at_sizes = (1, None) if old else (2, 3)
    scales = node.numbers(at_scales) if node.has(at_scales) else None
    by_scales = node.has(at_scales) and (scales is None or scales.size > 0)
    exclude = not old and node.attrs.flag("exclude_outside")
    antialias = "antialias" in node.attrs and node.attrs.flag("antialias")
    policy = _choice(node, "keep_aspect_ratio_policy", _POLICIES, "stretch")
    named = tuple(node.attrs.integers("axes")) if "axes" in node.attrs else ()
    rank = node.known_rank(0)
    axes = tuple(axis % rank for axis in named) or tuple(range(rank))
    a = node.attrs.number("cubic_coeff_a") if not old else -0.75
    outside = node.attrs.number("extrapolation_value") if not old else 0.0
    if not (exclude or antialias) and policy == "stretch":
        factors = None if scales is None or not by_scales else [float(scale) for scale in scales]
        plain = _interpolated(node, axes, factors, at_sizes, (mode, coordinates, rounding), a)
        if plain is not None:
            return plain
    if by_scales:
        factors_text = listed([repr(float(scale)) for scale in scales]) if scales is not None else (
            f"{code.function('floats')}({node.arg(at_scales)})"
        )  # fmt: skip
        sizes = "None"
    else:
        factors_text, sizes = "None", node.ints(at_sizes or 0)
    roi = "None"
    if coordinates == "tf_crop_and_resize":
        roi = f"{code.function('floats')}({node.arg(1)})"
    options = (
        f'"{mode}", "{coordinates}", "{rounding}", {short(a)}, {exclude}, {antialias}, {short(outside)}, "{policy}"'
    )
    return f"{code.function('resize')}({node.arg(0)}, {listed(axes)}, {factors_text}, {sizes}, {roi}, {options})"


def _interpolated(
    node: Node,
    axes: tuple[int, ...],
    factors: list[float] | None,
    at_sizes: int | None,
    how: tuple[str, str, str],
    a: float,
) -> str | None:
    """F.interpolate where it does exactly the same."""
    mode, coordinates, rounding = how
    rank = node.known_rank(0)
    if rank not in _LINEAR or node.is_integer(0) or (mode == "cubic" and (rank != 4 or a != _TORCH_CUBIC)):
        return None
    nearest = mode == "nearest"
    if (coordinates, rounding) not in _SAME_NEAREST if nearest else coordinates not in _SAME_LINEAR:
        return None
    size = _factors(rank, axes, factors) if factors is not None else None
    if factors is None and at_sizes is not None and node.has(at_sizes) and not nearest:
        size = _sizes(node, rank, axes, at_sizes)
    if size is None:
        return None
    if nearest:
        return f"F.interpolate({node.inline()}, {size})"
    word = "bicubic" if mode == "cubic" else _LINEAR[rank]
    corners = ", align_corners=True" if coordinates == "align_corners" else ""
    return f'F.interpolate({node.inline()}, {size}, mode="{word}"{corners})'


def _factors(rank: int, axes: tuple[int, ...], factors: list[float]) -> str | None:
    """The argument for whole factors of the spatial axes."""
    by_axis = dict(zip(axes, factors, strict=True))
    spatial = [by_axis.get(axis, 1.0) for axis in range(2, rank)]
    if [by_axis.get(axis, 1.0) for axis in range(2)] != [1.0, 1.0]:
        return None
    if any(factor != int(factor) or factor < 1 for factor in spatial):
        return None
    return f"scale_factor={tupled([int(factor) for factor in spatial])}"


def _sizes(node: Node, rank: int, axes: tuple[int, ...], at: int) -> str | None:
    """The argument for sizes of the spatial axes that Python holds."""
    held, shape = node.host(at), node.shape(0)
    if held is None or shape is None or axes not in (tuple(range(rank)), tuple(range(2, rank))):
        return None
    if len(axes) == rank and not _kept(held.items[:2], shape[:2], node.arg(0)):
        return None
    return f"size={listed(held.items[-(rank - 2) :])}"


def _kept(items: tuple[int | str, ...], shape: tuple[int | str | None, ...], x: str) -> bool:
    """Whether the first two sizes are those of the input."""
    return all(item in (size, f"{x}.shape[{axis}]") for axis, (item, size) in enumerate(zip(items, shape, strict=True)))


def _upsample(node: Node, code: Code) -> str:
    mode = _choice(node, "mode", ("nearest", "linear", "bilinear"), "nearest")
    mode = "linear" if mode == "bilinear" else mode
    rank = node.known_rank(0)
    if "scales" in node.attrs:
        factors: list[float] | None = [float(scale) for scale in node.attrs.numbers("scales")]
    else:
        scales = node.numbers(1)
        factors = None if scales is None else [float(scale) for scale in scales]
    axes = tuple(range(rank))
    plain = _interpolated(node, axes, factors, None, (mode, "asymmetric", "floor"), -0.75) if factors else None
    if plain is not None:
        return plain
    text = listed(factors) if factors is not None else f"{code.function('floats')}({node.arg(1)})"
    options = f'"{mode}", "asymmetric", "floor", -0.75, False, False, 0.0, "stretch"'
    return f"{code.function('resize')}({node.arg(0)}, {listed(axes)}, {text}, None, None, {options})"


WRITE = {
    "Resize": Row(_resize),
    "Upsample": Row(_upsample, since=7),
}
