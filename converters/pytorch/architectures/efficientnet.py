"""EfficientNet B0 to B7 and V2, from torchvision's efficientnet.py."""

from __future__ import annotations

import math
from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.architectures.mobilenet import divisible, squeeze, unit
from converters.pytorch.network import Network, Value

Stage = tuple[bool, int, int, int, int, int]
"""(fused, expansion, kernel, stride, channels, repeats)."""

_B = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
      (6, 3, 1, 320, 1))  # fmt: skip
_S = ((True, 1, 3, 1, 24, 2), (True, 4, 3, 2, 48, 4), (True, 4, 3, 2, 64, 4), (False, 4, 3, 2, 128, 6),
      (False, 6, 3, 1, 160, 9), (False, 6, 3, 2, 256, 15))  # fmt: skip
_M = ((True, 1, 3, 1, 24, 3), (True, 4, 3, 2, 48, 5), (True, 4, 3, 2, 80, 5), (False, 4, 3, 2, 160, 7),
      (False, 6, 3, 1, 176, 14), (False, 6, 3, 2, 304, 18), (False, 6, 3, 1, 512, 5))  # fmt: skip
_L = ((True, 1, 3, 1, 32, 4), (True, 4, 3, 2, 64, 7), (True, 4, 3, 2, 96, 7), (False, 4, 3, 2, 192, 10),
      (False, 6, 3, 1, 224, 19), (False, 6, 3, 2, 384, 25), (False, 6, 3, 1, 640, 7))  # fmt: skip


def _scaled(width: float, depth: float) -> tuple[Stage, ...]:
    return tuple(
        (False, expansion, kernel, stride, divisible(out * width), math.ceil(repeats * depth))
        for expansion, kernel, stride, out, repeats in _B
    )


def efficientnet(
    net: Network, stages: tuple[Stage, ...], first: int, last: int | None = None, *, size: int, eps: float = 1e-5
) -> None:
    """A convolution, stages of inverted residuals with squeeze-and-excitation (fused ones without), SiLU."""
    x = unit(net, net.input("x", ("N", 3, size, size)), "features.0", first, 3, 2, activation="SiLU", eps=eps)
    for number, (fused, expansion, kernel, first_stride, out, repeats) in enumerate(stages, 1):
        build = _fused if fused else _mbconv
        for repeat in range(repeats):
            name, stride = f"features.{number}.{repeat}", 1 if repeat else first_stride
            y = build(net, x, f"{name}.block", out, expansion * x.channels, kernel, stride, eps)
            if stride == 1 and x.channels == out:
                y = net.add("add", f"{name}.add", net.add("StochasticDepth", f"{name}.stochastic_depth", y), x)
            x = y
    x = unit(net, x, f"features.{len(stages) + 1}", last or 4 * x.channels, 1, activation="SiLU", eps=eps)
    x = net.add("Dropout", "classifier.0", net.flatten(net.adaptive(x, "avgpool")))
    net.head(x, "classifier.1")


def _mbconv(net: Network, x: Value, name: str, out: int, expanded: int, kernel: int, stride: int, eps: float) -> Value:
    y, position = x, 0
    if expanded != x.channels:
        y = unit(net, y, f"{name}.0", expanded, 1, activation="SiLU", eps=eps)
        position = 1
    y = unit(net, y, f"{name}.{position}", expanded, kernel, stride, groups=expanded, activation="SiLU", eps=eps)
    y = squeeze(net, y, f"{name}.{position + 1}", max(1, x.channels // 4), "SiLU", "Sigmoid")
    return unit(net, y, f"{name}.{position + 2}", out, 1, activation=None, eps=eps)


def _fused(net: Network, x: Value, name: str, out: int, expanded: int, kernel: int, stride: int, eps: float) -> Value:
    if expanded == x.channels:
        return unit(net, x, f"{name}.0", out, kernel, stride, activation="SiLU", eps=eps)
    y = unit(net, x, f"{name}.0", expanded, kernel, stride, activation="SiLU", eps=eps)
    return unit(net, y, f"{name}.1", out, 1, activation=None, eps=eps)


_FAMILY = {  # name: width, depth, the size that its weights want (efficientnet.py, crop_size), eps
    "efficientnet_b0": (1.0, 1.0, 224, 1e-5), "efficientnet_b1": (1.0, 1.1, 240, 1e-5),
    "efficientnet_b2": (1.1, 1.2, 288, 1e-5), "efficientnet_b3": (1.2, 1.4, 300, 1e-5),
    "efficientnet_b4": (1.4, 1.8, 380, 1e-5), "efficientnet_b5": (1.6, 2.2, 456, 1e-3),
    "efficientnet_b6": (1.8, 2.6, 528, 1e-3), "efficientnet_b7": (2.0, 3.1, 600, 1e-3),
}  # fmt: skip
_MARKER = "features.1.0.block.0.0.weight"

ARCHITECTURES = {
    name: Architecture(
        partial(efficientnet, stages=_scaled(width, depth), first=divisible(32 * width), size=size, eps=eps), _MARKER
    )
    for name, (width, depth, size, eps) in _FAMILY.items()
}
for _name, _stages, _first, _size in (("s", _S, 24, 384), ("m", _M, 24, 480), ("l", _L, 32, 480)):
    ARCHITECTURES[f"efficientnet_v2_{_name}"] = Architecture(
        partial(efficientnet, stages=_stages, first=_first, last=1280, size=_size, eps=1e-3), _MARKER
    )
