"""The three networks of MTCNN, from facenet-pytorch 2.6.0, models/mtcnn.py."""

from __future__ import annotations

from converters.pytorch.architectures import Architecture
from converters.pytorch.network import Network, Value


def pnet(net: Network) -> None:
    """Fully convolutional, any size from 12 on; one answer for each window of 12 x 12 at stride 2."""
    x = _unit(net, net.input("x", ("N", 3, "H", "W")), 1, 10, 3)
    x = _unit(net, net.max_pool(x, "pool1", 2, 2, ceil=True), 2, 16, 3)
    x = _unit(net, x, 3, 32, 3)
    face = net.add("Softmax", "softmax4_1", net.conv(x, "conv4_1", 2, 1, bias=True), dim=1)
    net.output(net.conv(x, "conv4_2", 4, 1, bias=True))
    net.output(face)


def rnet(net: Network) -> None:
    """24 x 24 -> a box and two probabilities."""
    x = _unit(net, net.input("x", ("N", 3, 24, 24)), 1, 28, 3)
    x = _unit(net, net.max_pool(x, "pool1", 3, 2, ceil=True), 2, 48, 3)
    x = _unit(net, net.max_pool(x, "pool2", 3, 2, ceil=True), 3, 64, 2)
    x = _dense(net, x, 4, 128)
    face = net.add("Softmax", "softmax5_1", net.linear(x, "dense5_1", 2), dim=1)
    net.output(net.linear(x, "dense5_2", 4))
    net.output(face)


def onet(net: Network) -> None:
    """48 x 48 -> a box, five landmarks and two probabilities."""
    x = _unit(net, net.input("x", ("N", 3, 48, 48)), 1, 32, 3)
    x = _unit(net, net.max_pool(x, "pool1", 3, 2, ceil=True), 2, 64, 3)
    x = _unit(net, net.max_pool(x, "pool2", 3, 2, ceil=True), 3, 64, 3)
    x = _unit(net, net.max_pool(x, "pool3", 2, 2, ceil=True), 4, 128, 2)
    x = _dense(net, x, 5, 256)
    face = net.add("Softmax", "softmax6_1", net.linear(x, "dense6_1", 2), dim=1)
    net.output(net.linear(x, "dense6_2", 4))
    net.output(net.linear(x, "dense6_3", 10))
    net.output(face)


def _unit(net: Network, x: Value, number: int, out: int, kernel: int) -> Value:
    return _prelu(net, net.conv(x, f"conv{number}", out, kernel, 1, 0, bias=True), number)


def _dense(net: Network, x: Value, number: int, out: int) -> Value:
    """A Linear over the 3 x 3 map as N, W, H, C, the order of Caffe's MATLAB training."""
    x = net.flatten(net.add("Permute", "permute", x, dims=(0, 3, 2, 1)), area=9)
    return _prelu(net, net.linear(x, f"dense{number}", out), number)


def _prelu(net: Network, x: Value, number: int) -> Value:
    return net.add("PReLU", f"prelu{number}", x, weights={"weight": (x.channels,)}, num_parameters=x.channels)


ARCHITECTURES = {
    "mtcnn-pnet": Architecture(pnet, "conv4_2.weight"),
    "mtcnn-rnet": Architecture(rnet, "dense5_2.weight"),
    "mtcnn-onet": Architecture(onet, "dense6_3.weight"),
}
