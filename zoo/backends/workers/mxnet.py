"""Apache MXNet 1.9.1, on the CPU: symbol and parameters, as a checkpoint or as gluon exports them."""

import json
import os
import tempfile
from pathlib import Path

NAME = "mxnet"
READS = ["mxnet"]
NEEDS = ["mxnet"]
ENV = {
    "pythons": ["3.8", "3.9", "3.10", "3.11"],
    # The last release; it uses np.bool, which numpy 1.24 removed.
    "requirements": ["mxnet==1.9.1", "numpy<1.24"],
}
OPTIONS = {"partial": False}

_PROBE = {
    "nodes": [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "_mul_scalar", "name": "twice", "attrs": {"scalar": "2"}, "inputs": [[0, 0, 0]]},
        {"op": "_plus_scalar", "name": "out", "attrs": {"scalar": "1"}, "inputs": [[1, 0, 0]]},
    ],
    "arg_nodes": [0],
    "heads": [[2, 0, 0]],
    "attrs": {"mxnet_version": ["int", 10901]},
}


class Net:
    """A symbol with its arrays; `fed` are the arguments that no array exists for, labels apart."""

    def __init__(self, symbol: object, arrays: dict, options: dict) -> None:
        self.symbol = symbol
        self.arrays = arrays
        self.options = options
        arguments = [name for name in symbol.list_arguments() if name not in arrays]
        data = [name for name in arguments if not name.endswith("label")]
        self.fed = data or arguments


def load(kind: str, files: dict, options: dict) -> object:
    """Read the symbol and the arrays; prefixes `arg:` and `aux:` are optional, as gluon leaves them out."""
    import mxnet as mx

    symbol = mx.sym.load(files["graph"])
    stored = mx.nd.load(files["weights"]) if "weights" in files else {}
    named = stored.items() if hasattr(stored, "items") else enumerate(stored)  # a list where no names are stored
    arrays = {_bare(str(name)): array for name, array in named}
    return Net(symbol, arrays, dict(options))


def inputs(net: object) -> list:
    """Names of the arguments that the parameter file does not hold; labels are made up."""
    return list(net.fed)


def run(net: object, fed: dict, outputs: list) -> dict:
    """Bind to the shapes that are fed and run forward; `outputs` may name any inner output (`fc1_output`)."""
    import mxnet as mx

    symbol = net.symbol if outputs is None else _picked(net.symbol, outputs)
    wanted = symbol.list_arguments()
    shapes = {name: array.shape for name, array in fed.items() if name in wanted}
    types = {name: array.dtype for name, array in fed.items() if name in wanted}
    for name in [*wanted, *symbol.list_auxiliary_states()]:
        if name in net.arrays:
            shapes[name], types[name] = net.arrays[name].shape, net.arrays[name].dtype
    # MXNet 1.9 fuses a ReLU into the convolution before it although both outputs are wanted, and then gives the
    # convolution's for the ReLU's; other graphs it refuses to bind.
    fused = set(symbol.list_outputs()) <= set(net.symbol.list_outputs())
    executor = _bound(symbol, types, shapes, fused=fused)
    for table in (executor.arg_dict, executor.aux_dict):
        for name, target in table.items():
            if name in fed:
                target[:] = mx.nd.array(fed[name], dtype=fed[name].dtype)
            elif name in net.arrays:
                net.arrays[name].astype(target.dtype).tostype("default").copyto(target)
            elif not name.endswith("label") and not net.options["partial"]:
                raise ValueError("the parameter file has no " + name)
    results = executor.forward(is_train=False)
    return {name: array.asnumpy() for name, array in zip(symbol.list_outputs(), results)}


def _bound(symbol: object, types: dict, shapes: dict, *, fused: bool) -> object:
    """Bind, with oneDNN's fusion or without."""
    import mxnet as mx

    before = os.environ.get("MXNET_SUBGRAPH_BACKEND")
    if not fused:
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
    try:
        return symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
    finally:
        if before is not None:
            os.environ["MXNET_SUBGRAPH_BACKEND"] = before
        else:
            os.environ.pop("MXNET_SUBGRAPH_BACKEND", None)


def versions() -> dict:
    """MXNet's version and numpy's."""
    import mxnet
    import numpy as np

    return {"mxnet": mxnet.__version__, "numpy": np.__version__}


def probe() -> None:
    """2 x + 1 through a two-node symbol: importing alone does not prove that MXNet can run."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "probe-symbol.json"
        graph.write_text(json.dumps(_PROBE), encoding="ascii")
        net = load("mxnet", {"graph": str(graph)}, {"partial": False})
        out = run(net, {"data": np.array([[1, 2]], "f4")}, None)["out_output"]
    if out.tolist() != [[3.0, 5.0]]:
        raise RuntimeError("MXNet computes 2 x + 1 of [1, 2] as " + str(out.tolist()))


def _picked(symbol: object, outputs: list) -> object:
    """The symbol of the named outputs: heads or inner ones."""
    import mxnet as mx

    inner = symbol.get_internals()
    known = inner.list_outputs()
    unknown = [name for name in outputs if name not in known]
    if unknown:
        raise ValueError("no output named " + ", ".join(unknown))
    return mx.sym.Group([inner[name] for name in outputs])


def _bare(name: str) -> str:
    return name.split(":", 1)[1] if name.startswith(("arg:", "aux:")) else name
