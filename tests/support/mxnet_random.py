"""Random symbols: small image networks with branches, joints and a head, in MXNet's own notation."""

from __future__ import annotations

import mxnet_files as files
import mxnet_random_steps
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


CURVES = (
    "abs", "arctan", "arcsinh", "cbrt", "ceil", "cos", "erf", "exp", "expm1", "fix", "floor", "negative", "relu",
    "rint", "round", "sigmoid", "sign", "sin", "softsign", "square", "tanh", "trunc", "_copy", "BlockGrad",
    "zeros_like", "ones_like", "hard_sigmoid", "degrees", "radians", "smooth_l1",
)  # fmt: skip
PAIRS = (
    "elemwise_sub", "elemwise_mul", "_maximum", "_minimum", "_hypot", "_equal", "_not_equal", "_greater",
    "_greater_equal", "_lesser", "_lesser_equal", "_logical_and", "_logical_or", "_logical_xor", "broadcast_add",
    "broadcast_sub", "broadcast_mul", "broadcast_minimum", "broadcast_hypot", "broadcast_equal",
    "broadcast_greater", "broadcast_lesser", "broadcast_logical_or", "add_n",
)  # fmt: skip
NUMBERS = ("_hypot_scalar", "_equal_scalar", "_not_equal_scalar", "_greater_equal_scalar", "_lesser_scalar",
           "_lesser_equal_scalar", "_logical_and_scalar", "_logical_or_scalar", "_logical_xor_scalar",
           "_mod_scalar")  # fmt: skip
"""Functions that are steep or step only where their argument is drawn by chance are left in: a difference of rounding
at such a place would show as one of size 1, and is told from a fault by its seed."""


def curve(b: Builder, at: int) -> int:
    """A function of one value; what grows fast is fed numbers between -1 and 1."""
    op = str(b.pick(*CURVES))
    more = {"scalar": 1.0} if op == "smooth_l1" else {}
    if op in ("exp", "expm1", "square", "degrees"):
        at = b.add("tanh", [at], b.shapes[at])
    if op in ("ceil", "fix", "floor", "rint", "round", "sign", "trunc"):
        at = b.add("_plus_scalar", [at], b.shapes[at], scalar="0.0371")  # off the places where sums of nothing lie
    made = b.add(op, [at], b.shapes[at], **more)
    if op.endswith("_like"):  # MXNet's poolings fail where nobody reads their numbers
        return b.add("elemwise_add", [at, made], b.shapes[at])
    return made


def pair(b: Builder, at: int) -> int:
    """A value with a function of itself, the same or of one channel."""
    op = str(b.pick(*PAIRS))
    other = b.add("sin", [at], b.shapes[at])
    if op.startswith("broadcast"):
        n, _, h, w = b.shapes[at]
        other = b.add("slice_axis", [other], (n, 1, h, w), axis=1, begin=0, end=1)
    return b.add(op, [at, other], b.shapes[at], **({"num_args": 2} if op == "add_n" else {}))


def number(b: Builder, at: int) -> int:
    return b.add(str(b.pick(*NUMBERS)), [at], b.shapes[at], scalar=b.pick("0.7", "1.3"))


def reduced(b: Builder, at: int) -> int:
    """A reduction that keeps its axis, spread over what it was made of."""
    n, c, h, w = b.shapes[at]
    op, axis = str(b.pick("sum", "mean", "max", "min", "norm", "argmax")), b.number(1, 4)
    small = tuple(1 if place == axis else size for place, size in enumerate((n, c, h, w)))
    one = b.add(op, [at], small, axis=axis, keepdims=True)
    return b.add("broadcast_add", [at, one], b.shapes[at])


def rearranged(b: Builder, at: int) -> int:
    """The same values in other places, once more, or cut."""
    n, c, h, w = shape = b.shapes[at]
    choice = b.number(0, 8)
    if choice == 1:
        at = b.add("expand_dims", [at], shape, axis=1)
    steps: tuple[tuple[bool, str, Shape, dict[str, object]], ...] = (
        (True, "SwapAxis", (n, h, c, w), {"dim1": 1, "dim2": 2}),
        (True, "squeeze", shape, {"axis": 1}),
        (w > 2, "slice", (n, c, h, w - 1), {"begin": "(None, None, None, 0)", "end": f"(None, None, None, {w - 1})"}),
        (w < 10, "repeat", (n, c, h, 2 * w), {"repeats": 2, "axis": 3}),
        (c < 8, "tile", (n, 2 * c, h, w), {"reps": "(1, 2, 1, 1)"}),
        (True, "reverse", shape, {"axis": b.number(1, 4)}),
        (True, "clip", shape, {"a_min": "-0.5", "a_max": "0.8"}),
        (True, "sort", shape, {"axis": b.number(1, 4), "is_ascend": b.pick(True, False)}),
    )
    holds, op, after, attrs = steps[choice]
    return b.add(op, [at], after, **attrs) if holds else at


def distributed(b: Builder, at: int) -> int:
    """Softmaxes, and normalisations with weights of their own."""
    _, c, _, w = b.shapes[at]
    choice = b.number(0, 5)
    if choice < 2:
        return b.add(("softmax", "log_softmax")[choice], [at], b.shapes[at], axis=b.number(1, 4))
    if choice == 2:
        return b.add("SoftmaxActivation", [at], b.shapes[at], mode="channel")
    if choice == 3:
        pair_ = [b.weight(f"ln{len(b.nodes)}_{role}", (w,)) for role in ("gamma", "beta")]
        return b.add("LayerNorm", [at, *pair_], b.shapes[at], axis=-1, eps="0.01")
    groups = int(b.pick(*[size for size in range(1, c + 1) if c % size == 0]))  # type: ignore[call-overload]
    pair_ = [b.weight(f"gn{len(b.nodes)}_{role}", (groups,)) for role in ("gamma", "beta")]
    return b.add("GroupNorm", [at, *pair_], b.shapes[at], num_groups=groups, eps="0.01")


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
    curve,
    curve,
    pair,
    number,
    reduced,
    rearranged,
    distributed,
    *mxnet_random_steps.STEPS,
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
    return mxnet_random_steps.labelled(b, dense, (n, 5))


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
