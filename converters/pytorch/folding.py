"""What follows from small constants alone is computed while writing, by ONNX's own reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx import helper

from converters.pytorch.code import Code
from converters.weights import ArrayWeight, Weight, nbytes

_MOST = 1 << 14  # bytes of all inputs of a node that is computed
_ROWS_KNOW_BETTER = {
    "Constant", "ConstantOfShape", "Identity", "Shape", "Size", "SequenceEmpty", "Expand", "Tile", "Range", "Pad",
    "Resize", "OneHot", "EyeLike", "Optional", "SequenceConstruct", "QuantizeLinear", "DequantizeLinear",
}  # fmt: skip
"""Operators that need no computing, whose results can be far larger than their inputs, or that are no tensors."""
_FEW_INPUTS_RESULTS = 1 << 16  # bytes


def folded(node: ir.Node, code: Code, versions: dict[str, int]) -> Sequence[Weight] | None:
    """The node's outputs, if they are known beforehand; None where it has to run."""
    if node.domain not in ("", "ai.onnx") or node.op_type in _ROWS_KNOW_BETTER or not _pure(node):
        return None
    given = [value for value in node.inputs if value is not None]
    if not given or len(node.inputs) > 64:
        return None
    weights = [_known(value, code) for value in given]
    sizes = [nbytes(weight) for weight in weights if weight is not None]
    if len(sizes) < len(weights) or sum(sizes) > _MOST:
        return None
    arrays = iter([weight.array() for weight in weights if weight is not None])
    results = _evaluate(node, [None if value is None else next(arrays) for value in node.inputs], versions)
    if results is None or sum(result.nbytes for result in results) > _FEW_INPUTS_RESULTS:
        return None
    return [ArrayWeight(result) for result in results]


def _known(value: ir.Value, code: Code) -> Weight | None:
    if value not in code.held and value.const_value is None:
        return None
    held = code.known(value)
    if held.host is not None and held.host.numbers is not None:
        array = np.array(held.host.numbers, np.int64)
        return ArrayWeight(array if held.host.vector else array.reshape(()))
    return held.weight


def _pure(node: ir.Node) -> bool:
    kinds = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    drawn = node.op_type.startswith("Random") or node.op_type in ("Bernoulli", "Multinomial", "Dropout")
    return not drawn and not any(attribute.type in kinds for attribute in node.attributes.values())


def _evaluate(node: ir.Node, arrays: Sequence[np.ndarray | None], versions: dict[str, int]) -> list[np.ndarray] | None:
    from onnx.reference import ReferenceEvaluator

    names = ["" if array is None else f"i{position}" for position, array in enumerate(arrays)]
    proto = ir.serde.serialize_node(node)
    del proto.input[:], proto.output[:]
    proto.input.extend(names)
    proto.output.extend(f"o{position}" for position in range(len(node.outputs)))
    ports = [helper.make_empty_tensor_value_info(name) for name in names if name]
    outs = [helper.make_empty_tensor_value_info(name) for name in proto.output]
    model = helper.make_model(
        helper.make_graph([proto], "fold", ports, outs), opset_imports=[helper.make_opsetid("", versions.get("", 18))]
    )
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(
                None, {name: array for name, array in zip(names, arrays, strict=True) if name}
            )
    except (NotImplementedError, RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        return None  # the row for the operator writes it instead
    if not isinstance(results, list) or not all(isinstance(result, np.ndarray | np.generic) for result in results):
        return None
    arrays_out = [np.asarray(result) for result in results]
    return arrays_out if all(array.dtype.kind in "biuf" for array in arrays_out) else None
