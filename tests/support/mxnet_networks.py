"""Run by the Python that has MXNet: networks of gluon's model zoo with seeded weights, exported by MXNet itself.

    python -I mxnet_networks.py FOLDER NAME...

Each becomes FOLDER/NAME-symbol.json, NAME-0000.params and NAME.npz with an input and MXNet's output. The weights keep
the variance, so that the last layer still tells one input from another; the statistics of BatchNorm are random too.
"""

import sys
import zlib

import numpy as np

SIZES = {
    "alexnet": 96, "inceptionv3": 299, "densenet121": 224, "densenet161": 224, "densenet169": 224, "densenet201": 224,
    "squeezenet1.0": 224, "squeezenet1.1": 224,
}  # fmt: skip
SMALL = 64  # for networks that end in a global pooling or whose classifier takes any size


def draw(name, shape, rng):
    """A parameter's numbers, by the ending of its name."""
    if name.endswith("weight"):
        inner = max(int(np.prod(shape[1:])), 1)
        return rng.standard_normal(shape) * (2.0 / inner) ** 0.5
    if name.endswith(("gamma", "running_var", "moving_var")):
        return rng.uniform(0.7, 1.3, shape)
    return rng.standard_normal(shape) * 0.1


def export(folder, name):
    import mxnet as mx

    rng = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    net = mx.gluon.model_zoo.vision.get_model(name, prefix="", classes=50)
    size = SIZES.get(name, SMALL)
    x = mx.nd.array(rng.uniform(-1, 1, (2, 3, size, size + 32 if size == SMALL and "net" in name else size)))
    net.initialize()
    net(x)
    for key, parameter in net.collect_params().items():
        parameter.set_data(mx.nd.array(draw(key, parameter.shape, rng)))
    net.hybridize()
    y = net(x)
    net.export(folder + "/" + name, epoch=0)
    np.savez(folder + "/" + name + ".npz", x=x.asnumpy(), y=y.asnumpy())


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        export(sys.argv[1], wanted)
