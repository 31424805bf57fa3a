"""Graph passes, one a file: `ORDER` says when, `apply(model, report)` does it and says how often it did."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import onnx_ir as ir

from converters.hub.report import Report


def names() -> tuple[str, ...]:
    """The passes in the order in which they run."""
    modules = [f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__)]
    return tuple(sorted(modules, key=lambda name: (import_module(name).ORDER, name)))


def run(model: ir.Model, report: Report) -> None:
    """Run every pass once, in order; a pass that changes the network's inputs or outputs is a bug."""
    signature = _signature(model)
    for name in names():
        import_module(name).apply(model, report)
        if _signature(model) != signature:
            raise AssertionError(f"{name} changed the network's inputs or outputs")


def _signature(model: ir.Model) -> tuple[list[str | None], list[str | None]]:
    return [value.name for value in model.graph.inputs], [value.name for value in model.graph.outputs]
