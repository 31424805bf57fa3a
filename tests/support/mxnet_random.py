"""Random symbols: small image networks with branches, joints and a head, in MXNet's own notation."""

from __future__ import annotations

import mxnet_files as files
import numpy as np

Shape = tuple[int, ...]


class Builder:
    """Nodes and arrays of a network under construction; every node is added with its output's shape."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[dict[str, object]] = [files.variable("data")]
        self.arrays: dict[str, np.ndarray] = {}
        self.shapes: dict[int, Shape] = {
            0: tuple(int(self.rng.integers(*span)) for span in ((1, 4), (1, 5), (5, 12), (5, 12)))
        }

    def pick(self, *choices: object) -> object:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def weight(self, name: str, shape: Shape, *, positive: bool = False, auxiliary: bool = False) -> int:
        values = self.rng.standard_normal(shape) / max(np.prod(shape[1:]), 1) ** 0.5
        values = np.abs(values) + 0.5 if positive else values
        self.arrays[f"{'aux' if auxiliary else 'arg'}:{name}"] = values.astype(np.float32)
        self.nodes.append(files.variable(name))
        return len(self.nodes) - 1

    def add(self, op: str, inputs: list[object], result: Shape, **attrs: object) -> int:
        name = f"{op.strip('_').lower()}{len(self.nodes)}"
        self.nodes.append(files.node(op, name, inputs, **{key: str(value) for key, value in attrs.items()}))
        self.shapes[len(self.nodes) - 1] = result
        return len(self.nodes) - 1


def convolution(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    kernel = (b.number(1, min(h, 4) + 1), b.number(1, min(w, 4) + 1))
    stride, pad = (b.number(1, 3), b.number(1, 3)), (b.number(0, 2), b.number(0, 2))
    group = int(b.pick(*[size for size in range(1, c + 1) if c % size == 0]))  # type: ignore[call-overload]
    filters = group * b.number(1, 4)
    operands = [at, b.weight(f"w{len(b.nodes)}", (filters, c // group, *kernel))]
    bias = bool(b.pick(True, False))
    if bias:
        operands.append(b.weight(f"w{len(b.nodes)}", (filters,)))
    size = tuple((old + 2 * p - k) // s + 1 for old, k, s, p in zip((h, w), kernel, stride, pad, strict=True))
    window = {"kernel": kernel, "stride": stride, "pad": pad}
    return b.add(
        "Convolution", operands, (n, filters, *size), **window, num_filter=filters, num_group=group, no_bias=not bias
    )


def deconvolution(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    kernel, stride = (b.number(2, 4), b.number(2, 4)), (b.number(1, 3), b.number(1, 3))
    pad = tuple(b.number(0, size) for size in kernel)
    filters = b.number(1, 4)
    size = tuple((old - 1) * s + k - 2 * p for old, k, s, p in zip((h, w), kernel, stride, pad, strict=True))
    if min(size) < 2 or max(size) > 30:
        return at
    weight = b.weight(f"w{len(b.nodes)}", (c, filters, *kernel))
    return b.add(
        "Deconvolution", [at, weight], (n, filters, *size), kernel=kernel, stride=stride, pad=pad, num_filter=filters
    )


def pooling(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    kernel = (b.number(1, min(h, 4) + 1), b.number(1, min(w, 4) + 1))
    stride, pad = (b.number(1, 4), b.number(1, 4)), tuple(b.number(0, size) for size in kernel)
    convention = b.pick("valid", "full")
    room = [old + 2 * p - k for old, p, k in zip((h, w), pad, kernel, strict=True)]
    size = tuple((-(-r // s) if convention == "full" else r // s) + 1 for r, s in zip(room, stride, strict=True))
    last = [(count - 1) * s - p for count, s, p in zip(size, stride, pad, strict=True)]
    if any(start >= old for start, old in zip(last, (h, w), strict=True)) or any(
        p * 2 > k for p, k in zip(pad, kernel, strict=True)
    ):
        return at
    if b.nodes[at]["op"] == "Pad" and min(kernel) < 3:
        return at  # onnxruntime 1.31 merges a Pad into a pooling, and then refuses what pads as much as its kernel
    return b.add("Pooling", [at], (n, c, *size), kernel=kernel, stride=stride, pad=pad, pooling_convention=convention,
                 pool_type=b.pick("max", "avg", "sum"), count_include_pad=b.pick(True, False))  # fmt: skip


def batch_norm(b: Builder, at: int) -> int:
    channels = (b.shapes[at][1],)
    names = [f"bn{len(b.nodes)}_{role}" for role in ("gamma", "beta", "mean", "var")]
    made = [b.weight(name, channels, positive=place == 3, auxiliary=place > 1) for place, name in enumerate(names)]
    return b.add("BatchNorm", [at, *made], b.shapes[at], fix_gamma=b.pick(True, False), eps=b.pick("1e-3", "2e-5"))


def activation(b: Builder, at: int) -> int:
    if b.pick(True, False):
        return b.add(
            "Activation", [at], b.shapes[at], act_type=b.pick("relu", "sigmoid", "tanh", "softrelu", "softsign")
        )
    kind = b.pick("leaky", "elu", "selu", "prelu", "gelu")
    slopes = [b.weight(f"s{len(b.nodes)}", (b.shapes[at][1],))] if kind == "prelu" else []
    return b.add("LeakyReLU", [at, *slopes], b.shapes[at], act_type=kind, slope=b.pick("0.1", "0.3"))


def scalar(b: Builder, at: int) -> int:
    op = b.pick("_plus_scalar", "_minus_scalar", "_rminus_scalar", "_mul_scalar", "_div_scalar", "_maximum_scalar",
                "_minimum_scalar", "_greater_scalar")  # fmt: skip
    return b.add(str(op), [at], b.shapes[at], scalar=b.pick("0.5", "1.5", "2.0"))


def branch(b: Builder, at: int) -> int:
    """Two ways that meet again in a sum or a concatenation."""
    left, right = activation(b, at), batch_norm(b, at)
    n, c, h, w = b.shapes[at]
    op = str(b.pick("elemwise_add", "elemwise_mul", "_Plus", "broadcast_maximum", "Concat"))
    if op == "Concat":
        return b.add("Concat", [left, right], (n, 2 * c, h, w), num_args=2, dim=1)
    return b.add(op, [left, right], b.shapes[at])


def moved(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    choice = b.number(0, 5)
    if choice == 0:
        return b.add("transpose", [at], (n, c, w, h), axes=(0, 1, 3, 2))
    if choice == 1:
        return b.add("Reshape", [at], (n, c * h, w, 1), shape="(0, -3, 0, 1)") if h * c < 20 else at
    if choice == 2:
        return b.add("slice_axis", [at], (n, c, h - 1, w), axis=2, begin=1, end="None") if h > 2 else at
    if choice == 3:
        return b.add(
            "Pad", [at], (n, c, h + 1, w + 2), mode=b.pick("constant", "edge"), pad_width=(0, 0, 0, 0, 1, 0, 0, 2)
        )
    return b.add("UpSampling", [at], (n, c, 2 * h, 2 * w), scale=2, sample_type="nearest", num_args=1) if h < 12 else at


def parted(b: Builder, at: int) -> int:
    """A split whose parts are joined in another order."""
    n, c, h, w = b.shapes[at]
    if c % 2:
        return at
    split = b.add("SliceChannel", [at], (n, c // 2, h, w), num_outputs=2, axis=1)
    return b.add("Concat", [(split, 1), (split, 0)], (n, c, h, w), num_args=2)


def normalised(b: Builder, at: int) -> int:
    choice = b.number(0, 3)
    if choice == 0:
        return b.add("L2Normalization", [at], b.shapes[at], mode=b.pick("instance", "channel", "spatial"), eps="0.001")
    if choice == 1:
        return b.add("LRN", [at], b.shapes[at], nsize=3, alpha="0.1")
    channels = (b.shapes[at][1],)
    pair = [b.weight(f"in{len(b.nodes)}_{role}", channels) for role in ("gamma", "beta")]
    return b.add("InstanceNorm", [at, *pair], b.shapes[at], eps="0.01")


STEPS = (
    convolution,
    convolution,
    deconvolution,
    pooling,
    batch_norm,
    activation,
    scalar,
    branch,
    moved,
    parted,
    normalised,
)


def head(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    choice = b.number(0, 4)
    if choice == 0:
        return b.add("mean", [at], (n, c), axis=(2, 3))
    if choice == 1:
        pooled = b.add("Pooling", [at], (n, c, 1, 1), global_pool=True, pool_type=b.pick("avg", "max"), kernel=(1, 1))
        return b.add("Flatten", [pooled], (n, c))
    if choice == 2:
        return at
    weight, bias = b.weight("fc_weight", (5, c * h * w)), b.weight("fc_bias", (5,))
    dense = b.add("FullyConnected", [at, weight, bias], (n, 5), num_hidden=5)
    b.nodes.append(files.variable("softmax_label"))
    return b.add("SoftmaxOutput", [dense, len(b.nodes) - 1], (n, 5))


def network(seed: int) -> tuple[str, dict[str, np.ndarray], np.ndarray]:
    """A symbol, its arrays and an input."""
    b = Builder(seed)
    at = 0
    for _ in range(b.number(2, 9)):
        step = STEPS[b.number(0, len(STEPS))]
        at = step(b, at)
        if np.prod(b.shapes[at]) > 20_000:
            break
    at = head(b, at)
    if at == 0:
        at = activation(b, at)
    x = b.rng.uniform(-1, 1, b.shapes[0]).astype(np.float32)
    return files.symbol(b.nodes, [at]), b.arrays, x
