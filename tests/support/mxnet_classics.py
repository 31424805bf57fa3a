"""Run by the Python that has MXNet: the classic symbols of its image-classification examples, with seeded weights.

    python -I mxnet_classics.py FOLDER classic/NAME...

Written in MXNet's symbol API from their published structure; widths and depths are the published ones unless a
comment says otherwise. Each becomes FOLDER/classic/NAME-symbol.json, NAME-0000.params and, with input and output,
NAME.npz.
"""

import sys
import zlib
from pathlib import Path

import mxnet as mx
import numpy as np

S = mx.sym
CLASSES = 40


def head(data):
    return S.SoftmaxOutput(S.FullyConnected(data, num_hidden=CLASSES, name="fc"), name="softmax")


def unit(data, filters, kernel, stride=(1, 1), pad=(0, 0), name=None, **more):
    """Convolution, BatchNorm, relu."""
    data = S.Convolution(
        data, num_filter=filters, kernel=kernel, stride=stride, pad=pad, name=name, no_bias=True, **more
    )
    data = S.BatchNorm(data, fix_gamma=False, eps=2e-5, name=name + "_bn")
    return S.Activation(data, act_type="relu", name=name + "_relu")


def mlp():
    data = S.Flatten(S.Variable("data"))
    for place, hidden in enumerate((128, 64)):
        data = S.Activation(S.FullyConnected(data, num_hidden=hidden, name=f"fc{place}"), act_type="relu")
    return head(data), (2, 1, 28, 28)


def lenet():
    data = S.Variable("data")
    for place, filters in enumerate((20, 50)):
        data = S.Convolution(data, kernel=(5, 5), num_filter=filters, name=f"conv{place}")
        data = S.Pooling(S.Activation(data, act_type="tanh"), pool_type="max", kernel=(2, 2), stride=(2, 2))
    data = S.Activation(S.FullyConnected(S.Flatten(data), num_hidden=500, name="fc0"), act_type="tanh")
    return head(data), (2, 1, 28, 28)


def alexnet():
    data = S.Variable("data")
    for place, (filters, kernel, stride, pad, after) in enumerate(
        ((96, 11, 4, 0, 2), (256, 5, 1, 2, 2), (384, 3, 1, 1, 0), (384, 3, 1, 1, 0), (256, 3, 1, 1, 1))
    ):
        data = S.Convolution(data, num_filter=filters, kernel=(kernel,) * 2, stride=(stride,) * 2, pad=(pad,) * 2)
        data = S.Activation(data, act_type="relu")
        if after == 2:
            data = S.LRN(data, alpha=0.0001, beta=0.75, knorm=2, nsize=5, name=f"norm{place}")
        if after:
            data = S.Pooling(data, pool_type="max", kernel=(3, 3), stride=(2, 2))
    for place in range(2):
        data = S.FullyConnected(S.Flatten(data), num_hidden=512, name=f"fc{place}")  # published: 4096
        data = S.Dropout(S.Activation(data, act_type="relu"), p=0.5)
    return head(data), (2, 3, 115, 131)


def vgg():
    data = S.Variable("data")
    for block, (filters, count) in enumerate(((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))):
        for place in range(count):
            name = f"conv{block}_{place}"
            data = S.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=name)
            data = S.Activation(data, act_type="relu", name=name + "_relu")
        data = S.Pooling(data, pool_type="max", kernel=(2, 2), stride=(2, 2))
    data = S.Dropout(S.FullyConnected(S.Flatten(data), num_hidden=256, name="fc0"), p=0.5)  # published: 4096, twice
    return head(S.Activation(data, act_type="relu")), (2, 3, 64, 96)


def inception(data, name, counts, pool):
    """GoogLeNet's module with BatchNorm: 1x1, 3x3, double 3x3, pooled."""
    one, reduce3, three, reduce5, five, project = counts
    towers = [unit(data, one, (1, 1), name=name + "_1x1")] if one else []
    stride = (1, 1) if one else (2, 2)
    small = unit(data, reduce3, (1, 1), name=name + "_3x3r")
    towers.append(unit(small, three, (3, 3), stride, (1, 1), name=name + "_3x3"))
    large = unit(unit(data, reduce5, (1, 1), name=name + "_d3x3r"), five, (3, 3), pad=(1, 1), name=name + "_d3x3a")
    towers.append(unit(large, five, (3, 3), stride, (1, 1), name=name + "_d3x3b"))
    pooled = S.Pooling(data, kernel=(3, 3), stride=stride, pad=(1, 1), pool_type=pool, name=name + "_pool")
    towers.append(unit(pooled, project, (1, 1), name=name + "_proj") if project else pooled)
    return S.Concat(*towers, name=name + "_concat")


def inception_bn():
    data = unit(S.Variable("data"), 64, (7, 7), (2, 2), (3, 3), name="conv1")
    data = S.Pooling(data, kernel=(3, 3), stride=(2, 2), pool_type="max")
    data = unit(unit(data, 64, (1, 1), name="conv2r"), 192, (3, 3), pad=(1, 1), name="conv2")
    data = S.Pooling(data, kernel=(3, 3), stride=(2, 2), pool_type="max")
    data = inception(data, "3a", (64, 64, 64, 64, 96, 32), "avg")
    data = inception(data, "3c", (0, 128, 160, 64, 96, 0), "max")
    data = inception(data, "4a", (224, 64, 96, 96, 128, 128), "avg")
    data = S.Pooling(data, kernel=(1, 1), global_pool=True, pool_type="avg")
    return head(S.Flatten(data)), (2, 3, 112, 96)


def googlenet():
    """The first modules, without BatchNorm, pooled by the convention full as in nets that came from Caffe."""

    def conv(data, filters, kernel, pad=0, stride=1):
        data = S.Convolution(data, num_filter=filters, kernel=(kernel,) * 2, pad=(pad,) * 2, stride=(stride,) * 2)
        return S.Activation(data, act_type="relu")

    full = {"pooling_convention": "full", "pool_type": "max", "kernel": (3, 3)}
    data = S.LRN(S.Pooling(conv(S.Variable("data"), 64, 7, 3, 2), stride=(2, 2), **full), nsize=5)
    data = S.Pooling(S.LRN(conv(conv(data, 64, 1), 192, 3, 1), nsize=5), stride=(2, 2), **full)
    for one, r3, three, r5, five, project in ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)):
        towers = [conv(data, one, 1), conv(conv(data, r3, 1), three, 3, 1), conv(conv(data, r5, 1), five, 5, 2)]
        towers.append(conv(S.Pooling(data, stride=(1, 1), pad=(1, 1), **full), project, 1))
        data = S.Concat(*towers)
    data = S.Pooling(data, kernel=(7, 7), global_pool=True, pool_type="avg")
    return head(S.Flatten(S.Dropout(data, p=0.4))), (2, 3, 97, 113)


def preactivated(data, filters, stride, matched, name, group=1):
    """The residual unit of resnet (version 2) and, grouped, of resnext."""

    def act(value, place):
        value = S.BatchNorm(value, fix_gamma=False, eps=2e-5, momentum=0.9, name=f"{name}_bn{place}")
        return S.Activation(value, act_type="relu")

    first = act(data, 1)
    middle = filters // 4 if group == 1 else filters // 2
    value = S.Convolution(first, num_filter=middle, kernel=(1, 1), no_bias=True, workspace=256, name=name + "_conv1")
    value = S.Convolution(act(value, 2), num_filter=middle, kernel=(3, 3), stride=stride, pad=(1, 1), num_group=group,
                          no_bias=True, name=name + "_conv2")  # fmt: skip
    value = S.Convolution(act(value, 3), num_filter=filters, kernel=(1, 1), no_bias=True, name=name + "_conv3")
    if not matched:
        data = S.Convolution(first, num_filter=filters, kernel=(1, 1), stride=stride, no_bias=True, name=name + "_sc")
    return value + data


def resnet(group=1):
    data = S.BatchNorm(S.identity(S.Variable("data"), name="id"), fix_gamma=True, eps=2e-5, name="bn_data")
    data = S.Convolution(data, num_filter=64, kernel=(7, 7), stride=(2, 2), pad=(3, 3), no_bias=True, name="conv0")
    data = S.Activation(S.BatchNorm(data, fix_gamma=False, eps=2e-5, name="bn0"), act_type="relu")
    data = S.Pooling(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for stage, (filters, units) in enumerate(((256, 2), (512, 2), (1024, 1))):
        for place in range(units):
            stride = (1, 1) if stage == 0 or place else (2, 2)
            name = f"stage{stage}_unit{place}"
            data = preactivated(data, filters, stride, bool(place), name, group)
    data = S.Activation(S.BatchNorm(data, fix_gamma=False, eps=2e-5, name="bn1"), act_type="relu")
    data = S.Pooling(data, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool1")
    return head(S.Flatten(data)), (2, 3, 64, 96)


def resnext():
    return resnet(group=32)


def mobilenet():
    data = unit(S.Variable("data"), 32, (3, 3), (2, 2), (1, 1), name="conv1")
    inner = 32
    for place, (filters, stride) in enumerate(((64, 1), (128, 2), (128, 1), (256, 2), (512, 2), (1024, 2))):
        data = unit(data, inner, (3, 3), (stride,) * 2, (1, 1), name=f"dw{place}", num_group=inner)
        data, inner = unit(data, filters, (1, 1), name=f"pw{place}"), filters
    data = S.Pooling(data, kernel=(7, 7), global_pool=True, pool_type="avg")
    return head(S.Flatten(data)), (2, 3, 64, 96)


NETWORKS = {
    function.__name__: function
    for function in (mlp, lenet, alexnet, vgg, inception_bn, googlenet, resnet, resnext, mobilenet)
}


def network(name):
    """A classic's symbol and the shape of its input."""
    if name in NETWORKS:
        return NETWORKS[name]()
    sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it away
    import mxnet_inceptions

    return mxnet_inceptions.NETWORKS[name](CLASSES)


def export(folder, name, symbol, shape):
    """Draw weights that keep the variance, run, and save as `save_checkpoint` does."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=shape)
    stored = {}
    for kind, table in (("arg", executor.arg_dict), ("aux", executor.aux_dict)):
        for key, array in table.items():
            if key == "data" or key.endswith("label"):
                continue
            array[:] = draw(key, array.shape, rng)
            stored[f"{kind}:{key}"] = array
    x = rng.uniform(-1, 1, shape).astype("f4")
    soften(symbol, executor, x, stored)
    y = executor.forward(is_train=False, data=mx.nd.array(x))[0].asnumpy()
    symbol.save(f"{folder}/{name}-symbol.json")
    mx.nd.save(f"{folder}/{name}-0000.params", stored)
    np.savez(f"{folder}/{name}.npz", x=x, y=y)


def soften(symbol, executor, x, stored):
    """Weights of the last layer for logits of size 2: a softmax of 1 and 0 hides what the layers before compute."""
    name = [key for key in symbol.list_arguments() if key.endswith("weight")][-1]
    inner = symbol.get_internals()[name.replace("weight", "output")]
    probe = inner.simple_bind(mx.cpu(), grad_req="null", data=x.shape)
    probe.copy_params_from({key: executor.arg_dict[key] for key in probe.arg_dict if key != "data"}, executor.aux_dict)
    logits = probe.forward(is_train=False, data=mx.nd.array(x))[0].asnumpy()
    executor.arg_dict[name][:] = executor.arg_dict[name] * (2 / logits.std())
    stored[f"arg:{name}"] = executor.arg_dict[name]


def draw(name, shape, rng):
    if name.endswith("weight"):
        return rng.standard_normal(shape) * (2.0 / max(int(np.prod(shape[1:])), 1)) ** 0.5
    if name.endswith(("gamma", "var")):
        return rng.uniform(0.7, 1.3, shape)
    return rng.standard_normal(shape) * 0.1


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        export(sys.argv[1], wanted, *network(wanted.split("/")[-1]))
