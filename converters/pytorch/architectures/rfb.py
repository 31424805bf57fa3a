"""RFB-320, the Ultra-Light face detector, as its ONNX file without postprocessing has it: raw boxes, no priors."""

from __future__ import annotations

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_EARLIER = {1: (32, 1), 2: (32, 2), 3: (32, 1), 4: (64, 2), 5: (64, 1), 6: (64, 1)}
_LATER = {8: (128, 2), 9: (128, 1), 10: (128, 1), 11: (256, 2), 12: (256, 1)}
"""Position in base_net -> (channels, stride) of a depthwise and a pointwise convolution."""
_BOXES = (3, 2, 2, 3)
_BRANCHES = ((8, 16, 16), (8, 16, 16), (8, 12, 16, 16))
_DILATIONS = (2, 3, 5)


def rfb320(net: Network) -> None:
    """A narrow MobileNet with one RFB module, and heads at strides 8, 16, 32 and 64."""
    x = _norm_relu(net, net.conv(net.input("input", ("N", 3, 240, 320)), "base_net.0.0", 16, 3, 2), "base_net.0.1")
    for position, (out, stride) in _EARLIER.items():
        x = _separable(net, x, f"base_net.{position}", out, stride)
    x = _module(net, x, "base_net.7")
    heads = [x]
    for position, (out, stride) in _LATER.items():
        x = _separable(net, x, f"base_net.{position}", out, stride)
        if position in (10, 12):
            heads.append(x)
    x = net.add("ReLU", "extras.0.1", net.conv(x, "extras.0.0", 64, 1, bias=True))
    x = net.add("ReLU", "extras.0.2.1", net.conv(x, "extras.0.2.0", 64, 3, 2, groups=64, bias=True))
    x = net.add("ReLU", "extras.0.3", net.conv(x, "extras.0.2.2", 256, 1, bias=True))
    heads.append(x)
    scores = _head(net, heads, "classification_headers", 2)
    net.output(net.add("Softmax", "softmax", scores, dim=2), "scores")
    net.output(_head(net, heads, "regression_headers", 4), "boxes")


def _norm_relu(net: Network, x: Value, name: str) -> Value:
    return net.add("ReLU", f"{name}.relu", net.norm(x, name))


def _separable(net: Network, x: Value, name: str, out: int, stride: int) -> Value:
    x = _norm_relu(net, net.conv(x, f"{name}.0", x.channels, 3, stride, groups=x.channels), f"{name}.1")
    return _norm_relu(net, net.conv(x, f"{name}.3", out, 1), f"{name}.4")


def _module(net: Network, x: Value, name: str) -> Value:
    """Branches of growing dilation, joined, beside a shortcut."""
    joined = net.cat(f"{name}.cat", [
        _branch(net, x, f"{name}.branch{number}", plan, _DILATIONS[number]) for number, plan in enumerate(_BRANCHES)
    ])  # fmt: skip
    y = net.norm(net.conv(joined, f"{name}.ConvLinear.conv", 64, 1), f"{name}.ConvLinear.bn")
    short = net.norm(net.conv(x, f"{name}.shortcut.conv", 64, 1), f"{name}.shortcut.bn")
    return net.add("ReLU", f"{name}.relu", net.add("add", f"{name}.add", y, short))


def _branch(net: Network, x: Value, name: str, plan: tuple[int, ...], dilation: int) -> Value:
    """A 1 x 1 without activation, 3 x 3 with, and a dilated one without."""
    last = len(plan) - 1
    for position, out in enumerate(plan):
        spread = dilation if position == last else 1
        x = net.conv(x, f"{name}.{position}.conv", out, 3 if position else 1, dilation=spread)
        x = net.norm(x, f"{name}.{position}.bn")
        if 0 < position < last:
            x = net.add("ReLU", f"{name}.{position}.relu", x)
    return x


def _head(net: Network, maps: list[Value], name: str, width: int) -> Value:
    """`width` numbers for each box of each map, one box after another."""
    rows = []
    for number, (x, boxes) in enumerate(zip(maps, _BOXES, strict=True)):
        part = f"{name}.{number}"
        if number < 3:
            y = net.add("ReLU", f"{part}.1", net.conv(x, f"{part}.0", x.channels, 3, groups=x.channels, bias=True))
            y = net.conv(y, f"{part}.2", boxes * width, 1, bias=True)
        else:
            y = net.conv(x, part, boxes * width, 3, bias=True)
        y = net.add("Permute", f"{part}.permute", y, dims=(0, 2, 3, 1))
        rows.append(net.add("Rows", f"{part}.rows", y, width=width))
    return net.cat(f"{name}.cat", rows)


ARCHITECTURES = {"rfb320": Architecture(rfb320, "base_net.7.branch2.3.conv.weight")}
