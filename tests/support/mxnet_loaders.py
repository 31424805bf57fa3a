"""Run by the Python that has MXNet: loads PREFIX by both of MXNet's loaders, feeds FOLDER/x.npy, saves what comes out.

python -I mxnet_loaders.py PREFIX FOLDER
"""

import sys

import mxnet as mx
import numpy as np

prefix, folder = sys.argv[1:]
x = np.load(folder + "/x.npy")
symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, 0)
executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=x.shape)
executor.copy_params_from(arguments, auxiliary, allow_extra_params=False)
np.save(folder + "/checkpoint.npy", executor.forward(is_train=False, data=mx.nd.array(x))[0].asnumpy())
block = mx.gluon.SymbolBlock.imports(prefix + "-symbol.json", ["data"], prefix + "-0000.params")
np.save(folder + "/gluon.npy", block(mx.nd.array(x)).asnumpy())
