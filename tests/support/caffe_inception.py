"""Inception v3 at full size as a Caffe prototxt (soeaver/caffe-model): padded average pooling in every block."""

from __future__ import annotations

from caffe_classics import Net

_TALL, _WIDE = (7, 1), (1, 7)


def inception_v3() -> str:
    net = Net("inception_v3", 299)
    last = net.unit("conv1", "data", 32, 3, stride=2)
    last = net.unit("conv3", net.unit("conv2", last, 32, 3), 64, 3, pad=1)
    last = net.unit("conv4", net.pool("pool1", last, "MAX", 3, 2), 80, 1)
    last = net.pool("pool2", net.unit("conv5", last, 192, 3), "MAX", 3, 2)
    for number, behind in enumerate((32, 64, 64), 1):
        last = _a(net, f"a{number}", last, behind)
    last = _smaller(net, last)
    for number, width in enumerate((128, 160, 160, 192), 1):
        last = _b(net, f"b{number}", last, width)
    last = _smallest(net, last)
    for number in (1, 2):
        last = _c(net, f"c{number}", last)
    return net.end(net.full("fc", net.pool("pool", last, "AVE", 0), 1000))


def _a(net: Net, name: str, last: str, behind: int) -> str:
    double = net.unit(f"{name}/3x3_1", net.unit(f"{name}/3x3_reduce", last, 64, 1), 96, 3, pad=1)
    return net.concat(
        f"{name}/output",
        net.unit(f"{name}/1x1", last, 64, 1),
        net.unit(f"{name}/5x5", net.unit(f"{name}/5x5_reduce", last, 48, 1), 64, 5, pad=2),
        net.unit(f"{name}/3x3_2", double, 96, 3, pad=1),
        net.unit(f"{name}/proj", net.pool(f"{name}/pool", last, "AVE", 3, 1, 1), behind, 1),
    )


def _smaller(net: Net, last: str) -> str:
    double = net.unit("ra/3x3_1", net.unit("ra/reduce", last, 64, 1), 96, 3, pad=1)
    return net.concat(
        "ra/output",
        net.unit("ra/3x3", last, 384, 3, stride=2),
        net.unit("ra/3x3_2", double, 96, 3, stride=2),
        net.pool("ra/pool", last, "MAX", 3, 2),
    )


def _seven(net: Net, name: str, last: str, *steps: tuple[int, tuple[int, int]]) -> str:
    """Kernels of seven in one direction, padded by three in it."""
    for number, (out, kernel) in enumerate(steps, 1):
        last = net.unit(f"{name}_{number}", last, out, kernel, pad=(3 * (kernel[0] > 1), 3 * (kernel[1] > 1)))
    return last


def _b(net: Net, name: str, last: str, width: int) -> str:
    once = net.unit(f"{name}/1x7_reduce", last, width, 1)
    twice = net.unit(f"{name}/7x1_reduce", last, width, 1)
    steps = ((width, _TALL), (width, _WIDE), (width, _TALL), (192, _WIDE))
    return net.concat(
        f"{name}/output",
        net.unit(f"{name}/1x1", last, 192, 1),
        _seven(net, f"{name}/once", once, (width, _WIDE), (192, _TALL)),
        _seven(net, f"{name}/twice", twice, *steps),
        net.unit(f"{name}/proj", net.pool(f"{name}/pool", last, "AVE", 3, 1, 1), 192, 1),
    )


def _smallest(net: Net, last: str) -> str:
    seven = _seven(net, "rb/7", net.unit("rb/7_reduce", last, 192, 1), (192, _WIDE), (192, _TALL))
    return net.concat(
        "rb/output",
        net.unit("rb/3x3", net.unit("rb/3x3_reduce", last, 192, 1), 320, 3, stride=2),
        net.unit("rb/7x7_3x3", seven, 192, 3, stride=2),
        net.pool("rb/pool", last, "MAX", 3, 2),
    )


def _c(net: Net, name: str, last: str) -> str:
    three = net.unit(f"{name}/3x3_reduce", last, 384, 1)
    double = net.unit(f"{name}/3x3", net.unit(f"{name}/double_reduce", last, 448, 1), 384, 3, pad=1)
    return net.concat(
        f"{name}/output",
        net.unit(f"{name}/1x1", last, 320, 1),
        net.unit(f"{name}/1x3", three, 384, (1, 3), pad=(0, 1)),
        net.unit(f"{name}/3x1", three, 384, (3, 1), pad=(1, 0)),
        net.unit(f"{name}/double_1x3", double, 384, (1, 3), pad=(0, 1)),
        net.unit(f"{name}/double_3x1", double, 384, (3, 1), pad=(1, 0)),
        net.unit(f"{name}/proj", net.pool(f"{name}/pool", last, "AVE", 3, 1, 1), 192, 1),
    )
