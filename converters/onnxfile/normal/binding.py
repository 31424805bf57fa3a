"""The shapes of a model's inputs: as declared, as the caller says, and as numbers where the target wants numbers."""

from __future__ import annotations

from collections.abc import Container, Mapping

import onnx

from converters.diagnostic import Diagnostic
from converters.hub.layer import Dim
from converters.hub.ports import settle
from converters.hub.report import Report

Shape = tuple[Dim, ...]


def bind(
    proto: onnx.ModelProto,
    weights: Container[str],
    report: Report,
    *,
    inputs: Mapping[str, Shape],
    batch: int | None,
    fixed: bool,
) -> None:
    """Write the settled shapes into the proto's inputs; refuses all dimensions that stay open, at once."""
    ports = [port for port in proto.graph.input if port.name not in weights]
    strange = [port.name for port in ports if not port.type.HasField("tensor_type")]
    if strange:
        raise Diagnostic("unsupported-input", f"the inputs {', '.join(strange)} are no tensors")
    declared = {port.name: _declared(port) for port in ports}
    shapes = {port.name: port.shape for port in settle(declared, inputs, "the ONNX model")}
    given = batch if batch is not None else 1 if fixed else None
    for name, shape in shapes.items():
        if not shape or given is None or (isinstance(shape[0], int) and batch is None):
            continue
        if name in inputs and isinstance(shape[0], int):
            continue
        shapes[name] = (given, *shape[1:])
        if batch is None:
            report.notes.append(f"the batch size of {name} ({shape[0] or 'unknown'}) becomes 1; --batch sets another")
    if fixed:
        _demand_numbers(shapes)
    for port in ports:
        _assign(port, shapes[port.name])


def _declared(port: onnx.ValueInfoProto) -> Shape | None:
    tensor = port.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in tensor.shape.dim)


def _demand_numbers(shapes: Mapping[str, Shape]) -> None:
    open_ = {name: shape for name, shape in shapes.items() if not all(isinstance(dim, int) for dim in shape)}
    if open_:
        raise Diagnostic(
            "needs-fixed-shape",
            "the target's files state every size, and these inputs have open ones",
            details=[f"{name}: {', '.join(str(dim or '?') for dim in shape)}" for name, shape in open_.items()],
            hint=" ".join(f"--input {name}:1,3,224,224" for name in open_) + " with the sizes that you want",
        )


def _assign(port: onnx.ValueInfoProto, shape: Shape) -> None:
    proto = port.type.tensor_type.shape
    proto.ClearField("dim")
    proto.SetInParent()
    for dim in shape:
        entry = proto.dim.add()
        if isinstance(dim, int):
            entry.dim_value = dim
        elif dim is not None:
            entry.dim_param = dim
