"""MobileNet v2 and v3, from torchvision's mobilenetv2.py, mobilenetv3.py and ops/misc.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value


def divisible(value: float, divisor: int = 8) -> int:
    """The nearest multiple, but never less than 90 % of the value (torchvision _utils.py:_make_divisible)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * value else rounded + divisor


def unit(  # noqa: PLR0913 - a convolution has that many numbers
    net: Network, x: Value, name: str, out: int, kernel: int, stride: int = 1, *, groups: int = 1,
    activation: str | None, eps: float = 1e-5,
) -> Value:  # fmt: skip
    """Builds torchvision's Conv2dNormActivation: `name.0`, `name.1`, and `name.2` where there is an activation."""
    x = net.norm(net.conv(x, f"{name}.0", out, kernel, stride, groups=groups), f"{name}.1", eps)
    return x if activation is None else net.add(activation, f"{name}.2", x)


def squeeze(net: Network, x: Value, name: str, squeezed: int, activation: str, gate: str) -> Value:
    """Builds torchvision's SqueezeExcitation: a factor a channel, computed from the channels' means."""
    scale = net.conv(net.adaptive(x, f"{name}.avgpool"), f"{name}.fc1", squeezed, 1, bias=True)
    scale = net.conv(net.add(activation, f"{name}.activation", scale), f"{name}.fc2", x.channels, 1, bias=True)
    return net.add("mul", f"{name}.mul", net.add(gate, f"{name}.scale_activation", scale), x)


def mobilenet_v2(net: Network) -> None:
    """Inverted residuals of (expansion, channels, repeats, stride), ReLU6."""
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    x = unit(net, net.input("x", ("N", 3, 224, 224)), "features.0", 32, 3, 2, activation="ReLU6")
    number = 0
    for expansion, out, repeats, first_stride in plan:
        for repeat in range(repeats):
            number += 1
            x = _inverted(net, x, f"features.{number}", out, expansion, 1 if repeat else first_stride)
    x = unit(net, x, "features.18", 1280, 1, activation="ReLU6")
    x = net.add("Dropout", "classifier.0", net.flatten(net.adaptive(x, "avgpool")))
    net.head(x, "classifier.1")


def _inverted(net: Network, x: Value, name: str, out: int, expansion: int, stride: int) -> Value:
    y, position = x, 0
    hidden = x.channels * expansion
    if expansion != 1:
        y = unit(net, y, f"{name}.conv.0", hidden, 1, activation="ReLU6")
        position = 1
    y = unit(net, y, f"{name}.conv.{position}", hidden, 3, stride, groups=hidden, activation="ReLU6")
    y = net.norm(net.conv(y, f"{name}.conv.{position + 1}", out, 1), f"{name}.conv.{position + 2}")
    return net.add("add", f"{name}.add", x, y) if stride == 1 and x.channels == out else y


_RE, _HS = "ReLU", "Hardswish"
_LARGE = (
    (3, 16, 16, False, _RE, 1), (3, 64, 24, False, _RE, 2), (3, 72, 24, False, _RE, 1), (5, 72, 40, True, _RE, 2),
    (5, 120, 40, True, _RE, 1), (5, 120, 40, True, _RE, 1), (3, 240, 80, False, _HS, 2), (3, 200, 80, False, _HS, 1),
    (3, 184, 80, False, _HS, 1), (3, 184, 80, False, _HS, 1), (3, 480, 112, True, _HS, 1),
    (3, 672, 112, True, _HS, 1), (5, 672, 160, True, _HS, 2), (5, 960, 160, True, _HS, 1), (5, 960, 160, True, _HS, 1),
)  # fmt: skip
_SMALL = (
    (3, 16, 16, True, _RE, 2), (3, 72, 24, False, _RE, 2), (3, 88, 24, False, _RE, 1), (5, 96, 40, True, _HS, 2),
    (5, 240, 40, True, _HS, 1), (5, 240, 40, True, _HS, 1), (5, 120, 48, True, _HS, 1), (5, 144, 48, True, _HS, 1),
    (5, 288, 96, True, _HS, 2), (5, 576, 96, True, _HS, 1), (5, 576, 96, True, _HS, 1),
)  # fmt: skip
_EPS = 0.001  # mobilenetv3.py: norm_layer = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


def mobilenet_v3(net: Network, plan: tuple[tuple[int, int, int, bool, str, int], ...], last: int) -> None:
    """Blocks of (kernel, expanded, out, squeeze-and-excitation, activation, stride)."""
    x = unit(net, net.input("x", ("N", 3, 224, 224)), "features.0", 16, 3, 2, activation=_HS, eps=_EPS)
    for number, block in enumerate(plan, 1):
        x = _block(net, x, f"features.{number}.block", block)
    x = unit(net, x, f"features.{len(plan) + 1}", 6 * x.channels, 1, activation=_HS, eps=_EPS)
    x = net.linear(net.flatten(net.adaptive(x, "avgpool")), "classifier.0", last)
    net.head(net.add("Dropout", "classifier.2", net.add(_HS, "classifier.1", x)), "classifier.3")


def _block(net: Network, x: Value, name: str, plan: tuple[int, int, int, bool, str, int]) -> Value:
    kernel, expanded, out, squeezes, activation, stride = plan
    y, position = x, 0
    if expanded != x.channels:
        y = unit(net, y, f"{name}.0", expanded, 1, activation=activation, eps=_EPS)
        position = 1
    y = unit(net, y, f"{name}.{position}", expanded, kernel, stride, groups=expanded, activation=activation, eps=_EPS)
    if squeezes:
        position += 1
        y = squeeze(net, y, f"{name}.{position}", divisible(expanded // 4), "ReLU", "Hardsigmoid")
    y = unit(net, y, f"{name}.{position + 1}", out, 1, activation=None, eps=_EPS)
    return net.add("add", f"{name}.add", y, x) if stride == 1 and x.channels == out else y


ARCHITECTURES = {
    "mobilenet_v2": Architecture(mobilenet_v2, "features.18.0.weight"),
    "mobilenet_v3_large": Architecture(partial(mobilenet_v3, plan=_LARGE, last=1280), "features.16.0.weight"),
    "mobilenet_v3_small": Architecture(partial(mobilenet_v3, plan=_SMALL, last=1024), "features.12.0.weight"),
}
