"""zoo: pull, convert, check and relocate pretrained networks of every framework."""

import converters  # noqa: F401 - before anything imports onnx_ir: it defers sympy (docs/decisions/0006)

__version__ = "0.1.0"
