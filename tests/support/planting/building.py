"""Small networks of well-known families, alive as trained ones are: activations near 1, no saturated softmax."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx_nets import Net

BATCH = 4


class Family(Net):
    """A network under construction in the words of the field; every method returns the name of its result."""

    def __init__(self, seed: int, **inputs: tuple[int, ...]) -> None:
        super().__init__(np.random.default_rng(seed))
        for name, shape in inputs.items():
            self.inputs[name] = self.shapes[name] = (BATCH, *shape)

    def conv(self, x, out, kernel=3, stride=1, pad=None, group=1, *, bias=True, dilation=1):
        kernels = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        around = [(k - 1) // 2 * dilation for k in kernels] if pad is None else [pad, pad]
        weight = self.weight(out, self.shapes[x][1] // group, *kernels)
        self.weights[weight] *= np.float32(np.sqrt(2))
        inputs = [x, weight, *([self.bias(out)] if bias else [])]
        return self.add(
            "Conv", *inputs, kernel_shape=list(kernels), strides=[stride] * 2, pads=around * 2, group=group,
            dilations=[dilation] * 2,
        )[0]  # fmt: skip

    def bias(self, size):
        return self.store((self.rng.standard_normal(size) * 0.3).astype(np.float32))

    def bn(self, x, eps=1e-5):
        """BatchNormalization; `alive` sets its statistics to what it really sees."""
        size = self.shapes[x][1]
        gamma = self.store(self.rng.uniform(0.6, 1.4, size).astype(np.float32))
        other = [self.bias(size), self.bias(size), self.weight(size, positive=True)]
        return self.add("BatchNormalization", x, gamma, *other, epsilon=eps)[0]

    def relu(self, x):
        return self.add("Relu", x)[0]

    def relu6(self, x):
        low, high = self.store(np.array(0, np.float32)), self.store(np.array(6, np.float32))
        return self.add("Clip", x, low, high)[0]

    def unit(self, x, out, kernel=3, stride=1, group=1, *, eps=1e-5, pad=None):
        """Convolution without bias, BatchNorm, ReLU."""
        return self.relu(self.bn(self.conv(x, out, kernel, stride, pad, group, bias=False), eps))

    def max_pool(self, x, kernel=3, stride=2, pad=0, *, ceil=False):
        return self.add(
            "MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, ceil_mode=int(ceil)
        )[0]

    def average_pool(self, x, kernel=3, stride=1, pad=1, *, include=True, ceil=False):
        return self.add(
            "AveragePool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
            count_include_pad=int(include), ceil_mode=int(ceil),
        )[0]  # fmt: skip

    def mean(self, x):
        return self.add("GlobalAveragePool", x)[0]

    def flat(self, x):
        return self.add("Flatten", x)[0]

    def fc(self, x, out):
        inner = self.shapes[x][1]
        return self.add("Gemm", x, self.weight(out, inner), self.bias(out), transB=1)[0]

    def concat(self, *xs, axis=1):
        return self.add("Concat", *xs, axis=axis)[0]

    def plus(self, x, y):
        return self.add("Add", x, y)[0]

    def lrn(self, x, size=5, alpha=1e-2, beta=0.75, k=1.0):
        return self.add("LRN", x, size=size, alpha=alpha, beta=beta, bias=k)[0]

    def softmax(self, x, axis=1):
        return self.add("Softmax", x, axis=axis)[0]

    def whole(self, *ends):
        """The finished model: statistics and last layers fitted to what they see, any batch size."""
        return free_batch(alive(self.model(list(ends)), self.rng))


def alive(model, rng):
    """Statistics of BatchNorm near the true ones, and what goes into a softmax of standard deviation near 2."""
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    fed = {port.name: noise(port, rng) for port in model.graph.input}
    producers = {name: node for node in model.graph.node for name in node.output}
    for node in list(model.graph.node):
        if node.op_type == "BatchNormalization":
            seen = run_to(model, node.input[0], fed)
            axes = tuple(axis for axis in range(seen.ndim) if axis != 1)
            jitter = rng.uniform(0.8, 1.25, (2, seen.shape[1]))
            put(held[node.input[3]], seen.mean(axes) * jitter[0])
            put(held[node.input[4]], (seen.var(axes) + 1e-3) * jitter[1])
        elif node.op_type == "Softmax":
            last = producers.get(node.input[0])
            if last is not None and last.op_type in {"Gemm", "Conv"}:
                factor = 2 / run_to(model, node.input[0], fed).std()
                for name in last.input[1:]:
                    put(held[name], onnx.numpy_helper.to_array(held[name]) * factor)
    return model


def put(tensor, array):
    tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float32), tensor.name))


def noise(port, rng):
    return rng.standard_normal([dim.dim_value for dim in port.type.tensor_type.shape.dim]).astype(np.float32)


def run_to(model, value, fed):
    """One inner value."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.output[:]
    part.graph.output.append(onnx.helper.make_tensor_value_info(value, 1, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([value], fed)[0]


def free_batch(model):
    """The same network with a named first axis: its Reshape nodes copy or infer the batch."""
    for port in (*model.graph.input, *model.graph.output):
        if port.type.tensor_type.HasField("shape"):
            port.type.tensor_type.shape.dim[0].dim_param = "N"
    return model
