"""The later classic symbols, in MXNet's symbol API: run by mxnet_classics.py, in the Python that has MXNet.

Written from the papers' tables (Rethinking the Inception Architecture; Inception-v4, Inception-ResNet; MobileNetV2;
Deep Residual Learning). Each stage has its published layers; where it repeats one module 5 to 20 times, once or twice.
"""

import mxnet as mx

S = mx.sym


def conv(data, name, filters, kernel=1, stride=1, pad=0, act=True, group=1):
    """Convolution without bias, BatchNorm, relu; kernel and pad are a number or (rows, columns)."""
    pair = lambda value: value if isinstance(value, tuple) else (value, value)  # noqa: E731 - two lines of two letters
    data = S.Convolution(data, num_filter=filters, kernel=pair(kernel), stride=pair(stride), pad=pair(pad),
                         num_group=group, no_bias=True, name=name)  # fmt: skip
    data = S.BatchNorm(data, fix_gamma=False, eps=0.001, name=name + "_bn")
    return S.Activation(data, act_type="relu", name=name + "_relu") if act else data


def chain(data, name, *steps):
    """Convolutions one behind the other: each a tuple of filters, kernel, stride, pad."""
    for place, step in enumerate(steps):
        data = conv(data, f"{name}_{place}", *step)
    return data


def pool(data, kind, stride=1, pad=0):
    return S.Pooling(data, kernel=(3, 3), stride=(stride,) * 2, pad=(pad,) * 2, pool_type=kind)


def wide(kernel):
    """A row of the kernel with what keeps the size."""
    return ((1, kernel), 1, (0, kernel // 2))


def tall(kernel):
    return ((kernel, 1), 1, (kernel // 2, 0))


def stem_v3(data):
    data = chain(data, "stem", (32, 3, 2), (32, 3), (64, 3, 1, 1))
    return pool(chain(pool(data, "max", 2), "stem2", (80,), (192, 3)), "max", 2)


def ending(data, classes, rate=0.2):
    data = S.Pooling(data, kernel=(8, 8), global_pool=True, pool_type="avg")
    data = S.Dropout(S.Flatten(data), p=rate)
    return S.SoftmaxOutput(S.FullyConnected(data, num_hidden=classes, name="fc"), name="softmax")


def inception_v3(classes):
    data = stem_v3(S.Variable("data"))
    for place, project in enumerate((32, 64)):
        name = f"a{place}"
        data = S.Concat(conv(data, name + "_1", 64), chain(data, name + "_5", (48,), (64, 5, 1, 2)),
                        chain(data, name + "_3", (64,), (96, 3, 1, 1), (96, 3, 1, 1)),
                        conv(pool(data, "avg", 1, 1), name + "_p", project))  # fmt: skip
    data = S.Concat(conv(data, "b_3", 384, 3, 2), chain(data, "b_d", (64,), (96, 3, 1, 1), (96, 3, 2)),
                    pool(data, "max", 2))  # fmt: skip
    seven = chain(data, "c_7", (128,), (128, *wide(7)), (192, *tall(7)))
    twice = chain(data, "c_d", (128,), (128, *tall(7)), (128, *wide(7)), (128, *tall(7)), (192, *wide(7)))
    data = S.Concat(conv(data, "c_1", 192), seven, twice, conv(pool(data, "avg", 1, 1), "c_p", 192))
    reduced = chain(data, "d_7", (192,), (192, *wide(7)), (192, *tall(7)), (192, 3, 2))
    data = S.Concat(chain(data, "d_3", (192,), (320, 3, 2)), reduced, pool(data, "max", 2))
    for kind in ("avg", "max"):
        one, two = conv(data, kind + "_3", 384), chain(data, kind + "_d", (448,), (384, 3, 1, 1))
        ends = [conv(part, f"{kind}_{place}{way.__name__}", 384, *way(3)) for place, part in enumerate((one, two))
                for way in (wide, tall)]  # fmt: skip
        data = S.Concat(conv(data, kind + "_1", 320), *ends, conv(pool(data, kind, 1, 1), kind + "_p", 192))
    return ending(data, classes), (2, 3, 139, 155)


def stem_v4(data):
    data = chain(data, "stem", (32, 3, 2), (32, 3), (64, 3, 1, 1))
    data = S.Concat(pool(data, "max", 2), conv(data, "stem_3", 96, 3, 2))
    left = chain(data, "stem_l", (64,), (96, 3))
    right = chain(data, "stem_r", (64,), (64, *tall(7)), (64, *wide(7)), (96, 3))
    data = S.Concat(left, right)
    return S.Concat(conv(data, "stem_s", 192, 3, 2), pool(data, "max", 2))


def inception_v4(classes):
    """4, 7 and 3 modules in the paper; one of each here."""
    data = stem_v4(S.Variable("data"))
    data = S.Concat(conv(pool(data, "avg", 1, 1), "a_p", 96), conv(data, "a_1", 96),
                    chain(data, "a_3", (64,), (96, 3, 1, 1)),
                    chain(data, "a_d", (64,), (96, 3, 1, 1), (96, 3, 1, 1)))  # fmt: skip
    data = S.Concat(pool(data, "max", 2), conv(data, "ra_3", 384, 3, 2),
                    chain(data, "ra_d", (192,), (224, 3, 1, 1), (256, 3, 2)))  # fmt: skip
    deep = chain(data, "b_d", (192,), (192, *wide(7)), (224, *tall(7)), (224, *wide(7)), (256, *tall(7)))
    data = S.Concat(conv(pool(data, "avg", 1, 1), "b_p", 128), conv(data, "b_1", 384),
                    chain(data, "b_7", (192,), (224, *wide(7)), (256, *tall(7))), deep)  # fmt: skip
    data = S.Concat(pool(data, "max", 2), chain(data, "rb_3", (192,), (192, 3, 2)),
                    chain(data, "rb_7", (256,), (256, *wide(7)), (320, *tall(7)), (320, 3, 2)))  # fmt: skip
    one, two = conv(data, "c_3", 384), chain(data, "c_d", (384,), (448, *wide(3)), (512, *tall(3)))
    ends = [conv(part, f"c_{place}{way.__name__}", 256, *way(3)) for place, part in enumerate((one, two))
            for way in (wide, tall)]  # fmt: skip
    data = S.Concat(conv(pool(data, "avg", 1, 1), "c_p", 256), conv(data, "c_1", 256), *ends)
    return ending(data, classes), (2, 3, 139, 155)


def block(data, name, channels, scale, towers, act=True):
    """A residual module of Inception-ResNet: what the towers say is scaled before it is added."""
    joined = conv(S.Concat(*towers, name=name + "_concat"), name + "_up", channels, act=False)
    data = data + scale * joined
    return S.Activation(data, act_type="relu", name=name + "_out") if act else data


def inception_resnet_v2(classes):
    """10, 20 and 10 modules in the paper; two, two and one here, and the last without activation as there."""
    data = stem_v3(S.Variable("data"))
    data = S.Concat(conv(data, "m_1", 96), chain(data, "m_5", (48,), (64, 5, 1, 2)),
                    chain(data, "m_3", (64,), (96, 3, 1, 1), (96, 3, 1, 1)),
                    conv(pool(data, "avg", 1, 1), "m_p", 64))  # fmt: skip
    for place in range(2):
        name = f"x{place}"
        towers = [conv(data, name + "_1", 32), chain(data, name + "_3", (32,), (32, 3, 1, 1)),
                  chain(data, name + "_d", (32,), (48, 3, 1, 1), (64, 3, 1, 1))]  # fmt: skip
        data = block(data, name, 320, 0.17, towers)
    data = S.Concat(conv(data, "r_3", 384, 3, 2), chain(data, "r_d", (256,), (256, 3, 1, 1), (384, 3, 2)),
                    pool(data, "max", 2))  # fmt: skip
    for place in range(2):
        name = f"y{place}"
        towers = [conv(data, name + "_1", 192), chain(data, name + "_7", (128,), (160, *wide(7)), (192, *tall(7)))]
        data = block(data, name, 1088, 0.1, towers)
    data = S.Concat(chain(data, "q_a", (256,), (384, 3, 2)), chain(data, "q_b", (256,), (288, 3, 2)),
                    chain(data, "q_c", (256,), (288, 3, 1, 1), (320, 3, 2)), pool(data, "max", 2))  # fmt: skip
    towers = [conv(data, "z_1", 192), chain(data, "z_3", (192,), (224, *wide(3)), (256, *tall(3)))]
    data = conv(block(data, "z", 2080, 0.2, towers, act=False), "last", 1536)
    return ending(data, classes), (2, 3, 139, 155)


def mobilenetv2(classes):
    """Inverted residuals; relu6 is a clip."""

    def six(value, name, *step, **more):
        return S.clip(conv(value, name, *step, act=False, **more), a_min=0, a_max=6, name=name + "_relu6")

    data, inner = six(S.Variable("data"), "first", 32, 3, 2, 1), 32
    for place, (factor, filters, stride) in enumerate(
        ((1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 64, 2), (6, 96, 1), (6, 160, 2), (6, 320, 1))
    ):
        name, middle = f"unit{place}", inner * factor
        value = six(data, name + "_up", middle) if factor > 1 else data
        value = six(value, name + "_dw", middle, 3, stride, 1, group=middle)
        value = conv(value, name + "_down", filters, act=False)
        data, inner = (data + value if stride == 1 and inner == filters else value), filters
    data = S.Pooling(six(data, "last", 1280), kernel=(7, 7), global_pool=True, pool_type="avg")
    data = S.Flatten(S.Convolution(data, num_filter=classes, kernel=(1, 1), no_bias=True, name="pred"))
    return S.SoftmaxOutput(data, name="softmax"), (2, 3, 64, 96)


def resnet_v1(classes):
    """Bottlenecks with the activation behind the sum; 3, 4, 6 and 3 in the paper's 50 layers, two a stage here."""
    data = pool(conv(S.Variable("data"), "first", 64, 7, 2, 3), "max", 2, 1)
    for stage, filters in enumerate((256, 512, 1024, 2048)):
        for place in range(2):
            name, stride = f"stage{stage}_{place}", 2 if stage and not place else 1
            value = chain(data, name, (filters // 4, 1, stride), (filters // 4, 3, 1, 1))
            value = conv(value, name + "_up", filters, act=False)
            data = data if place else conv(data, name + "_sc", filters, 1, stride, act=False)
            data = S.Activation(data + value, act_type="relu", name=name + "_out")
    return ending(data, classes, 0.0), (2, 3, 64, 96)


NETWORKS = {
    function.__name__: function
    for function in (inception_v3, inception_v4, inception_resnet_v2, mobilenetv2, resnet_v1)
}
