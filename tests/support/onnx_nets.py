"""Random ONNX networks of operators that other formats can hold, as foreign exporters write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

LAYERS = 5
Shape = tuple[int, ...]


@dataclass
class Net:
    """A network under construction; every value's shape is known from ONNX's own inference."""

    rng: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: dict[str, Shape] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def weight(self, *shape: int, positive: bool = False) -> str:
        """A stored tensor that keeps values near 1."""
        fan = max(1, int(np.prod(shape[1:])))
        array = (self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)
        return self.store(np.abs(array) + np.float32(0.5) if positive else array)

    def store(self, array: np.ndarray) -> str:
        """A stored tensor with these numbers."""
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> list[str]:
        """A node; refuses (by ValueError) what ONNX's inference refuses, so that the caller can draw again."""
        names = [f"v{len(self.nodes)}_{position}" for position in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        try:
            inferred = onnx.shape_inference.infer_shapes(self.model(names), strict_mode=True, data_prop=True)
        except onnx.shape_inference.InferenceError as fault:
            self.nodes.pop()
            raise ValueError(op) from fault
        for value in inferred.graph.output:
            shape = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            if not shape or min(shape) < 1:
                self.nodes.pop()
                raise ValueError(op)
            self.shapes[value.name] = shape
        return names

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        """The network with these outputs."""
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info(name, 1, shape) for name, shape in self.inputs.items()],
            [helper.make_tensor_value_info(name, 1, None) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self.weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)

    def image(self, shape: Shape) -> bool:
        return len(shape) == 4


def random_net(seed: int) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A network of some layers and its inputs; the same for the same seed."""
    rng = np.random.default_rng(seed)
    net = Net(rng)
    shape = (net.number(1, 3), net.number(1, 6), net.number(5, 13), net.number(5, 13))
    net.inputs["x"] = net.shapes["x"] = shape
    value = "x"
    for _ in range(LAYERS):
        value = _grow(net, value)
    read = {name for node in net.nodes for name in node.input}
    ends = [name for name in net.shapes if name not in read]
    model = onnx.shape_inference.infer_shapes(net.model(ends))
    return model, {"x": rng.uniform(-2, 2, shape).astype(np.float32)}


def _grow(net: Net, value: str) -> str:
    """One more layer behind `value`; draws until one fits."""
    while True:
        grow = IMAGE if len(net.shapes[value]) == 4 and net.rng.random() < 0.9 else ANY
        layer = grow[net.number(0, len(grow) - 1)]
        before = len(net.nodes)
        try:
            return layer(net, value)
        except ValueError:
            for node in net.nodes[before:]:
                for name in node.output:
                    net.shapes.pop(name, None)
            del net.nodes[before:]


def _window(net: Net, dims: int = 2, kernel: int = 4) -> dict[str, list[int]]:
    sizes = [net.number(1, kernel) for _ in range(dims)]
    pads = [net.number(0, size - 1) for size in sizes * 2]
    if net.rng.random() < 0.5:
        pads = pads[:dims] * 2
    return {"kernel_shape": sizes, "strides": [net.number(1, 3) for _ in range(dims)], "pads": pads}


def _conv(net: Net, value: str) -> str:
    channels = net.shapes[value][1]
    group = [1, channels][net.number(0, 1)]
    out = group * net.number(1, 3)
    window = _window(net)
    dilations = [1, 1] if net.rng.random() < 0.7 else [net.number(1, 2), net.number(1, 2)]
    inputs = [value, net.weight(out, channels // group, *window["kernel_shape"])]
    inputs += [net.weight(out)] if net.rng.random() < 0.5 else []
    if net.rng.random() < 0.2:
        window.pop("pads")
        mode = ("SAME_UPPER", "SAME_LOWER", "VALID")[net.number(0, 2)]
        return net.add("Conv", *inputs, group=group, auto_pad=mode, **window)[0]
    return net.add("Conv", *inputs, group=group, dilations=dilations, **window)[0]


def _deconv(net: Net, value: str) -> str:
    channels = net.shapes[value][1]
    group = [1, channels][net.number(0, 1)]
    window = _window(net, kernel=3)
    extra = [net.number(0, stride - 1) for stride in window["strides"]]
    weight = net.weight(channels, net.number(1, 2), *window["kernel_shape"])
    return net.add("ConvTranspose", value, weight, group=group, output_padding=extra, **window)[0]


def _max_pool(net: Net, value: str) -> str:
    return net.add("MaxPool", value, ceil_mode=int(net.rng.random() < 0.3), **_window(net))[0]


def _average_pool(net: Net, value: str) -> str:
    return net.add("AveragePool", value, count_include_pad=net.number(0, 1), **_window(net))[0]


def _batch_norm(net: Net, value: str) -> str:
    channels = net.shapes[value][1]
    statistics = [net.weight(channels) for _ in range(3)] + [net.weight(channels, positive=True)]
    return net.add("BatchNormalization", value, *statistics, epsilon=1e-3)[0]


def _instance_norm(net: Net, value: str) -> str:
    channels = net.shapes[value][1]
    return net.add("InstanceNormalization", value, net.weight(channels), net.weight(channels), epsilon=1e-2)[0]


def _lrn(net: Net, value: str) -> str:
    return net.add("LRN", value, size=3, alpha=0.3, beta=0.6, bias=1.5)[0]


def _prelu(net: Net, value: str) -> str:
    return net.add("PRelu", value, net.weight(net.shapes[value][1], 1, 1))[0]


def _gate(net: Net, value: str) -> str:
    """Squeeze and excitation: a factor a channel, computed from the whole image."""
    (mean,) = net.add("GlobalAveragePool", value)
    (gate,) = net.add("Sigmoid", mean)
    return net.add(("Mul", "Add", "Sub")[net.number(0, 2)], value, gate)[0]


def _branch(net: Net, value: str) -> str:
    """Two activations of the same value, joined again."""
    left, right = (_activation(net, value) for _ in range(2))
    joint = ("Add", "Mul", "Sub", "Max", "Min", "Sum", "Mean", "Concat")[net.number(0, 7)]
    return net.add(joint, left, right, **({"axis": 1} if joint == "Concat" else {}))[0]


def _split(net: Net, value: str) -> str:
    if len(net.shapes[value]) < 2:
        raise ValueError("Split")
    axis = net.number(1, len(net.shapes[value]) - 1)
    size = net.shapes[value][axis]
    if size < 2:
        raise ValueError("Split")
    first = net.number(1, size - 1)
    parts = net.add("Split", value, net.store(np.array([first, size - first])), outputs=2, axis=axis)
    return parts[net.number(0, 1)]


def _slice(net: Net, value: str) -> str:
    axes = [axis for axis in range(1, len(net.shapes[value])) if net.rng.random() < 0.5]
    if not axes:
        raise ValueError("Slice")
    starts = [net.number(0, net.shapes[value][axis] - 1) for axis in axes]
    ends = [net.number(start + 1, net.shapes[value][axis]) for start, axis in zip(starts, axes, strict=True)]
    return net.add("Slice", value, *(net.store(np.array(numbers)) for numbers in (starts, ends, axes)))[0]


def _pad(net: Net, value: str) -> str:
    pads = [0, 0, net.number(0, 2), net.number(0, 2), 0, 0, net.number(0, 2), net.number(0, 2)]
    (padded,) = net.add("Pad", value, net.store(np.array(pads)))
    return _conv(net, padded) if net.rng.random() < 0.5 else padded


def _resize(net: Net, value: str) -> str:
    if max(net.shapes[value][2:]) > 20:
        raise ValueError("Resize")
    scales = net.store(np.array([1, 1, net.number(1, 3), net.number(1, 3)], np.float32))
    return net.add("Resize", value, "", scales, mode="nearest")[0]


_ACTIVATIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("Relu", {}), ("LeakyRelu", {"alpha": 0.2}), ("Sigmoid", {}), ("Tanh", {}), ("Abs", {}), ("Elu", {"alpha": 0.7}),
    ("Selu", {}), ("Softplus", {}), ("Neg", {}), ("Softsign", {}), ("Mish", {}), ("Celu", {"alpha": 0.6}),
)  # fmt: skip


def _activation(net: Net, value: str) -> str:
    op, attributes = _ACTIVATIONS[net.number(0, len(_ACTIVATIONS) - 1)]
    return net.add(op, value, **attributes)[0]


def _constant(net: Net, value: str) -> str:
    """Arithmetic with a stored operand that broadcasts over any axes, on either side."""
    shape = net.shapes[value]
    dims = [size if net.rng.random() < 0.5 else 1 for size in shape[1:]]
    op = ("Add", "Mul", "Sub", "Div")[net.number(0, 3)]
    operands = [value, net.weight(*dims, positive=op == "Div")]
    if op in ("Add", "Mul", "Sub") and net.rng.random() < 0.3:
        operands.reverse()
    return net.add(op, *operands)[0]


def _dense(net: Net, value: str) -> str:
    (rows,) = net.add("Flatten", value)
    count, out = net.shapes[rows][1], net.number(1, 8)
    if net.rng.random() < 0.5:
        return net.add("Gemm", rows, net.weight(out, count), net.weight(out), transB=1)[0]
    matrix = net.store((net.rng.standard_normal((count, out)) / np.sqrt(count)).astype(np.float32))
    (product,) = net.add("MatMul", rows, matrix)
    return net.add("Add", product, net.weight(out))[0]


def _softmax(net: Net, value: str) -> str:
    if len(net.shapes[value]) < 2:
        raise ValueError("Softmax")
    return net.add("Softmax", value, axis=net.number(1, len(net.shapes[value]) - 1))[0]


def _reshape(net: Net, value: str) -> str:
    batch = net.shapes[value][0]
    count = int(np.prod(net.shapes[value][1:]))
    divisors = [size for size in range(1, count + 1) if count % size == 0]
    return net.add("Reshape", value, net.store(np.array([batch, divisors[net.number(0, len(divisors) - 1)], -1])))[0]


def _mean(net: Net, value: str) -> str:
    rank = len(net.shapes[value])
    if rank < 2:
        raise ValueError("ReduceMean")
    start = net.number(max(1, rank - 2), rank - 1)
    op = ("ReduceMean", "ReduceSum", "ReduceL1", "ReduceSumSquare")[net.number(0, 3)]
    axes = net.store(np.array(list(range(start, rank))))
    (reduced,) = net.add(op, value, axes, keepdims=net.number(0, 1))
    return net.add("Tanh", reduced)[0]


Layer = Callable[[Net, str], str]
ANY: tuple[Layer, ...] = (_activation, _constant, _dense, _softmax, _reshape, _split, _slice, _branch, _mean)
IMAGE: tuple[Layer, ...] = (
    _conv, _conv, _conv, _deconv, _max_pool, _max_pool, _average_pool, _average_pool, _batch_norm, _instance_norm,
    _lrn, _prelu, _gate, _branch, _split, _slice, _pad, _resize, _activation, _constant, _reshape, _mean,
)  # fmt: skip
