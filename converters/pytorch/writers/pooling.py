"""Pooling."""

from __future__ import annotations

from converters.pytorch.code import Code
from converters.pytorch.held import Several, listed, tupled
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Row, WriteOp
from converters.pytorch.writers.convolution import padding, same, spatial


class _Window:
    """A pooling window as its node states it."""

    def __init__(self, node: Node) -> None:
        self.kernel = tuple(node.attrs.integers("kernel_shape"))
        self.count = len(self.kernel)
        self.stride = spatial(node, "strides", self.count)
        self.dilation = spatial(node, "dilations", self.count)
        self.pads, self.mode = padding(node, self.count)
        self.ceil = "ceil_mode" in node.attrs and node.attrs.flag("ceil_mode")

    @property
    def plain(self) -> bool:
        """Whether PyTorch's own pooling does exactly this."""
        begin, end = self.pads[: self.count], self.pads[self.count :]
        small = all(2 * pad <= kernel for pad, kernel in zip(begin, self.kernel, strict=True))
        return begin == end and small and not self.mode and self.count <= 3

    def options(self, *, dilated: bool) -> list[str]:
        """Arguments after the input."""
        begin = self.pads[: self.count]
        texts = [tupled(self.kernel), f"stride={tupled(self.stride)}"]
        texts += [f"padding={tupled(begin)}"] if any(begin) else []
        texts += [f"dilation={tupled(self.dilation)}"] if dilated and set(self.dilation) != {1} else []
        return texts + (["ceil_mode=True"] if self.ceil else [])

    def lists(self) -> str:
        """Kernel, stride, pads, dilation and rounding for the functions of this file's rare forms."""
        return (
            f"{listed(self.kernel)}, {listed(self.stride)}, {listed(self.pads)}, {listed(self.dilation)}, {self.ceil}"
        )

    def settle(self, node: Node) -> None:
        """Replace an automatic padding by its numbers."""
        if not self.mode:
            return
        sizes = node.sizes(0, 2)
        if sizes is None:
            raise Refused("its padding follows from an input size that is known only at run time")
        begin, end = [], []
        for size, kernel, stride, dilation in zip(sizes, self.kernel, self.stride, self.dilation, strict=True):
            total = max(((size + stride - 1) // stride - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
            first = total // 2 if self.mode == "SAME_UPPER" else total - total // 2
            begin.append(first)
            end.append(total - first)
        self.pads, self.mode = (*begin, *end), ""


def _max_pool(node: Node, code: Code) -> Result:
    window = _Window(node)
    by_column = "storage_order" in node.attrs and node.attrs.flag("storage_order")
    floating = not node.is_integer(0)
    if window.plain and floating and not node.gives(1):
        return f"F.max_pool{window.count}d({node.inline()}, {', '.join(window.options(dilated=True))})"
    if window.mode and floating and not node.gives(1) and window.count <= 3:
        padded = same(code, node.arg(0), (window.kernel, window.stride, window.dilation), window.mode, 'float("-inf")')
        return f"F.max_pool{window.count}d({padded}, {', '.join(window.options(dilated=True))})"
    window.settle(node)
    call = code.function("max_pool")
    return Several(f"{call}({node.arg(0)}, {window.lists()}, {by_column})", 2)


def _average_pool(node: Node, code: Code) -> str:
    window = _Window(node)
    count_pads = node.attrs.flag("count_include_pad")
    if window.plain and set(window.dilation) == {1} and not (window.ceil and count_pads and any(window.pads)):
        options = window.options(dilated=False)
        options += ["count_include_pad=False"] if any(window.pads) and not count_pads else []
        return f"F.avg_pool{window.count}d({node.inline()}, {', '.join(options)})"
    window.settle(node)
    return f"{code.function('average_pool')}({node.arg(0)}, {window.lists()}, {count_pads})"


def _lp_pool(node: Node, code: Code) -> str:
    window = _Window(node)
    window.settle(node)
    return f"{code.function('power_pool')}({node.arg(0)}, {window.lists()}, {node.attrs.integer('p')})"


def _global(template: str) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        axes = listed(range(2, node.known_rank(0)))
        return template.format(x=node.arg(0), axes=axes)

    return write


def _global_average(node: Node, code: Code) -> str:
    rank = node.known_rank(0)
    if rank in (3, 4, 5):
        return f"F.adaptive_avg_pool{rank - 2}d({node.inline()}, 1)"
    return f"torch.mean({node.arg(0)}, {listed(range(2, rank))}, keepdim=True)"


def _global_lp(node: Node, code: Code) -> str:
    p = node.attrs.integer("p")
    axes = listed(range(2, node.known_rank(0)))
    return f"torch.sum(torch.abs({node.arg(0)}) ** {p}, {axes}, keepdim=True) ** (1.0 / {p})"


def _max_unpool(node: Node, code: Code) -> str:
    kernel = tuple(node.attrs.integers("kernel_shape"))
    count = len(kernel)
    stride, pads = spatial(node, "strides", count), spatial(node, "pads", 2 * count, 0)
    x = node.arg(0)
    sizes = [
        f"({x}.shape[{2 + at}] - 1) * {stride[at]} + {kernel[at] - pads[at] - pads[count + at]}" for at in range(count)
    ]
    text = f"{code.function('unpool')}({x}, {node.arg(1)}, [{x}.shape[0], {x}.shape[1], {', '.join(sizes)}])"
    return f"{code.function('fitted')}({text}, {node.ints(2)})" if node.has(2) else text


WRITE = {
    "MaxPool": Row(_max_pool),
    "AveragePool": Row(_average_pool, since=7),
    "LpPool": Row(_lp_pool),
    "GlobalAveragePool": Row(_global_average),
    "GlobalMaxPool": Row(_global("torch.amax({x}, {axes}, keepdim=True)")),
    "GlobalLpPool": Row(_global_lp),
    "MaxUnpool": Row(_max_unpool),
}
