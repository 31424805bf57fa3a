"""ONNX -> PyTorch for VGG-16 (553 MB of weights): time and peak memory of the whole process, beside a plain copy.

python benchmarks/write_torch.py    (needs about 2 GB of disk; no PyTorch)
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import measure, report

_MAKE = """
import sys, numpy as np, onnx
from onnx import helper, numpy_helper, TensorProto
weights, nodes, last, channels = [], [], "data", 3
def tensor(name, *shape):
    weights.append(numpy_helper.from_array(np.full(shape, 0.01, np.float32), name))
    return name
def add(op, name, *inputs, **attributes):
    global last
    nodes.append(helper.make_node(op, [last, *inputs], [name], name=name, **attributes))
    last = name
for block, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
    for index in range(1, count + 1):
        name = f"conv{block}_{index}"
        add("Conv", name, tensor(f"{name}.weight", width, channels, 3, 3), tensor(f"{name}.bias", width),
            kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        add("Relu", f"relu{block}_{index}")
        channels = width
    add("MaxPool", f"pool{block}", kernel_shape=[2, 2], strides=[2, 2])
add("Flatten", "flat")
for name, rows, columns in (("fc6", 4096, 25088), ("fc7", 4096, 4096), ("fc8", 1000, 4096)):
    add("Gemm", name, tensor(f"{name}.weight", rows, columns), tensor(f"{name}.bias", rows), transB=1)
    if name != "fc8":
        add("Relu", f"relu_{name}")
add("Softmax", "prob", axis=1)
ports = [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, 224, 224])]
results = [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["N", 1000])]
graph = helper.make_graph(nodes, "VGG_16", ports, results, weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.save(model, sys.argv[1])
"""


def main() -> None:
    with TemporaryDirectory(prefix="zoo-write-torch-") as folder:
        source = Path(folder) / "vgg16.onnx"
        measure([sys.executable, "-c", _MAKE, str(source)], runs=1, warmup=0)
        convert = [
            sys.executable,
            "-m",
            "zoo",
            "convert",
            str(source),
            "--to",
            "torch",
            "-o",
            str(Path(folder) / "out"),
        ]
        copy = [sys.executable, "-c", "import shutil, sys; shutil.copy(*sys.argv[1:])", str(source), f"{source}.copy"]
        print(report({"copy the file": measure(copy, runs=3), "zoo convert --to torch": measure(convert, runs=3)}))


if __name__ == "__main__":
    main()
