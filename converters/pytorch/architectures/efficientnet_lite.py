"""EfficientNet-Lite0, from efficientnet-lite-pytorch 0.1.0: ReLU6, no squeeze-and-excitation, TensorFlow's padding."""

from __future__ import annotations

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
           (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))  # fmt: skip
"""(expansion, kernel, stride, channels, repeats)."""
_SIZE, _EPS = 224, 1e-3


def efficientnet_lite0(net: Network) -> None:
    """Inverted residuals; the padding is that of 224 x 224, whatever the input's size is (Conv2dStaticSamePadding)."""
    x = net.input("inputs", ("N", 3, _SIZE, _SIZE))
    x = _unit(net, _same(net, x, "_conv_stem", 32, 3, 2, _SIZE, groups=1), "_bn0")
    size, number = _SIZE // 2, 0
    for expansion, kernel, first_stride, out, repeats in _STAGES:
        for repeat in range(repeats):
            stride = 1 if repeat else first_stride
            x = _block(net, x, f"_blocks.{number}", (expansion, kernel, stride, out), size)
            size, number = -(-size // stride), number + 1
    x = _unit(net, net.conv(x, "_conv_head", 1280, 1), "_bn1")
    x = net.add("Dropout", "_dropout", net.flatten(net.adaptive(x, "_avg_pooling")))
    net.head(x, "_fc")


def _unit(net: Network, x: Value, name: str) -> Value:
    return net.add("ReLU6", f"{name}.relu6", net.norm(x, name, _EPS))


def _block(net: Network, x: Value, name: str, plan: tuple[int, int, int, int], size: int) -> Value:
    expansion, kernel, stride, out = plan
    y, hidden = x, x.channels * expansion
    if expansion != 1:
        y = _unit(net, net.conv(y, f"{name}._expand_conv", hidden, 1), f"{name}._bn0")
    y = _unit(
        net, _same(net, y, f"{name}._depthwise_conv", hidden, kernel, stride, size, groups=hidden), f"{name}._bn1"
    )
    y = net.norm(net.conv(y, f"{name}._project_conv", out, 1), f"{name}._bn2", _EPS)
    return net.add("add", f"{name}.add", y, x) if stride == 1 and x.channels == out else y


def _same(net: Network, x: Value, name: str, out: int, kernel: int, stride: int, size: int, *, groups: int) -> Value:
    """Padding so that `size` becomes ceil(size / stride), the odd one behind (utils.py:262)."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, behind = total // 2, total - total // 2
    if total:
        x = net.add("ZeroPad2d", f"{name}.static_padding", x, padding=(before, behind, before, behind))
    return net.conv(x, name, out, kernel, stride, 0, groups=groups)


ARCHITECTURES = {"efficientnet-lite0": Architecture(efficientnet_lite0, "_blocks.15._project_conv.weight")}
