"""ShuffleNet v2, from torchvision's shufflenetv2.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_REPEATS = (4, 8, 4)


def shufflenet(net: Network, channels: tuple[int, int, int, int]) -> None:
    """Three stages of units that work on half of the channels and then shuffle both halves."""
    x = _unit(net, net.input("x", ("N", 3, 224, 224)), "conv1", 24, 3, 2)
    x = net.max_pool(x, "maxpool", 3, 2, 1)
    for stage, repeats in enumerate(_REPEATS):
        for repeat in range(repeats):
            name = f"stage{stage + 2}.{repeat}"
            x = _plain(net, x, name) if repeat else _reducing(net, x, name, channels[stage])
    x = _unit(net, x, "conv5", channels[3], 1)
    net.head(net.flatten(net.adaptive(x, "mean")), "fc")


def _unit(net: Network, x: Value, name: str, out: int, kernel: int, stride: int = 1) -> Value:
    return net.add("ReLU", f"{name}.2", net.norm(net.conv(x, f"{name}.0", out, kernel, stride), f"{name}.1"))


def _reducing(net: Network, x: Value, name: str, out: int) -> Value:
    left = net.conv(x, f"{name}.branch1.0", x.channels, 3, 2, groups=x.channels)
    left = net.conv(net.norm(left, f"{name}.branch1.1"), f"{name}.branch1.2", out // 2, 1)
    left = net.add("ReLU", f"{name}.branch1.4", net.norm(left, f"{name}.branch1.3"))
    return _joined(net, name, left, _branch(net, x, f"{name}.branch2", out // 2, 2))


def _plain(net: Network, x: Value, name: str) -> Value:
    left, right = net.chunk(x, f"{name}.chunk")
    return _joined(net, name, left, _branch(net, right, f"{name}.branch2", right.channels, 1))


def _branch(net: Network, x: Value, name: str, out: int, stride: int) -> Value:
    x = _unit(net, x, name, out, 1)
    x = net.norm(net.conv(x, f"{name}.3", out, 3, stride, groups=out), f"{name}.4")
    return net.add("ReLU", f"{name}.7", net.norm(net.conv(x, f"{name}.5", out, 1), f"{name}.6"))


def _joined(net: Network, name: str, left: Value, right: Value) -> Value:
    return net.add("ChannelShuffle", f"{name}.shuffle", net.cat(f"{name}.cat", [left, right]), groups=2)


_WIDTHS = {
    "shufflenet_v2_x0_5": (48, 96, 192, 1024), "shufflenet_v2_x1_0": (116, 232, 464, 1024),
    "shufflenet_v2_x1_5": (176, 352, 704, 1024), "shufflenet_v2_x2_0": (244, 488, 976, 2048),
}  # fmt: skip

ARCHITECTURES = {
    name: Architecture(partial(shufflenet, channels=channels), "stage4.3.branch2.6.weight")
    for name, channels in _WIDTHS.items()
}
