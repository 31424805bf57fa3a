"""Inception-v3, from torchvision's inception.py."""

from __future__ import annotations

from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.architectures.googlenet import basic, transformed
from converters.pytorch.network import Network, Value

Branch = tuple[tuple[str, int, int | tuple[int, int], int], ...]
"""(name, channels, kernel, stride) of the convolutions of a branch, one after another."""


def inception_v3(net: Network, *, transform: bool) -> None:
    """Convolutions that shrink 299 to 35, then modules A, B, C, D and E."""
    x = transformed(net, net.input("x", ("N", 3, 299, 299)), "inception_v3", transform=transform)
    x = basic(net, x, "Conv2d_1a_3x3", 32, 3, 2, padding=0)
    x = basic(net, x, "Conv2d_2a_3x3", 32, 3, padding=0)
    x = net.max_pool(basic(net, x, "Conv2d_2b_3x3", 64, 3), "maxpool1", 3, 2)
    x = basic(net, basic(net, x, "Conv2d_3b_1x1", 80, 1), "Conv2d_4a_3x3", 192, 3, padding=0)
    x = net.max_pool(x, "maxpool2", 3, 2)
    for letter, pooled in (("b", 32), ("c", 64), ("d", 64)):
        x = _a(net, x, f"Mixed_5{letter}", pooled)
    x = _reduction(net, x, "Mixed_6a", (
        (("branch3x3", 384, 3, 2),),
        (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 2)),
    ))  # fmt: skip
    for letter, width in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
        x = _c(net, x, f"Mixed_6{letter}", width)
    net.drop("AuxLogits.", "an auxiliary classifier that only training uses")
    x = _reduction(net, x, "Mixed_7a", (
        (("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2)),
        (("branch7x7x3_1", 192, 1, 1), ("branch7x7x3_2", 192, (1, 7), 1), ("branch7x7x3_3", 192, (7, 1), 1),
         ("branch7x7x3_4", 192, 3, 2)),
    ))  # fmt: skip
    x = _e(net, _e(net, x, "Mixed_7b"), "Mixed_7c")
    x = net.flatten(net.add("Dropout", "dropout", net.adaptive(x, "avgpool")))
    net.head(x, "fc")


def _chain(net: Network, x: Value, name: str, branch: Branch) -> Value:
    for part, out, kernel, stride in branch:
        x = basic(net, x, f"{name}.{part}", out, kernel, stride, padding=0 if stride == 2 else None)
    return x


def _pooled(net: Network, x: Value, name: str, out: int) -> Value:
    return basic(net, net.avg_pool(x, f"{name}.avg_pool", 3, 1, 1), f"{name}.branch_pool", out, 1)


def _reduction(net: Network, x: Value, name: str, branches: tuple[Branch, ...]) -> Value:
    """Modules B and D: branches that end with stride 2, beside a max pooling."""
    made = [_chain(net, x, name, branch) for branch in branches]
    return net.cat(f"{name}.cat", [*made, net.max_pool(x, f"{name}.max_pool", 3, 2)])


def _a(net: Network, x: Value, name: str, pooled: int) -> Value:
    branches: tuple[Branch, ...] = (
        (("branch1x1", 64, 1, 1),),
        (("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1)),
        (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 1)),
    )
    made = [_chain(net, x, name, branch) for branch in branches]
    return net.cat(f"{name}.cat", [*made, _pooled(net, x, name, pooled)])


def _c(net: Network, x: Value, name: str, width: int) -> Value:
    row, column = (1, 7), (7, 1)
    branches: tuple[Branch, ...] = (
        (("branch1x1", 192, 1, 1),),
        (("branch7x7_1", width, 1, 1), ("branch7x7_2", width, row, 1), ("branch7x7_3", 192, column, 1)),
        (
            ("branch7x7dbl_1", width, 1, 1), ("branch7x7dbl_2", width, column, 1), ("branch7x7dbl_3", width, row, 1),
            ("branch7x7dbl_4", width, column, 1), ("branch7x7dbl_5", 192, row, 1),
        ),
    )  # fmt: skip
    made = [_chain(net, x, name, branch) for branch in branches]
    return net.cat(f"{name}.cat", [*made, _pooled(net, x, name, 192)])


def _e(net: Network, x: Value, name: str) -> Value:
    three = _chain(net, x, name, (("branch3x3_1", 384, 1, 1),))
    double = _chain(net, x, name, (("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 1)))
    made = [
        basic(net, x, f"{name}.branch1x1", 320, 1),
        _split(net, three, f"{name}.branch3x3_2"),
        _split(net, double, f"{name}.branch3x3dbl_3"),
        _pooled(net, x, name, 192),
    ]
    return net.cat(f"{name}.cat", made)


def _split(net: Network, x: Value, name: str) -> Value:
    """A row and a column side by side."""
    return net.cat(f"{name}.cat", [basic(net, x, f"{name}a", 384, (1, 3)), basic(net, x, f"{name}b", 384, (3, 1))])


_MARKER = "Mixed_7c.branch_pool.conv.weight"

ARCHITECTURES = {
    "inception_v3": Architecture(partial(inception_v3, transform=True), _MARKER),
    "inception_v3_untransformed": Architecture(partial(inception_v3, transform=False), _MARKER, implied=False),
}
