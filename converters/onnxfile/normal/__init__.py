"""Any ONNX model -> the form that WRITE rows match: the hub's opset, constants stored, shapes known, no-ops gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx
import onnx_ir as ir
from onnx import inliner

from converters.hub.builder import OPSET
from converters.hub.layer import Dim
from converters.hub.report import Report
from converters.onnxfile import expansion
from converters.onnxfile.checking import lean
from converters.onnxfile.expansion import Known
from converters.onnxfile.normal import binding, folding, inference, lowering, naming, removing
from converters.onnxfile.opset import raised, rebuilt

_PASSES = (folding.store_constants, removing.remove, folding.fold, folding.settle_reshapes, removing.remove_unread)
_COMPUTED = (("", "Range"),)  # its definition is a loop, but of stored numbers folding computes it
_MAX_ROUNDS = 50  # each round of folding must get further; shape arithmetic is a few nodes deep


def normalize(
    model: ir.Model,
    report: Report,
    *,
    inputs: Mapping[str, tuple[Dim, ...]] | None = None,
    batch: int | None = None,
    fixed: bool = False,
    known: Known | None = None,
    contract: Callable[[ir.Model], object] | None = None,
) -> ir.Model:
    """A new model; `model` stays as it is, and weights stay where they are.

    `contract` may make one node of many before anything is folded.

    With `known`, operators that are not among these and that ONNX defines by others become their definition.

    `inputs` and `batch` replace the declared shapes. `fixed` makes every input dimension a number: a symbolic batch
    becomes 1, another symbol is refused. What is left out is noted in the report.
    """
    proto = _inlined(lean(model))
    binding.bind(proto, model.graph.initializers, report, inputs=inputs or {}, batch=batch, fixed=fixed)
    if known is not None:
        proto = expansion.expanded(proto, {*known, *_COMPUTED})
    proto = _at_the_hubs_opset(proto)
    inference.forget(proto)
    normal = rebuilt(inference.infer(proto), model)
    naming.name_nodes(normal)
    if contract is not None:
        folding.store_constants(normal, report)
        removing.remove_unread(normal, report)
        contract(normal)
    for _ in range(_MAX_ROUNDS):
        if not sum(step(normal, report) for step in _PASSES):
            break
        inference.update(normal)
    return normal


def rebind(model: ir.Model, report: Report, *, inputs: Mapping[str, tuple[Dim, ...]], batch: int | None) -> ir.Model:
    """The model for other shapes of its inputs: nothing else changes."""
    proto = lean(model)
    binding.bind(proto, model.graph.initializers, report, inputs=inputs, batch=batch, fixed=False)
    inference.forget(proto)
    return rebuilt(inference.infer(proto), model)


def _inlined(proto: onnx.ModelProto) -> onnx.ModelProto:
    return inliner.inline_local_functions(proto) if proto.functions else proto


def _at_the_hubs_opset(proto: onnx.ModelProto) -> onnx.ModelProto:
    version = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), OPSET)
    if version > OPSET:
        return lowering.lower(proto, version)
    return proto if version == OPSET else raised(proto, OPSET)
