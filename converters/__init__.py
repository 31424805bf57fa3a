"""Files <-> ONNX, usable as a library without the command line.

import converters
model = converters.read([Path("deploy.prototxt"), Path("net.caffemodel")])
converters.write(model, "onnx", Path("net.onnx"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters import deferred

if TYPE_CHECKING:
    from converters.conversion import Model, Options, Origin, convert, read, write
    from converters.format import Format, formats
    from converters.inspection import Inspection, inspect
    from converters.sniffing import Sniffed, sniff

__all__ = [
    "Format",
    "Inspection",
    "Model",
    "Options",
    "Origin",
    "Sniffed",
    "convert",
    "formats",
    "inspect",
    "read",
    "sniff",
    "write",
]

deferred.install()

_HOMES = {
    "Format": "format",
    "Inspection": "inspection",
    "Model": "conversion",
    "Options": "conversion",
    "Origin": "conversion",
    "Sniffed": "sniffing",
    "convert": "conversion",
    "formats": "format",
    "inspect": "inspection",
    "read": "conversion",
    "sniff": "sniffing",
    "write": "conversion",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: `import converters` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"converters.{_HOMES[name]}"), name)
