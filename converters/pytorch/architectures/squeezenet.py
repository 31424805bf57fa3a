"""SqueezeNet 1.0 and 1.1, from torchvision's squeezenet.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_POOL = 0
_1_0 = ((96, 7), (16, 16, 32, _POOL, 32, 48, 48, 64, _POOL, 64))
_1_1 = ((64, 3), (16, 16, _POOL, 32, 32, _POOL, 48, 48, 64, 64))


def squeezenet(net: Network, stem: tuple[int, int], plan: tuple[int, ...]) -> None:
    """Fire modules of so many squeezed channels, four times as many on each side after; 0 pools, rounding up."""
    x = net.input("x", ("N", 3, 224, 224))
    x = net.add("ReLU", "features.1", net.conv(x, "features.0", stem[0], stem[1], 2, 0, bias=True))
    x = net.max_pool(x, "features.2", 3, 2, ceil=True)
    for position, squeezed in enumerate(plan, 3):
        name = f"features.{position}"
        x = net.max_pool(x, name, 3, 2, ceil=True) if squeezed == _POOL else _fire(net, x, name, squeezed)
    x = net.add("Dropout", "classifier.0", x)
    x = net.conv(x, "classifier.1", net.classes("classifier.1"), 1, bias=True)
    x = net.adaptive(net.add("ReLU", "classifier.2", x), "classifier.3")
    net.output(net.flatten(x), "logits")


def _fire(net: Network, x: Value, name: str, squeezed: int) -> Value:
    x = net.add("ReLU", f"{name}.squeeze_activation", net.conv(x, f"{name}.squeeze", squeezed, 1, bias=True))
    sides = [
        net.add("ReLU", f"{name}.{side}_activation", net.conv(x, f"{name}.{side}", 4 * squeezed, kernel, bias=True))
        for side, kernel in (("expand1x1", 1), ("expand3x3", 3))
    ]
    return net.cat(f"{name}.cat", sides)


_MARKER = "features.3.squeeze.weight"

ARCHITECTURES = {
    "squeezenet1_0": Architecture(partial(squeezenet, stem=_1_0[0], plan=_1_0[1]), _MARKER),
    "squeezenet1_1": Architecture(partial(squeezenet, stem=_1_1[0], plan=_1_1[1]), _MARKER),
}
