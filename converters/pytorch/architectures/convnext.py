"""ConvNeXt, from torchvision's convnext.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_EPS = 1e-6
_LAST, _FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def convnext(net: Network, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    """Depthwise 7 x 7 convolutions and two Linears a block; LayerNorm over channels."""
    x = net.input("x", ("N", 3, 224, 224))
    x = _norm2d(net, net.conv(x, "features.0.0", widths[0], 4, 4, 0, bias=True), "features.0.1")
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        if stage:
            name = f"features.{2 * stage}"
            x = net.conv(_norm2d(net, x, f"{name}.0"), f"{name}.1", width, 2, 2, 0, bias=True)
        for block in range(count):
            x = _block(net, x, f"features.{2 * stage + 1}.{block}")
    x = net.flatten(_norm2d(net, net.adaptive(x, "avgpool"), "classifier.0"), "classifier.1")
    net.head(x, "classifier.2")


def _norm(net: Network, x: Value, name: str) -> Value:
    weights = {"weight": (x.channels,), "bias": (x.channels,)}
    return net.add("LayerNorm", name, x, weights=weights, normalized_shape=(x.channels,), eps=_EPS)


def _norm2d(net: Network, x: Value, name: str) -> Value:
    x = _norm(net, net.add("Permute", f"{name}.channels_last", x, dims=_LAST), name)
    return net.add("Permute", f"{name}.channels_first", x, dims=_FIRST)


def _block(net: Network, x: Value, name: str) -> Value:
    width = x.channels
    y = net.conv(x, f"{name}.block.0", width, 7, groups=width, bias=True)
    y = _norm(net, net.add("Permute", f"{name}.block.1", y, dims=_LAST), f"{name}.block.2")
    y = net.add("GELU", f"{name}.block.4", net.linear(y, f"{name}.block.3", 4 * width))
    y = net.add("Permute", f"{name}.block.6", net.linear(y, f"{name}.block.5", width), dims=_FIRST)
    y = net.add("LayerScale", name, y, weights={"layer_scale": (width, 1, 1)})
    return net.add("add", f"{name}.add", net.add("StochasticDepth", f"{name}.stochastic_depth", y), x)


_TINY, _SMALL = (3, 3, 9, 3), (3, 3, 27, 3)
_MARKER = "features.7.2.layer_scale"

ARCHITECTURES = {
    "convnext_tiny": Architecture(partial(convnext, widths=(96, 192, 384, 768), blocks=_TINY), _MARKER),
    "convnext_small": Architecture(partial(convnext, widths=(96, 192, 384, 768), blocks=_SMALL), _MARKER),
    "convnext_base": Architecture(partial(convnext, widths=(128, 256, 512, 1024), blocks=_SMALL), _MARKER),
    "convnext_large": Architecture(partial(convnext, widths=(192, 384, 768, 1536), blocks=_SMALL), _MARKER),
}
