"""GoogLeNet with batch normalisation, from torchvision's googlenet.py (its 5 x 5 branch has a 3 x 3 kernel)."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value

_AUX = "an auxiliary classifier that only training uses"
_PLAN = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "maxpool3": (3,),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128), "maxpool4": (2,),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def transformed(net: Network, x: Value, name: str, *, transform: bool) -> Value:
    """The input as the network's first training wanted it, from ImageNet's mean and deviation (googlenet.py:326)."""
    if not transform:
        return x
    net.notes.append(
        f"the input is transformed as torchvision does for pretrained weights (transform_input=True); for weights "
        f"that were trained without: --arch {name}_untransformed"
    )
    factors = tuple(std / 0.5 for std in (0.229, 0.224, 0.225))
    shifts = tuple((mean - 0.5) / 0.5 for mean in (0.485, 0.456, 0.406))
    return net.add("TransformInput", "transform_input", x, factors=factors, shifts=shifts)


def basic(net: Network, x: Value, name: str, out: int, kernel: int | tuple[int, int], stride: int = 1, *,
          padding: int | None = None) -> Value:  # fmt: skip
    """Convolution, batch normalisation with eps 0.001, ReLU."""
    x = net.norm(net.conv(x, f"{name}.conv", out, kernel, stride, padding), f"{name}.bn", 0.001)
    return net.add("ReLU", f"{name}.relu", x)


def googlenet(net: Network, *, transform: bool) -> None:
    """Nine inception modules behind three convolutions; pooling rounds up."""
    x = transformed(net, net.input("x", ("N", 3, 224, 224)), "googlenet", transform=transform)
    x = net.max_pool(basic(net, x, "conv1", 64, 7, 2), "maxpool1", 3, 2, ceil=True)
    x = basic(net, basic(net, x, "conv2", 64, 1), "conv3", 192, 3)
    x = net.max_pool(x, "maxpool2", 3, 2, ceil=True)
    for name, plan in _PLAN.items():
        if len(plan) == 1:
            x = net.max_pool(x, name, plan[0], 2, ceil=True)
        else:
            x = _inception(net, x, f"inception{name}", plan)
    net.drop("aux1.", _AUX)
    net.drop("aux2.", _AUX)
    x = net.add("Dropout", "dropout", net.flatten(net.adaptive(x, "avgpool")))
    net.head(x, "fc")


def _inception(net: Network, x: Value, name: str, plan: tuple[int, ...]) -> Value:
    ones, reduced3, three, reduced5, five, pooled = plan
    branches = [basic(net, x, f"{name}.branch1", ones, 1)]
    for branch, reduced, out in (("branch2", reduced3, three), ("branch3", reduced5, five)):
        inner = basic(net, x, f"{name}.{branch}.0", reduced, 1)
        branches.append(basic(net, inner, f"{name}.{branch}.1", out, 3))
    pool = net.max_pool(x, f"{name}.branch4.0", 3, 1, 1, ceil=True)
    branches.append(basic(net, pool, f"{name}.branch4.1", pooled, 1))
    return net.cat(f"{name}.cat", branches)


_MARKER = "inception5b.branch4.1.conv.weight"

ARCHITECTURES = {
    "googlenet": Architecture(partial(googlenet, transform=True), _MARKER),
    "googlenet_untransformed": Architecture(partial(googlenet, transform=False), _MARKER, implied=False),
}
