"""RegNet X and Y, from torchvision's regnet.py: stages from four numbers, groups of a fixed width."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial

from converters.pytorch.architectures import Architecture
from converters.pytorch.architectures.mobilenet import divisible, squeeze, unit
from converters.pytorch.network import Network, Value


def stages(depth: int, first: int, slope: float, step: float, group: int) -> tuple[tuple[int, int, int], ...]:
    """(width, blocks, group width) of each stage: widths on a line, quantised (regnet.py, from_init_params)."""
    widths = Counter[int]()
    for block in range(depth):
        capacity = round(math.log((block * slope + first) / first) / math.log(step))
        widths[round(first * step**capacity / 8) * 8] += 1
    return tuple((divisible(width, min(group, width)), count, min(group, width)) for width, count in widths.items())


def regnet(net: Network, plan: tuple[int, float, float, int, int], *, squeezes: bool) -> None:
    """A convolution and stages of residual bottlenecks; those of Y have squeeze-and-excitation."""
    first, slope, step, depth, group = plan
    x = unit(net, net.input("x", ("N", 3, 224, 224)), "stem", 32, 3, 2, activation="ReLU")
    for stage, (width, count, group_width) in enumerate(stages(depth, first, slope, step, group), 1):
        for block in range(count):
            name = f"trunk_output.block{stage}.block{stage}-{block}"
            x = _block(net, x, name, width, 1 if block else 2, group_width, squeezes=squeezes)
    net.head(net.flatten(net.adaptive(x, "avgpool")), "fc")


def _block(net: Network, x: Value, name: str, out: int, stride: int, group: int, *, squeezes: bool) -> Value:
    y = unit(net, x, f"{name}.f.a", out, 1, activation="ReLU")
    y = unit(net, y, f"{name}.f.b", out, 3, stride, groups=out // group, activation="ReLU")
    if squeezes:
        y = squeeze(net, y, f"{name}.f.se", round(0.25 * x.channels), "ReLU", "Sigmoid")
    y = unit(net, y, f"{name}.f.c", out, 1, activation=None)
    if x.channels != out or stride != 1:
        x = unit(net, x, f"{name}.proj", out, 1, stride, activation=None)
    return net.add("ReLU", f"{name}.activation", net.add("add", f"{name}.add", x, y))


_Y = {
    "400mf": (48, 27.89, 2.09, 16, 8), "800mf": (56, 38.84, 2.4, 14, 16), "1_6gf": (48, 20.71, 2.65, 27, 24),
    "3_2gf": (80, 42.63, 2.66, 21, 24), "8gf": (192, 76.82, 2.19, 17, 56), "16gf": (200, 106.23, 2.48, 18, 112),
    "32gf": (232, 115.89, 2.53, 20, 232), "128gf": (456, 160.83, 2.52, 27, 264),
}  # fmt: skip
_X = {
    "400mf": (24, 24.48, 2.54, 22, 16), "800mf": (56, 35.73, 2.28, 16, 16), "1_6gf": (80, 34.01, 2.25, 18, 24),
    "3_2gf": (88, 26.31, 2.25, 25, 48), "8gf": (80, 49.56, 2.88, 23, 120), "16gf": (216, 55.59, 2.1, 22, 128),
    "32gf": (320, 69.86, 2.0, 23, 168),
}  # fmt: skip
_MARKER = "trunk_output.block4.block4-0.f.c.0.weight"

ARCHITECTURES = {
    f"regnet_{letter}_{name}": Architecture(partial(regnet, plan=plan, squeezes=letter == "y"), _MARKER)
    for letter, family in (("y", _Y), ("x", _X))
    for name, plan in family.items()
}
