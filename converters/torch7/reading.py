"""What op functions ask of a Torch module: its fields with their types checked, 1-based dimensions, missing batches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.weights import ArrayWeight, Shape, Weight, cast, nbytes

_SMALL = 1 << 20  # bytes; tables of connections, kernels and the like


def only(emit: Emit) -> ir.Value:
    """The input of a module that takes one tensor; refuses a table."""
    if len(emit.inputs) != 1:
        emit.refuse(f"takes one tensor, and gets a table of {len(emit.inputs)}")
    return emit.inputs[0]


def both(emit: Emit) -> tuple[ir.Value, ir.Value]:
    """The inputs of a module that takes a pair; refuses anything else."""
    if len(emit.inputs) != 2:
        emit.refuse(f"takes a pair, and gets {len(emit.inputs)} values")
    return emit.inputs[0], emit.inputs[1]


def whole(layer: Layer, emit: Emit, name: str, default: int | None = None) -> int:
    """A field that must be a whole number."""
    value = layer.attrs.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        emit.refuse(f"its field {name} is {_show(value)}, expected a whole number")
    return value


def real(layer: Layer, emit: Emit, name: str, default: float | None = None) -> float:
    """A field that must be a number."""
    value = layer.attrs.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        emit.refuse(f"its field {name} is {_show(value)}, expected a number")
    return float(value)


def flag(layer: Layer, name: str, *, default: bool = False) -> bool:
    """A boolean as Lua sees it: only nil and false are false."""
    value = layer.attrs.get(name)
    return default if value is None else value is not False


def integers(layer: Layer, emit: Emit, name: str) -> tuple[int, ...]:
    """A LongStorage or a table of whole numbers."""
    value = layer.attrs.get(name)
    if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
        emit.refuse(f"its field {name} is {_show(value)}, expected whole numbers")
    return value


def tensor(layer: Layer, emit: Emit, name: str) -> Weight:
    """A field that must be a tensor and is no learned weight, such as a kernel."""
    value = layer.attrs.get(name)
    if not isinstance(value, Weight):
        emit.refuse(f"its field {name} is {_show(value)}, expected a tensor")
    return value


def array(layer: Layer, emit: Emit, name: str) -> np.ndarray:
    """The numbers of a small tensor field, in float32."""
    found = tensor(layer, emit, name)
    if nbytes(found) > _SMALL:
        emit.refuse(f"its field {name} has the size {list(found.shape)}, far more than expected")
    return np.asarray(cast(found, np.dtype("<f4")).array())


def parameter(layer: Layer, emit: Emit, key: str, shape: Shape) -> ir.Value:
    """The learned weight `key` under `shape`, which old files store with fewer or more dimensions (2-D kernels)."""
    return emit.weight(key, _as_stored(layer, key, shape), view=shape)


def numbers(layer: Layer, emit: Emit, key: str, shape: Shape) -> Weight:
    """The same for computing with it."""
    from converters.weights import reshaped

    return reshaped(emit.source(key, _as_stored(layer, key, shape)), shape)


def stored_shape(layer: Layer, emit: Emit, key: str, rank: int | None = None) -> Shape:
    """The shape of a learned weight as the file has it; refuses a module without it."""
    found = layer.weights.get(key)
    if found is None or (rank is not None and len(found.shape) != rank):
        emit.refuse(f"its {key} is {'missing' if found is None else f'of size {list(found.shape)}'}")
    return found.shape


def optional(layer: Layer, emit: Emit, key: str, shape: Shape) -> ir.Value | None:
    """The learned weight, or None where the module has none (nil or an empty tensor)."""
    return parameter(layer, emit, key, shape) if key in layer.weights else None


def axis(emit: Emit, value: ir.Value, dimension: int, sample_dims: int | None = None) -> int:
    """A 1-based dimension as an axis; negative ones count from the end; `sample_dims` is Torch's nInputDims.

    With nInputDims the dimension is counted within one sample: an input of one more dimension is a batch.
    """
    rank = emit.rank(value)
    if dimension < 0:
        dimension += rank + 1
    elif sample_dims is not None and rank == sample_dims + 1:
        dimension += 1
    if not 1 <= dimension <= rank:
        emit.refuse(f"dimension {dimension} is outside the {rank} dimensions of its input")
    return dimension - 1


def sample_dims(layer: Layer, emit: Emit, name: str = "nInputDims") -> int | None:
    """The number of dimensions of one sample where the module says it; 0 or less says nothing."""
    value = layer.attrs.get(name)
    return value if isinstance(value, int) and value > 0 else None


def batched(emit: Emit, value: ir.Value, rank: int) -> tuple[ir.Value, bool]:
    """The input with `rank` dimensions; one less gets a batch of one in front (then the second value is true)."""
    found = emit.rank(value)
    if found == rank:
        return value, False
    if found != rank - 1:
        emit.refuse(f"its input has {found} dimensions, expected {rank}, or {rank - 1} without a batch")
    emit.size(value, 0)  # these are channels: a batch of any size cannot be meant
    return emit("Unsqueeze", value, emit.constant([0], "batch")), True


def unbatched(emit: Emit, value: ir.Value, *, added: bool) -> ir.Value:
    """Take away the batch of one that `batched` put in front."""
    return emit("Squeeze", value, emit.constant([0], "batch")) if added else value


def demand_channels(emit: Emit, value: ir.Value, channels: int, axis: int = 1) -> None:
    """Refuses an input with another number of channels; a number that is not fixed cannot be right."""
    found = emit.size(value, axis)
    if found != channels:
        emit.refuse(f"its input has {found} channels, its weight wants {channels}")


def scalar(emit: Emit, value: float, role: str) -> ir.Value:
    """A float32 constant without dimensions; what is beyond float32 is infinite, as in Torch's own cast."""
    with np.errstate(over="ignore"):
        return emit.constant(np.float32(value), role)


def indices(emit: Emit, value: ir.Value) -> ir.Value:
    """1-based indices, which come as float32, as 0-based int64."""
    return emit("Sub", emit("Cast", value, to=7), emit.constant(np.int64(1), "first"))


def slices(emit: Emit, value: ir.Value, axis: int, start: int, end: int) -> ir.Value:
    """`value[start:end]` along one axis."""
    bounds = [emit.constant([number], role) for number, role in ((start, "start"), (end, "end"), (axis, "axis"))]
    return emit("Slice", value, *bounds)


def small(values: np.ndarray | Sequence[float]) -> Weight:
    """Numbers in memory as a float32 weight."""
    return ArrayWeight(np.ascontiguousarray(np.asarray(values, np.float32)))


def _as_stored(layer: Layer, key: str, shape: Shape) -> Shape:
    found = layer.weights.get(key)
    if found is None or math.prod(found.shape) != math.prod(shape) or not shape:
        return shape
    flat = (shape[0], math.prod(shape[1:]))
    if found.shape in (flat, (math.prod(shape),)) or _split_groups(found.shape, shape):
        return found.shape
    return shape


def _split_groups(stored: Shape, shape: Shape) -> bool:
    """[groups, out / groups, in, ...]: how early cudnn.torch kept grouped weights."""
    return len(stored) == len(shape) + 1 and stored[2:] == shape[1:] and stored[0] * stored[1] == shape[0]


def _show(value: object) -> str:
    return "missing" if value is None else type(value).__name__ if not isinstance(value, int | str) else repr(value)
