"""The fields that nn's classes have besides those that decide what they compute, and the versions of the classes.

As a cleared module in evaluation has them; gradWeight and gradBias are left out, as published files leave them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.hub.layer import Layer
from converters.torch7.saving import Empty, Floats, Listed, Longs, Made, Saved

FLOAT = "torch.FloatTensor"


def module(kind: str, fields: Mapping[str, Saved]) -> Made:
    """An object of an nn class, whole: the fields of every module, the class's own buffers, and `fields`."""
    base: dict[str, Saved] = {"_type": FLOAT, "output": Floats(), "gradInput": Floats(), "train": False}
    if kind in _TABLES_IN:
        base["gradInput"] = Listed()
    return Made(kind, {**base, **_buffers(kind), **fields}, VERSIONS.get(kind, 1))


def from_layer(layer: Layer) -> Made:
    """The object of a written layer: numbers, texts and booleans as they are, tuples of integers as LongStorage."""
    fields: dict[str, Saved] = {name: _saved(value) for name, value in layer.attrs.items()}
    fields |= {str(name): Floats(weight) for name, weight in layer.weights.items()}
    return module(layer.kind, fields)


def container(kind: str, modules: tuple[Made, ...], **fields: Saved) -> Made:
    """A container of these modules."""
    return module(kind, {"modules": Listed(modules), **fields})


def _saved(value: object) -> Saved:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        return Longs(value)
    assert isinstance(value, tuple)
    return Listed(tuple(Listed(tuple(item)) for item in value))


def _buffers(kind: str) -> dict[str, Saved]:
    """New objects each time: the same object twice would be a shared tensor."""
    return {name: make() for name, make in _BUFFERS.get(kind, {}).items()}


def _float() -> Saved:
    return Floats()


def _long() -> Saved:
    return Empty("torch.LongTensor")


def _storage() -> Saved:
    return Longs(())


def _four() -> Saved:
    """Filled by forward(), which does not resize it."""
    return Longs((0, 0, 0, 0))


_TABLES_IN = frozenset(
    f"nn.{name}"
    for name in (
        "JoinTable", "CAddTable", "CSubTable", "CMulTable", "CDivTable", "CMaxTable", "CMinTable", "MM", "SelectTable",
    )
)  # fmt: skip
"""Modules whose gradInput is a table."""

VERSIONS = {
    "nn.BatchNormalization": 2,
    "nn.SpatialBatchNormalization": 2,
    "nn.VolumetricMaxPooling": 2,
    "nn.LookupTable": 4,
}
"""Class versions above 1, as real Torch writes them (VolumetricBatchNormalization inherits none and has 1)."""

_CONVOLUTION: dict[str, Callable[[], Saved]] = {"finput": _float, "fgradInput": _float}
_NORM: dict[str, Callable[[], Saved]] = {"save_mean": _float, "save_std": _float}
_SIZES: dict[str, Callable[[], Saved]] = {"inputSize": _four, "outputSize": _four}
_BUFFERS: dict[str, dict[str, Callable[[], Saved]]] = {
    "nn.SpatialConvolution": _CONVOLUTION,
    "nn.SpatialDilatedConvolution": _CONVOLUTION,
    "nn.VolumetricConvolution": _CONVOLUTION,
    "nn.VolumetricDilatedConvolution": _CONVOLUTION,
    "nn.SpatialFullConvolution": {**_CONVOLUTION, "ones": _float},
    "nn.VolumetricFullConvolution": {**_CONVOLUTION, "ones": _float},
    "nn.BatchNormalization": _NORM,
    "nn.SpatialBatchNormalization": _NORM,
    "nn.VolumetricBatchNormalization": _NORM,
    "nn.SpatialMaxPooling": {"indices": _long},
    "nn.VolumetricMaxPooling": {"indices": _long},
    "nn.SpatialCrossMapLRN": {"scale": _float},
    "nn.Linear": {"addBuffer": _float},
    "nn.LookupTable": {"_count": lambda: Empty("torch.IntTensor"), "_input": _long},
    "nn.JoinTable": {"size": _storage},
    "nn.Concat": {"outputSize": _storage},
    "nn.ConcatTable": {"output": Listed},
    "nn.Padding": {"outputSize": _storage},
    "nn.SpatialUpSamplingNearest": _SIZES,
    "nn.SpatialUpSamplingBilinear": _SIZES,
    "nn.CMul": dict.fromkeys(("_output", "_weight", "_expand", "_repeat"), _float),
    "nn.CAdd": dict.fromkeys(("_output", "_bias", "_expand", "_repeat"), _float),
    "nn.Max": {"_output": _float, "_indices": _long},
    "nn.CMaxTable": dict.fromkeys(("maxIdx", "mask", "maxVals", "gradMaxVals"), _float),
    "nn.CMinTable": dict.fromkeys(("minIdx", "mask", "minVals", "gradMaxVals"), _float),
    "nn.Min": {"_output": _float, "_indices": _long},
}
