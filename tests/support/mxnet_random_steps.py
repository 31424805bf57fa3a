"""More steps of random symbols: what needs a domain of its own, stored indices, or a detour over another rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mxnet_files as files
import numpy as np

if TYPE_CHECKING:
    from mxnet_random import Builder

UNIT = ("arccos", "arcsin", "arctanh", "sinh", "cosh", "tan", "_contrib_quadratic", "_rpower_scalar")
POSITIVE = ("log", "log10", "log1p", "log2", "sqrt", "rsqrt", "rcbrt", "reciprocal", "arccosh", "_power_scalar",
            "_rdiv_scalar", "_rmod_scalar")  # fmt: skip
PLAIN = ("make_loss", "MakeLoss", "Dropout", "softmin", "_contrib_gradientmultiplier", "_contrib_div_sqrt_dim",
         "_contrib_round_ste", "_contrib_sign_ste")  # fmt: skip
DIVIDED = ("elemwise_div", "broadcast_div", "_mod", "broadcast_mod", "_power", "broadcast_power")
JOINED = ("_grad_add", "broadcast_greater_equal", "broadcast_lesser_equal", "broadcast_logical_and",
          "broadcast_logical_xor", "broadcast_not_equal", "broadcast_like", "reshape_like", "slice_like")  # fmt: skip
MORE = {
    "_contrib_quadratic": {"a": 0.5, "b": -1.0, "c": 0.25},
    "_rpower_scalar": {"scalar": 1.7},
    "_power_scalar": {"scalar": 1.3},
    "_rdiv_scalar": {"scalar": 0.8},
    "_rmod_scalar": {"scalar": 7.3},
}


def bounded(b: Builder, at: int) -> int:
    """Numbers inside -0.9 to 0.9."""
    return b.add("_mul_scalar", [b.add("tanh", [at], b.shapes[at])], b.shapes[at], scalar=0.9)


def positive(b: Builder, at: int) -> int:
    """Numbers from 1.1 to 1.9."""
    return b.add("_plus_scalar", [b.add("square", [bounded(b, at)], b.shapes[at])], b.shapes[at], scalar=1.1)


def spread(b: Builder, at: int, small: int) -> int:
    """A smaller value of the same rank spread over the one that it was made of."""
    return b.add("broadcast_add", [at, small], b.shapes[at])


def stored(b: Builder, values: object, dtype: type = np.float32) -> int:
    """A stored array of these numbers: indices and lengths are floats in MXNet, nearly everywhere."""
    name = f"k{len(b.nodes)}"
    b.arrays[f"arg:{name}"] = np.asarray(values, dtype)
    b.nodes.append(files.variable(name))
    return len(b.nodes) - 1


def domain(b: Builder, at: int) -> int:
    """A function fed what it is defined for."""
    op = str(b.pick(*UNIT, *POSITIVE, *PLAIN))
    if op in UNIT:
        at = bounded(b, at)
    elif op in POSITIVE:
        at = positive(b, at)
    elif op.endswith("ste"):
        at = b.add("_plus_scalar", [at], b.shapes[at], scalar="0.0371")
    return b.add(op, [at], b.shapes[at], **MORE.get(op, {}))


def divided(b: Builder, at: int) -> int:
    """A value over, modulo or to the power of another; the second is positive, a base too."""
    op = str(b.pick(*DIVIDED))
    other = positive(b, at)
    if op.startswith("broadcast"):
        n, c, h, _ = b.shapes[at]
        other = b.add("slice_axis", [other], (n, c, h, 1), axis=3, begin=0, end=1)
    return b.add(op, [positive(b, at) if "power" in op else at, other], b.shapes[at])


def joined(b: Builder, at: int) -> int:
    op = str(b.pick(*JOINED))
    other = b.add("cos", [at], b.shapes[at])
    n, c, h, w = b.shapes[at]
    if op == "broadcast_like":
        small = b.add("slice_axis", [other], (n, 1, h, w), axis=1, begin=0, end=1)
        return b.add("elemwise_add", [at, b.add(op, [small, at], b.shapes[at])], b.shapes[at])
    if op == "slice_like":
        wide = b.add("tile", [other], (n, c, h, 2 * w), reps="(1, 1, 1, 2)")
        return b.add(op, [wide, at], b.shapes[at], axes="(3,)")
    return b.add(op, [at, other], b.shapes[at])


def logical(b: Builder, at: int) -> int:
    """Both branches of a choice, or the opposite of a condition."""
    large = b.add("_greater_scalar", [at], b.shapes[at], scalar="0.0173")
    if b.pick(True, False):
        return b.add("logical_not", [large], b.shapes[at])
    return b.add("where", [large, at, b.add("sin", [at], b.shapes[at])], b.shapes[at])


def constant(b: Builder, at: int) -> int:
    """Numbers made of nothing, added to the value."""
    shape = b.shapes[at]
    h, w = shape[2:]
    choice = b.number(0, 5)
    if choice < 3:
        op = ("_ones", "_zeros", "_full")[choice]
        made = b.add(op, [], shape, shape=shape, **({"value": 0.7} if op == "_full" else {}))
        return b.add("elemwise_add", [at, made], shape)
    if choice == 3:
        made = b.add("_arange", [], (h,), start=0, stop=h, step=1)
        return spread(b, at, b.add("Reshape", [made], (1, 1, h, 1), shape="(1, 1, -1, 1)"))
    made = b.add("_contrib_arange_like", [at], (w,), axis=3)
    return spread(b, at, b.add("Reshape", [made], (1, 1, 1, w), shape="(1, 1, 1, -1)"))


def widened(b: Builder, at: int) -> int:
    """One channel repeated by its axis, or to a shape."""
    n, c, h, w = shape = b.shapes[at]
    one = b.add("slice_axis", [at], (n, 1, h, w), axis=1, begin=c - 1, end=c)
    if b.pick(True, False):
        return b.add("elemwise_mul", [at, b.add("broadcast_axis", [one], shape, axis=1, size=c)], shape)
    return b.add("elemwise_sub", [at, b.add("broadcast_to", [one], shape, shape=f"(0, {c}, 0, 0)")], shape)


def ordered(b: Builder, at: int) -> int:
    """What lies where, and what is largest, along an axis."""
    shape = b.shapes[at]
    axis, op = b.number(1, 4), str(b.pick("argmin", "prod", "argsort", "topk", "pick", "moments"))
    small = tuple(1 if place == axis else size for place, size in enumerate(shape))
    if op == "argsort":  # MXNet's order of equal values is no rule: it does not sort stably
        distinct = b.add("elemwise_add", [at, b.weight(f"a{len(b.nodes)}", shape)], shape)
        return b.add(
            "elemwise_add", [at, b.add(op, [distinct], shape, axis=axis, is_ascend=b.pick(True, False))], shape
        )
    if op == "topk":
        k = b.number(1, shape[axis] + 1)
        return b.add(op, [at], tuple(k if place == axis else size for place, size in enumerate(shape)), axis=axis, k=k,
                     ret_typ="value", is_ascend=b.pick(True, False))  # fmt: skip
    if op == "pick":
        place = b.add("argmax", [b.add("sin", [at], shape)], small, axis=axis, keepdims=True)
        return spread(b, at, b.add(op, [at, place], small, axis=axis, keepdims=True))
    if op == "moments":
        both = b.add(op, [at], small, axes=f"({axis},)", keepdims=True)
        return b.add("broadcast_sub", [spread(b, at, both), (both, 1)], shape)
    fed = bounded(b, at) if op == "prod" else at
    return spread(b, at, b.add(op, [fed], small, axis=axis, keepdims=True))


def looked_up(b: Builder, at: int) -> int:
    """Values by index: stored indices, or the places of the largest."""
    n, c, h, w = b.shapes[at]
    choice = b.number(0, 6)
    if choice == 0:
        places = b.rng.integers(0, h, 4)
        return b.add("take", [at, stored(b, places)], (n, c, 4, w), axis=2, mode=b.pick("clip", "wrap"))
    if choice == 1:
        places = b.rng.integers(0, n, (1, 3))
        return b.add("gather_nd", [at, stored(b, places)], (3, c, h, w))
    if choice == 2:
        rows = b.add("Reshape", [at], (n * c * h, w), shape="(-1, 0)", reverse=True)
        taken = b.add("batch_take", [rows, stored(b, b.rng.integers(0, w, n * c * h), np.int32)], (n * c * h,))
        return spread(b, at, b.add("Reshape", [taken], (n, c, h, 1), shape=(n, c, h, 1)))
    largest = b.add("argmax", [at], (n, h, w), axis=1)
    if choice == 3:
        hot = b.add("one_hot", [largest], (n, h, w, c), depth=c, on_value=0.8, off_value=-0.1)
        return b.add("transpose", [hot], (n, c, h, w), axes="(0, 3, 1, 2)")
    op = ("Embedding", "_contrib_SparseEmbedding")[choice - 4]
    found = b.add(op, [largest, b.weight(f"e{len(b.nodes)}", (c, 3))], (n, h, w, 3), input_dim=c, output_dim=3)
    return b.add("transpose", [found], (n, 3, h, w), axes="(0, 3, 1, 2)")


def regrouped(b: Builder, at: int) -> int:
    """Places into channels and back, values side by side, parts in another order."""
    n, c, h, w = shape = b.shapes[at]
    choice = b.number(0, 4)
    if choice == 0 and h % 2 == 0 and w % 2 == 0:
        return b.add("space_to_depth", [at], (n, 4 * c, h // 2, w // 2), block_size=2)
    if choice == 1 and c % 4 == 0 and max(h, w) < 12:
        return b.add("depth_to_space", [at], (n, c // 4, 2 * h, 2 * w), block_size=2)
    if choice == 2:
        both = b.add("stack", [at, b.add("sin", [at], shape)], (n, c, 2, h, w), num_args=2, axis=2)
        return b.add("Reshape", [both], (n, c, 2 * h, w), shape="(0, 0, -3, 0)")
    if h < 3:
        return at
    cut = b.add("_split_v2", [at], (n, c, 2, w), indices="(0, 2)", axis=2)
    return b.add("Concat", [(cut, 1), cut], shape, num_args=2, dim=2)


def retyped(b: Builder, at: int) -> int:
    """Wider numbers and back, or several of one width."""
    shape = b.shapes[at]
    if b.pick(True, False):
        same = b.add("amp_cast", [at], shape, dtype="float32")
        double = b.add("sin", [b.add("Cast", [same], shape, dtype="float64")], shape)
        return b.add("Cast", [double], shape, dtype="float32")
    both = b.add("amp_multicast", [at, b.add("cos", [at], shape)], shape, num_outputs=2)
    return b.add("elemwise_add", [both, (both, 1)], shape)


def multiplied(b: Builder, at: int) -> int:
    """Matrix products of the last two axes, with themselves or a weight."""
    n, c, h, w = b.shapes[at]
    at = bounded(b, at)
    op = str(b.pick("_linalg_gemm2", "_linalg_gemm", "_linalg_syrk", "batch_dot", "dot"))
    if op == "dot":
        rows = b.add("Reshape", [at], (n * c * h, w), shape="(-1, 0)", reverse=True)
        return b.add("Reshape", [b.add(op, [rows, b.weight(f"d{len(b.nodes)}", (w, 3))], (n * c * h, 3))], (n, c, h, 3),
                     shape=(n, c, h, 3))  # fmt: skip
    if op == "batch_dot":
        flat = b.add("Reshape", [at], (n * c, h, w), shape="(-3, 0, 0)")
        squares = b.add(op, [flat, flat], (n * c, h, h), transpose_b=True)
        return b.add("Reshape", [squares], (n, c, h, h), shape=f"(-4, -1, {c}, 0, 0)")
    if op == "_linalg_syrk":
        return b.add(op, [at], (n, c, h, h), alpha=0.5)
    squares = b.add("_linalg_gemm2", [at, at], (n, c, h, h), transpose_b=True, alpha=0.5)
    if op == "_linalg_gemm2":
        return squares
    return b.add(op, [squares, at, at], (n, c, h, w), alpha=0.5, beta=2)


def sampled(b: Builder, at: int) -> int:
    """Pictures of another size: adaptive means, resizing, cropping, an affine grid."""
    n, c, h, w = b.shapes[at]
    tall, wide = b.number(2, 9), b.number(2, 9)
    choice = b.number(0, 6)
    if choice == 0:
        return b.add("_contrib_AdaptiveAvgPooling2D", [at], (n, c, tall, wide), output_size=(tall, wide))
    if choice == 1:
        return b.add("_contrib_BilinearResize2D", [at], (n, c, tall, wide), height=tall, width=wide,
                     align_corners=b.pick(True, False))  # fmt: skip
    if choice == 2:
        tall, wide = min(tall, h), min(wide, w)
        return b.add("Crop", [at], (n, c, tall, wide), num_args=1, h_w=(tall, wide), center_crop=b.pick(True, False))
    if choice == 3:
        return b.add("Pooling_v1", [at], (n, c, h - 1, w - 1), kernel=(2, 2), pool_type=b.pick("max", "avg")) \
            if min(h, w) > 2 else at  # fmt: skip
    means = b.add("tanh", [b.add("mean", [at], (n, c), axis=(2, 3))], (n, c))
    weight, bias = b.weight(f"loc{len(b.nodes)}", (6, c)), stored(b, (0.9, 0.1, 0, -0.2, 0.8, 0.1))
    turn = b.add("FullyConnected", [b.add("_mul_scalar", [means], (n, c), scalar=0.3), weight, bias], (n, 6),
                 num_hidden=6)  # fmt: skip
    if choice == 4:
        return b.add("SpatialTransformer", [at, turn], (n, c, tall, wide), target_shape=(tall, wide),
                     transform_type="affine", sampler_type="bilinear")  # fmt: skip
    grid = b.add("GridGenerator", [turn], (n, 2, tall, wide), transform_type="affine", target_shape=(tall, wide))
    return b.add("BilinearSampler", [at, grid], (n, c, tall, wide))


def regions(b: Builder, at: int) -> int:
    """Stored regions of interest, pooled or aligned: each becomes a picture of the batch."""
    n, c = b.shapes[at][:2]
    low = b.rng.integers(0, 3, (3, 2))
    boxes = np.concatenate([b.rng.integers(0, n, (3, 1)), low, low + b.rng.integers(1, 6, (3, 2))], 1)
    op = str(b.pick("ROIPooling", "_contrib_ROIAlign"))
    return b.add(op, [at, stored(b, boxes)], (3, c, 3, 2), pooled_size=(3, 2), spatial_scale=1.0)


def sequence(b: Builder, at: int) -> int:
    """Channels as steps: recurrent layers, or operators over stored lengths."""
    n, c, h, w = b.shapes[at]
    if b.pick(True, False):
        return recurrent(b, at)
    op = str(b.pick("SequenceReverse", "SequenceMask", "SequenceLast"))
    steps = b.add("SwapAxis", [at], (c, n, h, w), dim1=0, dim2=1)
    lengths = stored(b, b.rng.integers(1, c + 1, n))
    if op == "SequenceLast":
        last = b.add(op, [steps, lengths], (n, h, w), use_sequence_length=True)
        return spread(b, at, b.add("expand_dims", [last], (n, 1, h, w), axis=1))
    changed = b.add(op, [steps, lengths], (c, n, h, w), use_sequence_length=True)
    return b.add("SwapAxis", [changed], (n, c, h, w), dim1=0, dim2=1)


def recurrent(b: Builder, at: int) -> int:
    n, c, h, w = b.shapes[at]
    mode, ways, hidden = str(b.pick("lstm", "gru", "rnn_tanh", "rnn_relu")), b.number(1, 3), b.number(1, 4)
    rows = {"lstm": 4, "gru": 3}.get(mode, 1) * hidden
    flat = b.add("transpose", [b.add("Reshape", [bounded(b, at)], (n, c, h * w), shape="(0, 0, -3)")], (c, n, h * w),
                 axes="(1, 0, 2)")  # fmt: skip
    total = ways * rows * (h * w + hidden + 2)
    halves = [stored(b, b.rng.uniform(-0.3, 0.3, size)) for size in (total - 2 * ways * rows, 2 * ways * rows)]
    packed = b.add("_rnn_param_concat", halves, (total,), num_args=2, dim=0)
    states = [stored(b, b.rng.uniform(-1, 1, (ways, n, hidden))) for _ in range(2 if mode == "lstm" else 1)]
    out = b.add("RNN", [flat, packed, *states], (c, n, ways * hidden), mode=mode, state_size=hidden, num_layers=1,
                bidirectional=ways == 2)  # fmt: skip
    front = b.add("transpose", [out], (n, c, ways * hidden), axes="(1, 0, 2)")
    return b.add("expand_dims", [front], (n, c, ways * hidden, 1), axis=3)


def other_norms(b: Builder, at: int) -> int:
    """Relatives of BatchNorm, an image's normalisation (MXNet's SyncBatchNorm fails where nobody reads it)."""
    c = b.shapes[at][1]
    op = str(b.pick("_contrib_BatchNormWithReLU", "BatchNorm_v1", "_image_normalize"))
    if op == "_image_normalize":
        return b.add(op, [at], b.shapes[at], mean="(0.3, 0.2, 0.1)", std="(1.5, 0.7, 0.9)") if c == 3 else at
    names = [f"{op.strip('_')}{len(b.nodes)}_{role}" for role in ("gamma", "beta", "mean", "var")]
    made = [b.weight(name, (c,), positive=place == 3, auxiliary=place > 1) for place, name in enumerate(names)]
    return b.add(op, [at, *made], b.shapes[at], fix_gamma=b.pick(True, False))


STEPS = (domain, domain, divided, joined, logical, constant, widened, ordered, looked_up, regrouped, retyped,
         multiplied, sampled, regions, sequence, other_norms)  # fmt: skip


def labelled(b: Builder, dense: int, shape: tuple[int, ...]) -> int:
    """A loss at the head, whose label only training reads."""
    b.nodes.append(files.variable("softmax_label"))
    op = str(b.pick("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput",
                    "SVMOutput"))  # fmt: skip
    return b.add(op, [dense, len(b.nodes) - 1], shape)
