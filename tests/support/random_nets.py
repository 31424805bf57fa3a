"""Random Caffe networks: odd sizes, strides, pads, dilations and groups, with weights and inputs, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from caffe_files import write_caffemodel

Shape = tuple[int, ...]


@dataclass
class RandomNet:
    """A chain of layers with a few branches; `shapes` are Caffe's own, computed here and not by the converter."""

    seed: int
    rng: np.random.Generator = field(init=False)
    text: str = ""
    weights: dict[str, list[np.ndarray]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    last: str = "data"
    read: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        shape = (self.pick(1, 3), self.pick(1, 6), self.pick(5, 17), self.pick(5, 17))
        self.shapes["data"] = shape
        self.text = f'input: "data" input_shape {{ {" ".join(f"dim: {dim}" for dim in shape)} }}\n'
        for _ in range(self.pick(2, 6)):
            IMAGE[self.pick(0, len(IMAGE) - 1)](self)
        if self.pick(0, 1):
            END[self.pick(0, len(END) - 1)](self)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.shapes if name not in self.read and name != "data")

    @property
    def kinds(self) -> str:
        return " ".join(line.split('type: "')[1].split('"')[0] for line in self.text.splitlines() if "type:" in line)

    def pick(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def inputs(self) -> dict[str, np.ndarray]:
        return {"data": self.rng.uniform(-2, 2, self.shapes["data"]).astype(np.float32)}

    def write(self, folder: Path) -> dict[str, Path]:
        graph = folder / f"net{self.seed}.prototxt"
        graph.write_text(self.text)
        if not self.weights:
            return {"graph": graph}
        return {"graph": graph, "weights": write_caffemodel(folder / f"net{self.seed}.caffemodel", self.weights)}

    def add(self, kind: str, shape: Shape, param: str = "", bottoms: tuple[str, ...] = (), tops: int = 1) -> str:
        """A layer on top of `last` (or `bottoms`); its first top becomes `last`."""
        name = f"l{len(self.shapes)}"
        bottoms = bottoms or (self.last,)
        self.read.update(bottoms)
        made = [name if number == 0 else f"{name}_{number}" for number in range(tops)]
        self.shapes.update(dict.fromkeys(made, shape))
        wires = "".join(f' bottom: "{blob}"' for blob in bottoms) + "".join(f' top: "{blob}"' for blob in made)
        self.text += f'layer {{ name: "{name}" type: "{kind}"{wires} {param} }}\n'
        self.last = name
        return name

    def learned(self, name: str, *shapes: Shape, positive: tuple[int, ...] = ()) -> None:
        values = [self.rng.standard_normal(shape).astype(np.float32) * np.float32(0.3) for shape in shapes]
        for position in positive:
            values[position] = np.abs(values[position]) + np.float32(0.5)
        self.weights[name] = values


def convolution(net: RandomNet) -> None:
    n, c, *sizes = net.shapes[net.last]
    group = net.pick(1, c)
    group = group if c % group == 0 else 1
    out = group * net.pick(1, 3)
    dilation, kernel, stride, pad = (
        [net.pick(*limits) for _ in range(2)] for limits in ((1, 2), (1, 3), (1, 3), (0, 2))
    )
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    after = [(s + 2 * p - e) // t + 1 for s, p, e, t in zip(sizes, pad, extent, stride, strict=True)]
    if min(after) < 1 or any(s + 2 * p < e for s, p, e in zip(sizes, pad, extent, strict=True)):
        return relu(net)
    bias = net.pick(0, 1)
    lists = (("dilation", dilation), ("kernel_size", kernel), ("stride", stride), ("pad", pad))
    numbers = " ".join(f"{name}: {value}" for name, values in lists for value in values)
    param = (
        f"convolution_param {{ num_output: {out} group: {group} bias_term: {'true' if bias else 'false'} {numbers} }}"
    )
    name = net.add("Convolution", (n, out, *after), param)
    net.learned(name, (out, c // group, *kernel), *[(out,)] * bias)
    return None


def deconvolution(net: RandomNet) -> None:
    n, c, *sizes = net.shapes[net.last]
    group = c if net.pick(0, 1) else 1
    out = group * net.pick(1, 2)
    kernel, stride, pad = ([net.pick(*limits) for _ in range(2)] for limits in ((1, 4), (1, 2), (0, 1)))
    after = [t * (s - 1) + k - 2 * p for s, p, k, t in zip(sizes, pad, kernel, stride, strict=True)]
    if min(after) < 1 or max(after) > 40:
        return relu(net)
    pairs = (("kernel", kernel), ("stride", stride), ("pad", pad))
    numbers = " ".join(f"{name}_h: {values[0]} {name}_w: {values[1]}" for name, values in pairs)
    name = net.add(
        "Deconvolution", (n, out, *after), f"convolution_param {{ num_output: {out} group: {group} {numbers} }}"
    )
    net.learned(name, (c, out // group, *kernel), (out,))
    return None


def pooling(net: RandomNet) -> None:
    n, c, *sizes = net.shapes[net.last]
    kernel, stride = ([net.pick(1, 4) for _ in range(2)] for _ in range(2))
    stride = [min(s, k + 1) for s, k in zip(stride, kernel, strict=True)]
    pad = [net.pick(0, k - 1) for k in kernel]
    if any(s + 2 * p < k for s, p, k in zip(sizes, pad, kernel, strict=True)):
        return relu(net)
    after = [-(-(s + 2 * p - k) // t) + 1 for s, p, k, t in zip(sizes, pad, kernel, stride, strict=True)]
    if any(pad):
        after = [a - ((a - 1) * t >= s + p) for a, s, p, t in zip(after, sizes, pad, stride, strict=True)]
    if any((a - 1) * t - p >= s for a, s, p, t in zip(after, sizes, pad, stride, strict=True)):
        return relu(net)  # Caffe itself computes no value there
    method = ("MAX", "AVE")[net.pick(0, 1)]
    pairs = (("kernel", kernel), ("stride", stride), ("pad", pad))
    numbers = " ".join(f"{name}_h: {values[0]} {name}_w: {values[1]}" for name, values in pairs)
    net.add("Pooling", (n, c, *after), f"pooling_param {{ pool: {method} {numbers} }}")
    return None


def relu(net: RandomNet) -> None:
    slope = ("", "relu_param { negative_slope: 0.2 }")[net.pick(0, 1)]
    net.add("ReLU", net.shapes[net.last], slope)


def smooth(net: RandomNet) -> None:
    kind = ("Sigmoid", "TanH", "ELU", "BNLL", "Swish", "AbsVal")[net.pick(0, 5)]
    net.add(kind, net.shapes[net.last])


def prelu(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    net.learned(net.add("PReLU", shape), (shape[1],))


def lrn(net: RandomNet) -> None:
    region = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")[net.pick(0, 1)]
    size = 2 * net.pick(0, 2) + 1
    net.add("LRN", net.shapes[net.last], f"lrn_param {{ local_size: {size} alpha: 0.3 norm_region: {region} }}")


def batch_norm(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    c = (shape[1],)
    net.learned(net.add("BatchNorm", shape), c, c, (1,), positive=(1, 2))
    net.learned(net.add("Scale", shape, "scale_param { bias_term: true }"), c, c)


def power(net: RandomNet) -> None:
    net.add("Power", net.shapes[net.last], f"power_param {{ power: {net.pick(1, 2)} scale: 0.5 shift: -0.25 }}")


def mvn(net: RandomNet) -> None:
    across = ("true", "false")[net.pick(0, 1)]
    if min(np.prod(net.shapes[net.last][2:]), 9) < 9:
        return relu(net)  # the deviation of a handful of equal values is rounding alone
    net.add("MVN", net.shapes[net.last], f"mvn_param {{ across_channels: {across} }}")
    return None


def eltwise(net: RandomNet) -> None:
    shape, one = net.shapes[net.last], net.last
    other = net.add("TanH", shape)
    operation = ("SUM coeff: 0.5 coeff: -1", "SUM", "PROD", "MAX")[net.pick(0, 3)]
    net.add("Eltwise", shape, f"eltwise_param {{ operation: {operation} }}", (one, other))


def concat(net: RandomNet) -> None:
    shape, one = net.shapes[net.last], net.last
    other = net.add("Sigmoid", shape)
    axis = net.pick(1, 3)
    after = tuple(2 * dim if place == axis else dim for place, dim in enumerate(shape))
    net.add("Concat", after, f"concat_param {{ axis: {axis} }}", (one, other))


def slice_(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    axis = next((axis for axis in (2, 3, 1) if shape[axis] % 2 == 0), None)
    if axis is None:
        return relu(net)
    after = tuple(dim // 2 if place == axis else dim for place, dim in enumerate(shape))
    net.add("Slice", after, f"slice_param {{ axis: {axis} }}", tops=2)
    return None


def permute(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    order = [0, *(1 + int(axis) for axis in net.rng.permutation(3))]
    param = " ".join(f"order: {axis}" for axis in order)
    net.add("Permute", tuple(shape[axis] for axis in order), f"permute_param {{ {param} }}")


def inner_product(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    out, inner = net.pick(1, 9), int(np.prod(shape[1:]))
    name = net.add("InnerProduct", (shape[0], out), f"inner_product_param {{ num_output: {out} }}")
    net.learned(name, (out, inner), (out,))
    softmax(net)


def softmax(net: RandomNet) -> None:
    net.add("Softmax", net.shapes[net.last])


def flatten(net: RandomNet) -> None:
    shape = net.shapes[net.last]
    net.add("Flatten", (shape[0], int(np.prod(shape[1:]))))


def reduction(net: RandomNet) -> None:
    axis = net.pick(1, 3)
    operation = ("SUM", "ASUM", "SUMSQ", "MEAN")[net.pick(0, 3)]
    shape = net.shapes[net.last][:axis]
    net.add("Reduction", shape, f"reduction_param {{ axis: {axis} operation: {operation} coeff: 0.5 }}")


Step = Callable[[RandomNet], None]
IMAGE: tuple[Step, ...] = (
    convolution, convolution, convolution, deconvolution, pooling, pooling, pooling, relu, smooth, prelu, lrn,
    batch_norm, power, mvn, eltwise, concat, slice_, permute,
)  # fmt: skip
END: tuple[Step, ...] = (inner_product, softmax, flatten, reduction)
