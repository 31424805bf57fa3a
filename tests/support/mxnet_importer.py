"""Run by a Python with mxnet 1.9.1 and onnx 1.8.1: what MXNet's own importer makes of ONNX files.

python -I mxnet_importer.py FOLDER: for each name in cases.json reads NAME.onnx and NAME.npz (its inputs) and saves
NAME.out.npz, or NAME.error. What is there already is left, so a run that died goes on behind what killed it.
"""

import json
import sys
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.contrib.onnx import import_model


def outputs(path, fed):
    """Import, bind to the shapes that are fed, run forward."""
    symbol, arguments, auxiliary = import_model(str(path))
    wanted = symbol.list_arguments()
    given = {name: array for name, array in fed.items() if name in wanted}
    types = {name: array.dtype for name, array in given.items()}
    shapes = {name: array.shape for name, array in given.items()}
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
    executor.copy_params_from(arguments, auxiliary, allow_extra_params=True)
    for name, array in given.items():
        executor.arg_dict[name][:] = mx.nd.array(array, dtype=array.dtype)
    return [array.asnumpy() for array in executor.forward(is_train=False)]


def main(folder):
    for name in json.loads((folder / "cases.json").read_text()):
        error, done = folder / (name + ".error"), folder / (name + ".out.npz")
        if error.exists() or done.exists():
            continue
        error.write_text("the process died")
        try:
            with np.load(folder / (name + ".npz")) as kept:
                made = outputs(folder / (name + ".onnx"), dict(kept))
            np.savez(done, **{f"{place:04d}": array for place, array in enumerate(made)})
            error.unlink()
        except Exception as fault:  # noqa: BLE001 - whatever it raises is its answer
            error.write_text(type(fault).__name__ + ": " + str(fault)[:300])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
