"""ResNet, ResNeXt and Wide ResNet, from torchvision's resnet.py: the stride is in the 3 x 3 convolution."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value


def resnet(net: Network, blocks: tuple[int, ...], *, expansion: int = 4, groups: int = 1, width: int = 64) -> None:
    """Four stages; `expansion` 1 means blocks of two 3 x 3 convolutions, 4 bottlenecks of width * groups / 64."""
    x = net.input("x", ("N", 3, 224, 224))
    x = net.add("ReLU", "relu", net.norm(net.conv(x, "conv1", 64, 7, 2), "bn1"))
    x = net.max_pool(x, "maxpool", 3, 2, 1)
    for stage, count in enumerate(blocks):
        planes = 64 << stage
        for block in range(count):
            stride = 2 if stage and not block else 1
            name = f"layer{stage + 1}.{block}"
            out = planes * expansion
            inner = _basic(net, x, name, planes, stride) if expansion == 1 else _bottleneck(
                net, x, name, (planes * width // 64 * groups, out), stride, groups
            )  # fmt: skip
            if stride != 1 or x.channels != out:
                x = net.norm(net.conv(x, f"{name}.downsample.0", out, 1, stride), f"{name}.downsample.1")
            x = net.add("ReLU", f"{name}.relu", net.add("add", f"{name}.add", inner, x))
    net.head(net.flatten(net.adaptive(x, "avgpool")), "fc")


def _basic(net: Network, x: Value, name: str, planes: int, stride: int) -> Value:
    x = net.add("ReLU", f"{name}.relu.1", net.norm(net.conv(x, f"{name}.conv1", planes, 3, stride), f"{name}.bn1"))
    return net.norm(net.conv(x, f"{name}.conv2", planes, 3), f"{name}.bn2")


def _bottleneck(net: Network, x: Value, name: str, planes: tuple[int, int], stride: int, groups: int) -> Value:
    middle, out = planes
    x = net.add("ReLU", f"{name}.relu.1", net.norm(net.conv(x, f"{name}.conv1", middle, 1), f"{name}.bn1"))
    x = net.conv(x, f"{name}.conv2", middle, 3, stride, groups=groups)
    x = net.add("ReLU", f"{name}.relu.2", net.norm(x, f"{name}.bn2"))
    return net.norm(net.conv(x, f"{name}.conv3", out, 1), f"{name}.bn3")


_50, _101 = (3, 4, 6, 3), (3, 4, 23, 3)
_MARKER = "layer4.1.bn2.running_var"

ARCHITECTURES = {
    name: Architecture(build, _MARKER)
    for name, build in {
        "resnet18": partial(resnet, blocks=(2, 2, 2, 2), expansion=1),
        "resnet34": partial(resnet, blocks=_50, expansion=1),
        "resnet50": partial(resnet, blocks=_50),
        "resnet101": partial(resnet, blocks=_101),
        "resnet152": partial(resnet, blocks=(3, 8, 36, 3)),
        "resnext50_32x4d": partial(resnet, blocks=_50, groups=32, width=4),
        "resnext101_32x8d": partial(resnet, blocks=_101, groups=32, width=8),
        "resnext101_64x4d": partial(resnet, blocks=_101, groups=64, width=4),
        "wide_resnet50_2": partial(resnet, blocks=_50, width=128),
        "wide_resnet101_2": partial(resnet, blocks=_101, width=128),
    }.items()
}
