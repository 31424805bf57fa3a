"""Classic networks at full size as Caffe prototxts, written from their published structure: text only, no weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Pair = tuple[int, int]


class Net:
    """A prototxt that grows a layer at a time; every method gives the top that it made."""

    def __init__(self, name: str, size: int) -> None:
        shape = f"shape {{ dim: 1 dim: 3 dim: {size} dim: {size} }}"
        self.text = f'name: "{name}"\nlayer {{ name: "data" type: "Input" top: "data" input_param {{ {shape} }} }}\n'

    def layer(self, kind: str, name: str, bottoms: Sequence[str], param: str = "", top: str | None = None) -> str:
        wires = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        self.text += f'layer {{ name: "{name}" type: "{kind}" {wires} top: "{top or name}" {param} }}\n'
        return top or name

    def conv(
        self,
        name: str,
        bottom: str,
        out: int,
        kernel: int | Pair,
        *,
        stride: int = 1,
        pad: int | Pair = 0,
        group: int = 1,
        bias: bool = True,
    ) -> str:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        top, left = (pad, pad) if isinstance(pad, int) else pad
        window = f"kernel_h: {height} kernel_w: {width} pad_h: {top} pad_w: {left} stride: {stride}"
        more = (f" group: {group}" if group > 1 else "") + ("" if bias else " bias_term: false")
        return self.layer("Convolution", name, [bottom], f"convolution_param {{ num_output: {out} {window}{more} }}")

    def pool(self, name: str, bottom: str, method: str, kernel: int, stride: int = 1, pad: int = 0) -> str:
        window = f"kernel_size: {kernel} stride: {stride} pad: {pad}" if kernel else "global_pooling: true"
        return self.layer("Pooling", name, [bottom], f"pooling_param {{ pool: {method} {window} }}")

    def relu(self, name: str, bottom: str) -> str:
        return self.layer("ReLU", name, [bottom], top=bottom)

    def normal(self, name: str, bottom: str, top: str | None = None) -> str:
        """BatchNorm and Scale, as everybody after 2015 writes them; in place unless `top` is given."""
        top = self.layer(
            "BatchNorm", f"{name}/bn", [bottom], "batch_norm_param { use_global_stats: true }", top or bottom
        )
        return self.layer("Scale", f"{name}/scale", [top], "scale_param { bias_term: true }", top)

    def unit(self, name: str, bottom: str, out: int, kernel: int | Pair, **window: int | Pair) -> str:
        """Convolution without bias, BatchNorm, Scale, ReLU."""
        top = self.normal(name, self.conv(name, bottom, out, kernel, bias=False, **window))
        return self.relu(f"{name}/relu", top)

    def concat(self, name: str, *bottoms: str) -> str:
        return self.layer("Concat", name, bottoms)

    def full(self, name: str, bottom: str, out: int) -> str:
        return self.layer("InnerProduct", name, [bottom], f"inner_product_param {{ num_output: {out} }}")

    def end(self, bottom: str) -> str:
        self.layer("Softmax", "prob", [bottom])
        return self.text


def vgg16() -> str:
    """VGG-16 (Simonyan and Zisserman's layout D)."""
    net, last = Net("VGG16", 224), "data"
    for block, (layers, out) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for number in range(1, layers + 1):
            last = net.relu(f"relu{block}_{number}", net.conv(f"conv{block}_{number}", last, out, 3, pad=1))
        last = net.pool(f"pool{block}", last, "MAX", 2, 2)
    for name in ("fc6", "fc7"):
        last = net.relu(f"relu_{name}", net.full(name, last, 4096))
        last = net.layer("Dropout", f"drop_{name}", [last], "dropout_param { dropout_ratio: 0.5 }", last)
    return net.end(net.full("fc8", last, 1000))


def squeezenet() -> str:
    """SqueezeNet 1.1 (forresti/SqueezeNet)."""
    net = Net("SqueezeNet", 227)
    last = net.relu("relu_conv1", net.conv("conv1", "data", 64, 3, stride=2))
    last = net.pool("pool1", last, "MAX", 3, 2)
    for number, squeeze in zip(range(2, 10), (16, 16, 32, 32, 48, 48, 64, 64), strict=True):
        fire = f"fire{number}"
        small = net.relu(f"{fire}/relu_s", net.conv(f"{fire}/squeeze1x1", last, squeeze, 1))
        one = net.relu(f"{fire}/relu_1", net.conv(f"{fire}/expand1x1", small, 4 * squeeze, 1))
        three = net.relu(f"{fire}/relu_3", net.conv(f"{fire}/expand3x3", small, 4 * squeeze, 3, pad=1))
        last = net.concat(f"{fire}/concat", one, three)
        if number in (3, 5):
            last = net.pool(f"pool{number}", last, "MAX", 3, 2)
    last = net.layer("Dropout", "drop9", [last], "dropout_param { dropout_ratio: 0.5 }", last)
    last = net.relu("relu_conv10", net.conv("conv10", last, 1000, 1))
    return net.end(net.pool("pool10", last, "AVE", 0))


def mobilenet() -> str:
    """MobileNet v1 (shicai/MobileNet-Caffe)."""
    net = Net("MobileNet", 224)
    last, channels = net.unit("conv1", "data", 32, 3, stride=2, pad=1), 32
    steps = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
    for number, (out, stride) in enumerate(steps, 2):
        last = net.unit(f"conv{number}/dw", last, channels, 3, stride=stride, pad=1, group=channels)
        last, channels = net.unit(f"conv{number}/sep", last, out, 1), out
    return net.end(net.conv("fc7", net.pool("pool6", last, "AVE", 0), 1000, 1))


def resnet50() -> str:
    """ResNet-50 (KaimingHe/deep-residual-networks): the stride is in the first 1x1, pool1 rounds up."""
    net = Net("ResNet-50", 224)
    last = net.relu("conv1_relu", net.normal("conv1", net.conv("conv1", "data", 64, 7, stride=2, pad=3)))
    last = net.pool("pool1", last, "MAX", 3, 2)
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for block in range(blocks):
            name = f"res{stage}{chr(ord('a') + block)}"
            stride = 2 if block == 0 and stage > 2 else 1
            side = last
            if block == 0:
                side = net.conv(f"{name}_branch1", last, 4 * width, 1, stride=stride, bias=False)
                side = net.normal(f"{name}_branch1", side)
            inner = net.unit(f"{name}_branch2a", last, width, 1, stride=stride)
            inner = net.unit(f"{name}_branch2b", inner, width, 3, pad=1)
            inner = net.conv(f"{name}_branch2c", inner, 4 * width, 1, bias=False)
            inner = net.normal(f"{name}_branch2c", inner)
            last = net.relu(f"{name}_relu", net.layer("Eltwise", name, [side, inner]))
    return net.end(net.full("fc1000", net.pool("pool5", last, "AVE", 7), 1000))


def densenet121() -> str:
    """DenseNet-121 (shicai/DenseNet-Caffe)."""
    net = Net("DenseNet-121", 224)
    last, channels = net.unit("conv1", "data", 64, 7, stride=2, pad=3), 64
    last = net.pool("pool1", last, "MAX", 3, 2, 1)
    for stage, layers in enumerate((6, 12, 24, 16), 2):
        for number in range(1, layers + 1):
            name = f"conv{stage}_{number}"
            first = net.relu(f"{name}/x1/relu", net.normal(f"{name}/x1", last, f"{name}/x1/bn"))
            inner = net.conv(f"{name}/x1", first, 128, 1, bias=False)
            inner = net.relu(f"{name}/x2/relu", net.normal(f"{name}/x2", inner, f"{name}/x2/bn"))
            grown = net.conv(f"{name}/x2", inner, 32, 3, pad=1, bias=False)
            last, channels = net.concat(f"concat_{stage}_{number}", last, grown), channels + 32
        name = f"conv{stage}_blk"
        last = net.relu(f"{name}/relu", net.normal(name, last, f"{name}/bn"))
        if stage < 5:
            channels //= 2
            last = net.pool(f"pool{stage}", net.conv(name, last, channels, 1, bias=False), "AVE", 2, 2)
    return net.end(net.conv("fc6", net.pool("pool5", last, "AVE", 0), 1000, 1))


_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""GoogLeNet's blocks: 1x1, 3x3 reduced and full, 5x5 reduced and full, behind the pool."""


def googlenet() -> str:
    """GoogLeNet (BVLC/caffe, bvlc_googlenet)."""
    net = Net("GoogLeNet", 224)

    def unit(name: str, bottom: str, out: int, kernel: int, **window: int) -> str:
        return net.relu(f"{name}/relu", net.conv(name, bottom, out, kernel, **window))

    lrn = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    last = net.pool("pool1", unit("conv1", "data", 64, 7, stride=2, pad=3), "MAX", 3, 2)
    last = unit("conv2/reduce", net.layer("LRN", "pool1/norm1", [last], lrn), 64, 1)
    last = net.layer("LRN", "conv2/norm2", [unit("conv2", last, 192, 3, pad=1)], lrn)
    last = net.pool("pool2", last, "MAX", 3, 2)
    for name, (one, three_, three, five_, five, behind) in _INCEPTIONS.items():
        if name in ("4a", "5a"):
            last = net.pool(f"pool{int(name[0]) - 1}", last, "MAX", 3, 2)
        name = f"inception_{name}"  # noqa: PLW2901 - the name that Caffe's own file has
        tops = [
            unit(f"{name}/1x1", last, one, 1),
            unit(f"{name}/3x3", unit(f"{name}/3x3_reduce", last, three_, 1), three, 3, pad=1),
            unit(f"{name}/5x5", unit(f"{name}/5x5_reduce", last, five_, 1), five, 5, pad=2),
            unit(f"{name}/pool_proj", net.pool(f"{name}/pool", last, "MAX", 3, 1, 1), behind, 1),
        ]
        last = net.concat(f"{name}/output", *tops)
    last = net.pool("pool5/7x7_s1", last, "AVE", 7)
    last = net.layer("Dropout", "pool5/drop", [last], "dropout_param { dropout_ratio: 0.4 }", last)
    return net.end(net.full("loss3/classifier", last, 1000))


CLASSICS: dict[str, Callable[[], str]] = {
    "vgg16": vgg16,
    "squeezenet": squeezenet,
    "mobilenet": mobilenet,
    "googlenet": googlenet,
    "resnet50": resnet50,
    "densenet121": densenet121,
}
