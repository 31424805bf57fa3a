"""Convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from converters.pytorch.code import Code, layer_name
from converters.pytorch.held import listed, tupled
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row
from converters.pytorch.writers.linear import owned
from converters.weights import Weight


def spatial(node: Node, name: str, count: int, default: int = 1) -> tuple[int, ...]:
    """A spatial attribute, or its default for each axis."""
    values = tuple(node.attrs.integers(name)) if name in node.attrs else ()
    return values or (default,) * count


def padding(node: Node, count: int) -> tuple[tuple[int, ...], str]:
    """(begins then ends, "") or, for an automatic one, (zeros, "SAME_UPPER" or "SAME_LOWER")."""
    mode = node.attrs.text("auto_pad")
    given = spatial(node, "pads", 2 * count, 0)
    if mode in ("", "NOTSET"):
        return given, ""
    if mode == "VALID":
        return (0,) * (2 * count), ""
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise Refused(f"its auto_pad is {mode!r}")
    return (0,) * (2 * count), mode


def padded(x: str, pads: Sequence[int], value: str = "") -> str:
    """`x` with begins and ends added on its last axes."""
    count = len(pads) // 2
    flat = [amount for axis in reversed(range(count)) for amount in (pads[axis], pads[count + axis])]
    return f"F.pad({x}, {listed(flat)}{value})" if any(flat) else x


def same(code: Code, x: str, sizes: Sequence[Sequence[int]], mode: str, value: str = "0.0") -> str:
    """`x` padded so that a stride of s divides the size by s, rounded up."""
    kernel, stride, dilation = (listed(size) for size in sizes)
    return f"{code.function('same')}({x}, {kernel}, {stride}, {dilation}, {mode == 'SAME_UPPER'}, {value})"


def kernel_sizes(node: Node) -> tuple[int, ...]:
    """The window's sizes: as stated, or those of the weights."""
    stated = tuple(node.attrs.integers("kernel_shape"))
    found = node.sizes(1, 2) or ()
    if not (stated or found):
        raise Refused("its kernel's size is known only at run time")
    return stated or found


def _conv(node: Node, code: Code) -> str:
    kernel = kernel_sizes(node)
    count = len(kernel)
    stride, dilation = spatial(node, "strides", count), spatial(node, "dilations", count)
    group = node.attrs.integer("group")
    pads, mode = padding(node, count)
    begin, end = pads[:count], pads[count:]
    if mode and set(stride) == {1} and all((k - 1) * d % 2 == 0 for k, d in zip(kernel, dilation, strict=True)):
        begin = end = tuple((k - 1) * d // 2 for k, d in zip(kernel, dilation, strict=True))
        mode = ""
    x = node.inline() if begin == end and not mode else node.arg(0)
    if mode:
        x = same(code, x, (kernel, stride, dilation), mode)
    elif begin != end:
        x = padded(x, pads)
        begin = (0,) * count
    options = [f"stride={tupled(stride)}"] if set(stride) != {1} else []
    options += [f"padding={tupled(begin)}"] if any(begin) else []
    options += [f"dilation={tupled(dilation)}"] if set(dilation) != {1} else []
    options += [f"groups={group}"] if group != 1 else []
    weights = layer_weights(node)
    if weights is None or count > 3:
        if count > 3:
            raise Refused(f"PyTorch has no convolution over {count} axes")
        tensors = [x, node.arg(1), *([node.arg(2)] if node.has(2) else [])]
        return f"F.conv{count}d({', '.join([*tensors, *options])})"
    shape = weights["weight"].shape
    arguments = [shape[1] * group, shape[0], tupled(kernel), *options, *([] if "bias" in weights else ["bias=False"])]
    value = node.value(1)
    name = layer_name(node.name, str(value.name if value is not None else ""))
    return f"{code.module(name, f'Conv{count}d', arguments, weights)}({x})"


def layer_weights(node: Node) -> dict[str, Weight] | None:
    """Weight and bias, where both are constants that belong to this node alone."""
    weight = owned(node, 1)
    if weight is None:
        return None
    if not node.has(2):
        return {"weight": weight}
    bias = owned(node, 2)
    return None if bias is None else {"weight": weight, "bias": bias}


def _conv_transpose(node: Node, code: Code) -> str:
    kernel = kernel_sizes(node)
    count = len(kernel)
    if count > 3:
        raise Refused(f"PyTorch has no transposed convolution over {count} axes")
    stride, dilation = spatial(node, "strides", count), spatial(node, "dilations", count)
    extra = spatial(node, "output_padding", count, 0)
    group = node.attrs.integer("group")
    pads, mode = padding(node, count)
    wanted = tuple(node.attrs.integers("output_shape"))
    if mode or wanted:
        pads = _settled(node, (kernel, stride, dilation, extra), mode, wanted)
    begin, end = pads[:count], pads[count:]
    weights = layer_weights(node)
    options = [f"stride={tupled(stride)}"] if set(stride) != {1} else []
    fits = all(0 <= e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)) and min(begin) >= 0
    if begin == end and fits:
        options += [f"padding={tupled(begin)}"] if any(begin) else []
        options += [f"output_padding={tupled(extra)}"] if any(extra) else []
    options += [f"groups={group}"] if group != 1 else []
    options += [f"dilation={tupled(dilation)}"] if set(dilation) != {1} else []
    if begin == end and fits and weights is not None:
        shape = weights["weight"].shape
        arguments = [shape[0], shape[1] * group, tupled(kernel), *options]
        arguments += [] if "bias" in weights else ["bias=False"]
        value = node.value(1)
        name = layer_name(node.name, str(value.name if value is not None else ""))
        return f"{code.module(name, f'ConvTranspose{count}d', arguments, weights)}({node.inline()})"
    if begin == end and fits:
        tensors = [node.arg(0), node.arg(1), *([node.arg(2)] if node.has(2) else [])]
        return f"F.conv_transpose{count}d({', '.join([*tensors, *options])})"
    whole = f"F.conv_transpose{count}d({', '.join([node.arg(0), node.arg(1), *options])})"
    cut = (*(-amount for amount in begin), *(more - amount for more, amount in zip(extra, end, strict=True)))
    text = padded(whole, cut)
    return f"{text} + {node.arg(2)}.reshape({listed([-1] + [1] * count)})" if node.has(2) else text


def _settled(node: Node, sizes: tuple[tuple[int, ...], ...], mode: str, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Pads that give the wanted output shape, or the input's size times the stride."""
    kernel, stride, dilation, extra = sizes
    count = len(kernel)
    inputs = node.sizes(0, 2)
    if inputs is None:
        raise Refused("its padding follows from an input size that is known only at run time")
    outputs = wanted[-count:] if wanted else tuple(size * step for size, step in zip(inputs, stride, strict=True))
    begin, end = [], []
    for axis in range(count):
        full = stride[axis] * (inputs[axis] - 1) + extra[axis] + (kernel[axis] - 1) * dilation[axis] + 1
        total = max(full - outputs[axis], 0) if not wanted else full - outputs[axis]
        small, large = total // 2, total - total // 2
        first = small if mode == "SAME_UPPER" else large
        begin.append(first)
        end.append(total - first)
    return (*begin, *end)


WRITE = {
    "Conv": Row(_conv),
    "ConvTranspose": Row(_conv_transpose),
}
