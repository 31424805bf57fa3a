"""AlexNet and VGG, from torchvision's alexnet.py and vgg.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_POOL = 0
_A = (64, _POOL, 128, _POOL, 256, 256, _POOL, 512, 512, _POOL, 512, 512, _POOL)
_B = (64, 64, _POOL, 128, 128, _POOL, 256, 256, _POOL, 512, 512, _POOL, 512, 512, _POOL)
_D = (64, 64, _POOL, 128, 128, _POOL, 256, 256, 256, _POOL, 512, 512, 512, _POOL, 512, 512, 512, _POOL)
_E = (64, 64, _POOL, 128, 128, _POOL, *[256] * 4, _POOL, *[512] * 4, _POOL, *[512] * 4, _POOL)


def vgg(net: Network, plan: tuple[int, ...], *, norm: bool) -> None:
    """3 x 3 convolutions, each with a ReLU; numbers are channels, 0 halves height and width."""
    x, position = net.input("x", ("N", 3, 224, 224)), 0
    for channels in plan:
        if channels == _POOL:
            x = net.max_pool(x, f"features.{position}", 2, 2)
            position += 1
            continue
        x = net.conv(x, f"features.{position}", channels, 3, bias=True)
        if norm:
            position += 1
            x = net.norm(x, f"features.{position}")
        x = net.add("ReLU", f"features.{position + 1}", x)
        position += 2
    x = net.flatten(net.adaptive(x, "avgpool", 7), area=49)
    for position, out in ((0, 4096), (3, 4096)):
        x = net.linear(x, f"classifier.{position}", out)
        x = net.add("ReLU", f"classifier.{position + 1}", x)
        x = net.add("Dropout", f"classifier.{position + 2}", x)
    net.head(x, "classifier.6")


def alexnet(net: Network) -> None:
    """The one-tower variant: 64, 192, 384, 256, 256 channels, no LRN, no groups."""
    x = net.input("x", ("N", 3, 224, 224))
    x = _convolution(net, x, 0, 64, 11, 4, 2)
    x = _convolution(net, net.max_pool(x, "features.2", 3, 2), 3, 192, 5, 1, 2)
    x = _convolution(net, net.max_pool(x, "features.5", 3, 2), 6, 384, 3, 1, 1)
    x = _convolution(net, x, 8, 256, 3, 1, 1)
    x = _convolution(net, x, 10, 256, 3, 1, 1)
    x = net.flatten(net.adaptive(net.max_pool(x, "features.12", 3, 2), "avgpool", 6), area=36)
    for position in (1, 4):
        x = net.add("Dropout", f"classifier.{position - 1}", x)
        x = net.add("ReLU", f"classifier.{position + 1}", net.linear(x, f"classifier.{position}", 4096))
    net.head(x, "classifier.6")


def _convolution(net: Network, x: Value, position: int, out: int, kernel: int, stride: int, padding: int) -> Value:
    x = net.conv(x, f"features.{position}", out, kernel, stride, padding, bias=True)
    return net.add("ReLU", f"features.{position + 1}", x)


ARCHITECTURES = {"alexnet": Architecture(alexnet, "features.10.weight")}
for _name, _plan in (("vgg11", _A), ("vgg13", _B), ("vgg16", _D), ("vgg19", _E)):
    ARCHITECTURES[_name] = Architecture(partial(vgg, plan=_plan, norm=False), "classifier.6.weight")
    ARCHITECTURES[f"{_name}_bn"] = Architecture(partial(vgg, plan=_plan, norm=True), "features.1.running_mean")
