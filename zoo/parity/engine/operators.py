"""One step in one run: a kernel of ours where there is a fast one, else ONNX's reference implementation of the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from zoo.parity.engine.arrays import Array
from zoo.parity.engine.constants import Input, whole
from zoo.parity.engine.elementwise import ELEMENTWISE
from zoo.parity.engine.graph import Step
from zoo.parity.engine.kernels import KERNELS

_TYPED = ("to", "dtype")
_LISTED = {"NonMaxSuppression": (2, 3, 4)}
"""Inputs that are "a scalar or a list of one" by the standard, of which ONNX's reference reads the first element."""


_ALWAYS = "zoo:always"


class Operator:
    """What a step computes; `wide` gives the node whose own float32 constants and casts are float64."""

    def __init__(self, step: Step, opsets: Mapping[str, int]) -> None:
        self._step = step
        self._opsets = opsets
        self._evaluators: dict[bool, ReferenceEvaluator] = {}

    def kernel(self, inputs: Sequence[Input], spare: Sequence[Array]) -> Sequence[Array] | None:
        """The outputs by a kernel of ours: new arrays, those of `spare` inputs, or views of inputs; or None."""
        step = self._step
        if step.domain != "" or sum(map(bool, step.outputs)) != 1:
            return None
        if step.op in ELEMENTWISE:
            return ELEMENTWISE[step.op](step.attrs, step.version, inputs, spare)
        return KERNELS[step.op](step.attrs, step.version, inputs) if step.op in KERNELS else None

    def reference(self, inputs: Sequence[Input], captured: Sequence[Input], *, wide: bool) -> list[Array]:
        """The outputs by ONNX's reference, in the order of the node's; raises whatever it raises for what it cannot do.

        It may hand the same array to several runs (Constant does).
        """
        if wide not in self._evaluators:
            self._evaluators[wide] = ReferenceEvaluator(_alone(self._step, self._opsets, wide=wide))
        names = [*self._step.inputs, *self._step.captured]
        values = {name: whole(value) for name, value in zip(names, [*inputs, *captured], strict=True) if name}
        lists = [names[index] for index in _LISTED.get(self._step.op, ()) if index < len(names) and names[index]]
        values |= {name: np.atleast_1d(values[name]) for name in lists}
        results = iter(self._evaluators[wide].run(None, values))
        return [np.asarray(next(results)) if name else np.zeros(0) for name in self._step.outputs]


def _alone(step: Step, opsets: Mapping[str, int], *, wide: bool) -> onnx.ModelProto:
    """A model of this node only."""
    node = onnx.NodeProto()
    node.CopyFrom(step.proto)
    if wide:
        _widen(node)
    names = dict.fromkeys(name for name in (*step.inputs, *step.captured) if name)
    ports = [helper.make_empty_tensor_value_info(name) for name in names]
    outputs = [helper.make_empty_tensor_value_info(name) for name in step.outputs if name]
    graph = helper.make_graph([node], "step", ports, outputs, _always(node))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return helper.make_model(graph, opset_imports=imports)


def _always(node: onnx.NodeProto) -> list[TensorProto]:
    """The condition of a Loop that leaves it out: ONNX's reference (1.23) takes none for false and never begins."""
    if node.op_type != "Loop" or any(node.input[1:2]):
        return []
    node.input[:] = [*node.input[:1], _ALWAYS, *node.input[2:]]
    return [numpy_helper.from_array(np.ones((), np.bool_), _ALWAYS)]


def _widen(node: onnx.NodeProto) -> None:
    """float32 constants, and types that are asked for by number, become float64; in inner graphs too."""
    for attribute in node.attribute:
        if attribute.name in _TYPED and attribute.type == onnx.AttributeProto.INT:
            attribute.i = TensorProto.DOUBLE if attribute.i == TensorProto.FLOAT else attribute.i
        for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
            _widen_tensor(tensor)
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for tensor in graph.initializer:
                _widen_tensor(tensor)
            for inner in graph.node:
                _widen(inner)


def _widen_tensor(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        wide = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
        tensor.CopyFrom(wide)
