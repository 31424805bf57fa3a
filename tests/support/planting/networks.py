"""The networks that faults are planted in: a family each, small, seeded."""

from __future__ import annotations

import numpy as np

from planting.building import Family


def vgg(seed):
    net = Family(seed, data=(3, 32, 40))
    x = "data"
    for width, count in ((8, 1), (12, 2), (16, 2)):
        for _ in range(count):
            x = net.relu(net.conv(x, width))
        x = net.max_pool(x, 2, 2)
    x = net.relu(net.fc(net.flat(x), 24))
    x = net.add("Dropout", x)[0]
    return net.whole(net.softmax(net.fc(x, 10)))


def alexnet(seed):
    net = Family(seed, data=(3, 51, 43))
    x = net.lrn(net.relu(net.conv("data", 16, 7, 2, 0)))
    x = net.max_pool(x, ceil=True)
    x = net.lrn(net.relu(net.conv(x, 24, 5, group=2)), alpha=2e-2, k=2.0)
    x = net.max_pool(x, ceil=True)
    x = net.relu(net.conv(x, 24, 3, group=2))
    x = net.relu(net.fc(net.flat(x), 32))
    x = net.add("Dropout", x)[0]
    return net.whole(net.softmax(net.fc(x, 12)))


def googlenet(seed):
    net = Family(seed, data=(3, 56, 48))
    x = net.max_pool(net.relu(net.conv("data", 16, 7, 2)), ceil=True)
    x = net.lrn(net.relu(net.conv(net.relu(net.conv(x, 12, 1)), 20, 3)))
    for widths in ((8, 12, 4, 6), (12, 16, 6, 8)):
        one, three, five, pooled = widths
        a = net.relu(net.conv(x, one, 1))
        b = net.relu(net.conv(net.relu(net.conv(x, three // 2, 1)), three, 3))
        c = net.relu(net.conv(net.relu(net.conv(x, five // 2, 1)), five, 5))
        d = net.relu(net.conv(net.max_pool(x, 3, 1, 1), pooled, 1))
        x = net.concat(a, b, c, d)
    x = net.average_pool(x, 4, 2, 0, ceil=True)
    return net.whole(net.softmax(net.fc(net.flat(net.add("Dropout", x)[0]), 16)))


def resnet(seed):
    net = Family(seed, data=(3, 48, 64))
    x = net.max_pool(net.unit("data", 16, 7, 2), 3, 2, 1)
    for width, stride, project in ((8, 1, True), (8, 1, False), (12, 2, True), (12, 1, False)):
        inner = net.unit(net.unit(x, width, 1, stride), width, 3)
        inner = net.bn(net.conv(inner, width * 4, 1, bias=False))
        side = net.bn(net.conv(x, width * 4, 1, stride, bias=False)) if project else x
        x = net.relu(net.plus(inner, side))
    return net.whole(net.softmax(net.fc(net.flat(net.mean(x)), 20)))


def preresnet(seed):
    """Pre-activation residual net as MXNet's symbolic ones: BatchNorm on the image, eps 2e-5."""
    net = Family(seed, data=(3, 40, 48))
    x = net.conv(net.bn("data", 2e-5), 12, 3, bias=False)
    for width, stride in ((12, 1), (16, 2), (24, 2)):
        before = net.relu(net.bn(x, 2e-5))
        inner = net.conv(net.relu(net.bn(net.conv(before, width, 3, stride, bias=False), 2e-5)), width, 3, bias=False)
        side = x if stride == 1 else net.conv(before, width, 1, stride, bias=False)
        x = net.plus(inner, side)
    x = net.mean(net.relu(net.bn(x, 2e-5)))
    return net.whole(net.softmax(net.fc(net.flat(x), 10)))


def squeezenet(seed):
    net = Family(seed, data=(3, 57, 49))
    x = net.max_pool(net.relu(net.conv("data", 16, 3, 2, 0)), ceil=True)
    for squeeze, expand in ((4, 8), (6, 12), (8, 16)):
        x = net.relu(net.conv(x, squeeze, 1))
        x = net.concat(net.relu(net.conv(x, expand, 1)), net.relu(net.conv(x, expand, 3)))
    x = net.mean(net.relu(net.conv(net.add("Dropout", x)[0], 14, 1)))
    return net.whole(net.softmax(x))


def densenet(seed):
    net = Family(seed, data=(3, 40, 56))
    x = net.max_pool(net.unit("data", 16, 5, 2), 3, 2, 1)
    for _ in range(2):
        for _ in range(3):
            inner = net.conv(net.relu(net.bn(x)), 16, 1, bias=False)
            x = net.concat(x, net.conv(net.relu(net.bn(inner)), 6, 3, bias=False))
        x = net.conv(net.relu(net.bn(x)), net.shapes[x][1] // 2, 1, bias=False)
        x = net.average_pool(x, 2, 2, 0)
    x = net.mean(net.relu(net.bn(x)))
    return net.whole(net.softmax(net.conv(x, 11, 1)))


def mobilenet(seed):
    net = Family(seed, data=(3, 48, 40))
    x = net.relu6(net.bn(net.conv("data", 12, 3, 2, bias=False), 1e-3))
    for out, stride in ((12, 1), (16, 2), (16, 1)):
        wide = net.relu6(net.bn(net.conv(x, net.shapes[x][1] * 4, 1, bias=False), 1e-3))
        deep = net.relu6(net.bn(net.conv(wide, net.shapes[wide][1], 3, stride, None, net.shapes[wide][1], bias=False)))
        thin = net.bn(net.conv(deep, out, 1, bias=False))
        x = net.plus(x, thin) if stride == 1 and net.shapes[x] == net.shapes[thin] else thin
    return net.whole(net.softmax(net.fc(net.flat(net.mean(x)), 18)))


def inception(seed):
    net = Family(seed, data=(3, 47, 55))
    x = net.unit("data", 12, 3, 2, pad=0, eps=1e-3)
    for width in (8, 12):
        a = net.unit(x, width, 1, eps=1e-3)
        b = net.unit(net.unit(net.unit(x, width, 1, eps=1e-3), width, (1, 7), eps=1e-3), width, (7, 1), eps=1e-3)
        c = net.unit(net.average_pool(x, 3, 1, 1), width, 1, eps=1e-3)
        x = net.concat(a, b, c)
    x = net.concat(net.max_pool(x), net.unit(x, 12, 3, 2, pad=0, eps=1e-3))
    return net.whole(net.softmax(net.fc(net.flat(net.mean(x)), 15)))


def shufflenet(seed):
    net = Family(seed, data=(3, 40, 40))
    x = net.unit("data", 12, 3, 2)
    for _ in range(2):
        channels, height, width = net.shapes[x][1:]
        inner = net.unit(x, channels, 1, group=3)
        split = net.add("Reshape", inner, net.store(np.array([0, 3, channels // 3, height, width])))[0]
        mixed = net.add("Transpose", split, perm=[0, 2, 1, 3, 4])[0]
        inner = net.add("Reshape", mixed, net.store(np.array([0, channels, height, width])))[0]
        inner = net.bn(net.conv(inner, channels, 3, 1, None, channels, bias=False))
        x = net.relu(net.plus(x, net.bn(net.conv(inner, channels, 1, group=3, bias=False))))
    return net.whole(net.softmax(net.fc(net.flat(net.mean(x)), 9)))


def fcn(seed):
    """Segmentation with learned upsampling, cropped and added to an earlier layer."""
    net = Family(seed, data=(3, 44, 52))
    early = net.max_pool(net.relu(net.conv("data", 12)), 2, 2)
    late = net.max_pool(net.relu(net.conv(early, 16)), 2, 2)
    score = net.conv(late, 6, 1)
    up = net.add("ConvTranspose", score, net.weight(6, 6, 4, 4), net.bias(6), kernel_shape=[4, 4], strides=[2, 2])[0]
    ends = [1 + size for size in net.shapes[early][2:]]
    crop = net.add("Slice", up, *(net.store(np.array(n)) for n in ([1, 1], ends, [2, 3])))[0]
    fused = net.plus(crop, net.conv(early, 6, 1))
    weight = net.weight(6, 1, 4, 4)
    up = net.add(
        "ConvTranspose", fused, weight, kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1], group=6
    )[0]  # fmt: skip
    return net.whole(net.softmax(up))


def unet(seed):
    net = Family(seed, data=(3, 32, 48))
    one = net.unit("data", 8)
    two = net.unit(net.max_pool(one, 2, 2), 12)
    three = net.unit(net.max_pool(two, 2, 2), 16)
    twice = net.store(np.array([1, 1, 2, 2], np.float32))
    up = net.add(
        "Resize", three, "", twice, mode="linear", coordinate_transformation_mode="align_corners"
    )[0]  # fmt: skip
    x = net.unit(net.concat(up, two), 12)
    up = net.add(
        "Resize", x, "", twice, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )[0]  # fmt: skip
    x = net.unit(net.concat(up, one), 8)
    return net.whole(net.add("Sigmoid", net.conv(x, 2, 1))[0])


def ssd(seed):
    """A detection head: normalised early features, permuted and joined scores and boxes."""
    net = Family(seed, data=(3, 40, 56))
    early = net.relu(net.conv(net.relu(net.conv("data", 12, 3, 2)), 16, 3, 2))
    late = net.relu(net.conv(early, 16, 3, 2, dilation=2, pad=2))
    norm = net.add("ReduceL2", early, net.store(np.array([1])), keepdims=1)[0]
    scale = net.store(net.rng.uniform(5, 15, (1, 16, 1, 1)).astype(np.float32))
    early = net.add("Mul", net.add("Div", early, norm)[0], scale)[0]
    scores, boxes = [], []
    for x in (early, late):
        for width, into in ((9, scores), (12, boxes)):
            last = net.add("Transpose", net.conv(x, width), perm=[0, 2, 3, 1])[0]
            into.append(net.add("Reshape", last, net.store(np.array([0, -1, width // 3])))[0])
    prob = net.softmax(net.concat(*scores), axis=2)
    return net.whole(prob, net.concat(*boxes))


def lstm(seed):
    net = Family(seed, data=(12, 10))
    return recurrent(net, "LSTM", 4)


def gru(seed):
    net = Family(seed, data=(9, 12))
    return recurrent(net, "GRU", 3, linear_before_reset=1)


def recurrent(net, op, gates, **more):
    x = net.add("Transpose", "data", perm=[1, 0, 2])[0]
    for hidden in (14, 10):
        inner = net.shapes[x][2]
        weights = [net.store(draw(net, 1, gates * hidden, size)) for size in (inner, hidden)]
        bias = net.store(draw(net, 1, 2 * gates * hidden, 8))[:]
        net.weights[bias] = net.weights[bias].reshape(2, gates * hidden, -1)[..., 0].reshape(1, -1)
        y = net.add(op, x, *weights, bias, hidden_size=hidden, **more)[0]
        x = net.add("Squeeze", y, net.store(np.array([1])))[0]
    last = net.add("Gather", x, net.store(np.array(-1)), axis=0)[0]
    return net.whole(net.softmax(net.fc(last, 8)))


def draw(net, *shape):
    return (net.rng.standard_normal(shape) * 0.5).astype(np.float32)


def facenet(seed):
    """A face network: PReLU with a slope a channel, an embedding at the end."""
    net = Family(seed, data=(3, 36, 28))
    x = "data"
    for width, stride in ((8, 2), (8, 1), (12, 2), (12, 1)):
        y = net.conv(x, width, 3, stride)
        slope = net.store(net.rng.uniform(0.05, 0.4, (width, 1, 1)).astype(np.float32))
        y = net.add("PRelu", y, slope)[0]
        x = net.plus(x, y) if stride == 1 else y
    return net.whole(net.fc(net.flat(x), 16))


def senet(seed):
    net = Family(seed, data=(3, 40, 32))
    x = net.unit("data", 12, 3, 2)
    for _ in range(2):
        inner = net.bn(net.conv(x, 12, 3, bias=False))
        gate = net.relu(net.conv(net.mean(inner), 4, 1))
        gate = net.add("Sigmoid", net.conv(gate, 12, 1))[0]
        x = net.relu(net.plus(x, net.add("Mul", inner, gate)[0]))
    return net.whole(net.softmax(net.fc(net.flat(net.mean(x)), 10)))


def darknet(seed):
    net = Family(seed, data=(3, 64, 48))
    x = "data"
    for place, width in enumerate((8, 12, 16)):
        x = net.add("LeakyRelu", net.bn(net.conv(x, width, 3, bias=False)), alpha=0.1)[0]
        if place < 2:
            x = net.max_pool(x, 2, 2)
    for width in (8, 16):
        x = net.add("LeakyRelu", net.bn(net.conv(x, width, 3 if width > 8 else 1, bias=False)), alpha=0.1)[0]
    return net.whole(net.conv(x, 15, 1))


FAMILIES = {
    make.__name__: make
    for make in (
        vgg, alexnet, googlenet, resnet, preresnet, squeezenet, densenet, mobilenet, inception, shufflenet, fcn, unet,
        ssd, lstm, gru, facenet, senet, darknet,
    )
}  # fmt: skip
