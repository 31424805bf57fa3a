"""MNASNet B1, from torchvision's mnasnet.py (version 2 of its layout)."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.architectures.mobilenet import divisible
from converters.pytorch.network import Network, Value

_DEPTHS = (32, 16, 24, 40, 80, 96, 192, 320)
_STACKS = ((3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1))
"""(kernel, stride, expansion, repeats) of each stack."""


def mnasnet(net: Network, alpha: float, *, fixed_stem: bool = False) -> None:
    """`fixed_stem`: version 1 of the layout, whose first convolutions have 32 and 16 channels for every alpha."""
    depths = [divisible(depth * alpha) for depth in _DEPTHS]
    if fixed_stem:
        depths[:2] = _DEPTHS[:2]
    x = _unit(net, net.input("x", ("N", 3, 224, 224)), 0, depths[0], 3, 2)
    x = _unit(net, x, 3, depths[0], 3, groups=depths[0])
    x = net.norm(net.conv(x, "layers.6", depths[1], 1), "layers.7")
    for number, (kernel, stride, expansion, repeats) in enumerate(_STACKS):
        for repeat in range(repeats):
            name = f"layers.{number + 8}.{repeat}"
            x = _inverted(net, x, name, depths[number + 2], kernel, 1 if repeat else stride, expansion)
    x = _unit(net, x, 14, 1280, 1)
    x = net.add("Dropout", "classifier.0", net.flatten(net.adaptive(x, "mean")))
    net.head(x, "classifier.1")


def _unit(net: Network, x: Value, position: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> Value:
    x = net.conv(x, f"layers.{position}", out, kernel, stride, groups=groups)
    return net.add("ReLU", f"layers.{position + 2}", net.norm(x, f"layers.{position + 1}"))


def _inverted(net: Network, x: Value, name: str, out: int, kernel: int, stride: int, expansion: int) -> Value:
    hidden = x.channels * expansion
    y = net.norm(net.conv(x, f"{name}.layers.0", hidden, 1), f"{name}.layers.1")
    y = net.conv(net.add("ReLU", f"{name}.layers.2", y), f"{name}.layers.3", hidden, kernel, stride, groups=hidden)
    y = net.add("ReLU", f"{name}.layers.5", net.norm(y, f"{name}.layers.4"))
    y = net.norm(net.conv(y, f"{name}.layers.6", out, 1), f"{name}.layers.7")
    return net.add("add", f"{name}.add", y, x) if stride == 1 and x.channels == out else y


_MARKER = "layers.13.0.layers.7.running_var"

ARCHITECTURES = {
    "mnasnet0_5": Architecture(partial(mnasnet, alpha=0.5), _MARKER),
    "mnasnet0_75": Architecture(partial(mnasnet, alpha=0.75), _MARKER),
    "mnasnet1_0": Architecture(partial(mnasnet, alpha=1.0), _MARKER),
    "mnasnet1_3": Architecture(partial(mnasnet, alpha=1.3), _MARKER),
    "mnasnet0_5_v1": Architecture(partial(mnasnet, alpha=0.5, fixed_stem=True), _MARKER),
}
