"""What a checkpoint's pickle may name: exact pairs, each with the function of ours that stands for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.pickles import Global, Lookup, Maker, Record, record, table
from converters.pytorch.tensors import ELEMENTS, TYPES, Stored, stored

SCRIPT = "__torch__"
"""TorchScript's own classes live under this name; they are records here, as all that is no tensor."""


def _rebuild(storage: object, offset: object, size: object, stride: object, *_rest: object) -> Stored:
    return stored(storage, offset, size, stride)


def _rebuild_typed(
    storage: object, offset: object, size: object, stride: object, _grad: object, _hooks: object, dtype: object,
    *_rest: object,
) -> Stored:  # fmt: skip
    name = dtype.name if isinstance(dtype, Global) else ""
    return stored(storage, offset, size, stride, TYPES[name])


def _rebuild_quantised(
    storage: object, offset: object, size: object, stride: object, scheme: object, *_rest: object
) -> Stored:
    kind = scheme[0] if isinstance(scheme, tuple) and scheme else None
    return stored(storage, offset, size, stride, quantised=kind.name if isinstance(kind, Global) else "quantised")


def _rebuild_from_type(function: object, _kind: object, arguments: object, _state: object) -> object:
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise TypeError("a tensor is made by no function")
    return function.maker(*arguments)


def _first(value: object, *_rest: object) -> object:
    return value


def _mapping(*arguments: object) -> dict[object, object]:
    """An OrderedDict: empty, or from pairs with textual keys (Python 2)."""
    if not arguments:
        return {}
    pairs = arguments[0]
    if not isinstance(pairs, list):
        raise TypeError("a dictionary is made of no pairs")
    made: dict[object, object] = {}
    for pair in pairs:
        name, value = pair
        if not isinstance(name, str):
            raise TypeError("a dictionary's key is no text")
        made[name] = value
    return made


def _sequence(*arguments: object) -> tuple[object, ...]:
    (items,) = arguments or ((),)
    if not isinstance(items, tuple | list):
        raise TypeError("a list is made of no list")
    return tuple(items)


def _uncallable(*_arguments: object) -> object:
    raise TypeError("a name is called that is no function")


_MAKERS: dict[tuple[str, str], Maker] = {
    ("collections", "OrderedDict"): _mapping,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v3"): _rebuild_typed,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch._utils", "_rebuild_qtensor"): _rebuild_quantised,
    ("torch._tensor", "_rebuild_from_type_v2"): _rebuild_from_type,
    ("torch.nn.parameter", "Parameter"): _first,
    ("torch.nn.parameter", "Buffer"): _first,
    ("torch", "Size"): _sequence,
    ("torch", "Tensor"): _uncallable,
    ("torch", "device"): record("torch.device"),
    ("torch.serialization", "_get_layout"): record("torch.layout"),
    ("torch.jit._pickle", "restore_type_tag"): _first,
}
_RECORDS = (
    ("argparse", "Namespace"), ("collections", "Counter"), ("collections", "defaultdict"), ("collections", "deque"),
    ("datetime", "date"), ("datetime", "datetime"), ("datetime", "timedelta"), ("_codecs", "encode"),
    ("numpy", "dtype"), ("numpy", "ndarray"), ("numpy", "float32"), ("numpy", "float64"), ("numpy", "int64"),
    ("numpy.core.multiarray", "scalar"), ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"), ("numpy._core.multiarray", "_reconstruct"),
    ("pathlib", "Path"), ("pathlib", "PosixPath"), ("pathlib", "WindowsPath"), ("pathlib", "PurePosixPath"),
    ("torch.optim.lr_scheduler", "_enable_get_lr_call"),
    *((module, name) for module in ("builtins", "__builtin__") for name in (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object", "set",
        "slice", "str", "tuple", "unicode",
    )),
)  # fmt: skip
_LISTS = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
_QUANTISED = ("per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
              "per_channel_affine_float_qparams")  # fmt: skip


def _vocabulary() -> Mapping[tuple[str, str], Maker]:
    table: dict[tuple[str, str], Maker] = dict(_MAKERS)
    table.update({pair: record(".".join(pair)) for pair in _RECORDS})
    table.update({("torch.jit._pickle", name): _first for name in _LISTS})
    names = [*TYPES, *_QUANTISED, "strided", *(f"{kind.removesuffix('Storage')}Tensor" for kind in ELEMENTS)]
    table.update({("torch", name): _uncallable for name in names})
    for name in ELEMENTS:
        table["torch", name] = table["torch.cuda", name] = table["torch.storage", name] = _uncallable
        table["torch.cuda", f"{name.removesuffix('Storage')}Tensor"] = _uncallable
    for name in ("_TypedStorage", "TypedStorage", "_UntypedStorage"):
        table["torch.storage", name] = _uncallable
    return table


STATE: Lookup = table(_vocabulary())
"""The lookup for plain checkpoints."""


def script(module: str, name: str) -> Callable[..., object] | None:
    """The lookup for TorchScript archives: their own classes are records as well."""
    if module == SCRIPT or module.startswith(f"{SCRIPT}."):
        return record(f"{module}.{name}")
    return STATE(module, name)


def storage_element(kind: object) -> str:
    """The element type of a storage class that a pickle names."""
    if not isinstance(kind, Global) or kind.name not in {*ELEMENTS, "_UntypedStorage"}:
        raise TypeError("a storage is of no known class")
    return ELEMENTS.get(kind.name, "uint8")


def attributes(value: Record) -> dict[object, object]:
    """What a record holds by name."""
    state = value.state
    if isinstance(state, tuple) and state:
        state = state[0]
    return state if isinstance(state, dict) else {}
