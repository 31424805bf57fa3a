"""Run by the Python that has MXNet: classic symbols that compute in float16, with seeded weights.

    python -I mxnet_halves.py FOLDER classic/NAME_fp16...

MXNet 1.9.1 has no float16 convolution on a CPU ("FP16 gemm on cpu not implemented!"), so what NAME.npz holds as output
is that of the same network with the casts taken to float32, over the same weights, which are float16's own numbers.
"""

import json
import sys
from pathlib import Path

import mxnet as mx
import numpy as np

HALVES = {"alexnet_fp16": "alexnet", "vgg_fp16": "vgg", "resnet_fp16": "resnet", "resnet_v1_fp16": "resnet_v1"}
BACK = ("resnet_fp16", "resnet_v1_fp16", "vgg_fp16")
"""Those that cast to float32 before the softmax; AlexNet's examples cast the label instead."""


def cast(symbol, back):
    """The symbol with a Cast behind its input and, where the examples have it, one before the softmax."""
    document = json.loads(symbol.tojson())
    nodes, moved, made = document["nodes"], {}, []
    final = nodes[-1]

    def put(node):
        made.append({**node, "inputs": [[moved[source], output, 0] for source, output, *_ in node["inputs"]]})
        return len(made) - 1

    for place, node in enumerate(nodes):
        if node is final and back:
            source = node["inputs"][0][0]
            made.append(
                {"op": "Cast", "name": "back", "attrs": {"dtype": "float32"}, "inputs": [[moved[source], 0, 0]]}
            )
            moved[source] = len(made) - 1
        moved[place] = put(node)
        if node["name"] == "data":
            made.append(
                {"op": "Cast", "name": "cast0", "attrs": {"dtype": "float16"}, "inputs": [[moved[place], 0, 0]]}
            )
            moved[place] = len(made) - 1
    document["nodes"] = made
    document["arg_nodes"] = [place for place, node in enumerate(made) if node["op"] == "null"]
    document["heads"] = [[moved[len(nodes) - 1], 0, 0]]
    document.pop("node_row_ptr", None)
    return json.dumps(document, indent=2)


def export(folder, name):
    """The weights as float16 (those of BatchNorm stay wide), what float32 makes of them, and the symbol with casts."""
    import mxnet_classics

    symbol, shape = mxnet_classics.network(HALVES[name])
    mxnet_classics.export(folder, f"classic/{name}", symbol, shape)
    prefix = f"{folder}/classic/{name}"
    wide = ("gamma", "beta", "moving_mean", "moving_var")
    stored = {
        key: array if key.endswith(wide) else array.astype("float16")
        for key, array in mx.nd.load(prefix + "-0000.params").items()
    }
    x = np.load(prefix + ".npz")["x"].astype(np.float16).astype(np.float32)
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=shape)
    for key, array in stored.items():
        table = executor.arg_dict if key.startswith("arg:") else executor.aux_dict
        table[key[4:]][:] = array.astype("float32")
    y = executor.forward(is_train=False, data=mx.nd.array(x))[0].asnumpy()
    Path(prefix + "-symbol.json").write_text(cast(symbol, name in BACK), encoding="utf-8")
    mx.nd.save(prefix + "-0000.params", stored)
    np.savez(prefix + ".npz", x=x, y=y)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it away
    for wanted in sys.argv[2:]:
        export(sys.argv[1], wanted.split("/")[-1])
