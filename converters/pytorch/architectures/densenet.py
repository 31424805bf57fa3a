"""DenseNet-BC, from torchvision's densenet.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value


def densenet(net: Network, blocks: tuple[int, ...], *, growth: int = 32, first: int = 64) -> None:
    """Each layer sees all earlier ones of its block; between blocks channels, height and width are halved."""
    x = net.input("x", ("N", 3, 224, 224))
    x = net.norm(net.conv(x, "features.conv0", first, 7, 2), "features.norm0")
    x = net.max_pool(net.add("ReLU", "features.relu0", x), "features.pool0", 3, 2, 1)
    for number, count in enumerate(blocks, 1):
        block = f"features.denseblock{number}"
        seen = [x]
        for layer in range(1, count + 1):
            seen.append(_layer(net, seen, f"{block}.denselayer{layer}", growth))
        x = net.cat(f"{block}.cat", seen)
        if number < len(blocks):
            x = _transition(net, x, f"features.transition{number}")
    x = net.add("ReLU", "relu", net.norm(x, "features.norm5"))
    net.head(net.flatten(net.adaptive(x, "avgpool")), "classifier")


def _layer(net: Network, seen: list[Value], name: str, growth: int) -> Value:
    x = net.cat(f"{name}.cat", seen) if len(seen) > 1 else seen[0]
    x = net.conv(net.add("ReLU", f"{name}.relu1", net.norm(x, f"{name}.norm1")), f"{name}.conv1", 4 * growth, 1)
    return net.conv(net.add("ReLU", f"{name}.relu2", net.norm(x, f"{name}.norm2")), f"{name}.conv2", growth, 3)


def _transition(net: Network, x: Value, name: str) -> Value:
    x = net.add("ReLU", f"{name}.relu", net.norm(x, f"{name}.norm"))
    return net.avg_pool(net.conv(x, f"{name}.conv", x.channels // 2, 1), f"{name}.pool", 2, 2)


_MARKER = "features.denseblock4.denselayer16.conv2.weight"

ARCHITECTURES = {
    "densenet121": Architecture(partial(densenet, blocks=(6, 12, 24, 16)), _MARKER),
    "densenet161": Architecture(partial(densenet, blocks=(6, 12, 36, 24), growth=48, first=96), _MARKER),
    "densenet169": Architecture(partial(densenet, blocks=(6, 12, 32, 32)), _MARKER),
    "densenet201": Architecture(partial(densenet, blocks=(6, 12, 48, 32)), _MARKER),
}
