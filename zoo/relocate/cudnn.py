"""Layers of cudnn and of nn that are each other: which fields one has and the other has not.

From cudnn.torch (SpatialConvolution.lua, Pooling.lua, Pointwise.lua, SpatialSoftMax.lua, convert.lua) and nn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.relocate.t7file import Leaf, Object, Slot, Spelling, Table, leaf

Plain = float | str | bool


@dataclass(frozen=True, slots=True)
class Twin:
    """What a layer of cudnn has that nn's has not (`extra`), and what nn's needs (`defaults`, where absent).

    renamed  old name of a field -> its name in nn
    version  the class version that nn must see, where it differs
    """

    extra: frozenset[str] = frozenset()
    defaults: Mapping[str, Plain] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None


_CONVOLUTION = Twin(
    frozenset(
        {
            "groups", "iSize", "convDescData", "pad", "stride", "autotunerHash", "input_offset", "output_offset",
            "weight_offset", "input_slice", "output_slice", "fmode", "bmode", "bwmode", "scaleT", "extraBuffer",
            "extraBufferSizeInBytes",
        }
    )
)  # fmt: skip
_NORM = Twin(frozenset({"iSize", "nBatchDim", "scaleT"}))
_POINTWISE = Twin(frozenset({"mode", "nElem", "inplace", "iSize"}))
_SOFTMAX = Twin(frozenset({"mode", "algorithm", "iSize"}))
_MAX = Twin(frozenset({"mode", "iSize"}), {"ceil_mode": False})
_MEAN = Twin(frozenset({"mode", "iSize"}), {"ceil_mode": False, "divide": True, "count_include_pad": True})

TWINS: Mapping[str, Twin] = {
    "SpatialConvolution": _CONVOLUTION,
    "SpatialDilatedConvolution": _CONVOLUTION,
    "SpatialFullConvolution": _CONVOLUTION,
    "VolumetricConvolution": _CONVOLUTION,
    "VolumetricDilatedConvolution": _CONVOLUTION,
    "VolumetricFullConvolution": _CONVOLUTION,
    "BatchNormalization": _NORM,
    "SpatialBatchNormalization": _NORM,
    "VolumetricBatchNormalization": _NORM,
    "ReLU": Twin(frozenset({"mode", "nElem", "iSize"}), {"threshold": 0.0, "val": 0.0, "inplace": False}),
    "Tanh": _POINTWISE,
    "Sigmoid": _POINTWISE,
    "SoftMax": _SOFTMAX,
    "LogSoftMax": _SOFTMAX,
    "SpatialSoftMax": _SOFTMAX,
    "SpatialLogSoftMax": _SOFTMAX,
    "SpatialMaxPooling": _MAX,
    "SpatialAveragePooling": _MEAN,
    # nn reads version 1 as "no ceil_mode" (nn/VolumetricMaxPooling.lua, read)
    "VolumetricMaxPooling": Twin(_MAX.extra, _MAX.defaults, version=2),
    "VolumetricAveragePooling": Twin(_MEAN.extra, {"ceil_mode": False, "count_include_pad": True}),
    "SpatialCrossMapLRN": Twin(frozenset({"iSize"}), renamed={"K": "k"}),
}
_EXCLUDE = "CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING"


def to_nn(layer: Object, spelling: Spelling) -> str | None:
    """Make a layer of cudnn one of nn; the reason where nn has no such layer."""
    name = layer.name.partition(".")[2]
    twin, table = TWINS.get(name), layer.fields()
    if twin is None or table is None:
        return "nn has no such layer"
    groups = _plain(table, "groups")
    if isinstance(groups, float) and groups != 1:
        return f"it has {groups:g} groups, and nn's has none"
    if _plain(table, "mode") == _EXCLUDE and "count_include_pad" in twin.defaults:
        _set(table, "count_include_pad", spelling, value=False)
    layer.name, layer.upgrade = f"nn.{name}", twin.version
    entries = []
    for key, value in table.entries:
        new = twin.renamed.get(str(leaf(key)))
        if new is not None:
            entries.append((_slot(spelling, new), value))
        elif leaf(key) not in twin.extra:
            entries.append((key, value))
    table.entries = entries
    for key_name, default in twin.defaults.items():
        if table.at(key_name) is None:
            _set(table, key_name, spelling, value=default)
    return None


def to_cudnn(layer: Object, spelling: Spelling) -> None:
    """Make a layer of nn one of cudnn where that computes the same, as cudnn.convert does; else leave it."""
    name, table = layer.name.removeprefix("nn."), layer.fields()
    twin = TWINS.get(name)
    averages = twin is not None and "count_include_pad" in twin.defaults
    if twin is None or table is None or _plain(table, "affine") is False:
        return
    if averages and _plain(table, "divide") is not True and "divide" in twin.defaults:
        return  # a sum, which cudnn does not have
    if averages and _plain(table, "count_include_pad") is False:
        _set(table, "mode", spelling, value=_EXCLUDE)
    if twin is _CONVOLUTION:
        _set(table, "groups", spelling, value=1.0)
    layer.name = f"cudnn.{name}"
    if twin.version is not None:
        layer.upgrade = 1


def _plain(table: Table, name: str) -> Plain | None:
    slot = table.at(name)
    return leaf(slot) if slot else None


def _set(table: Table, name: str, spelling: Spelling, *, value: Plain) -> None:
    """Give a field a plain value; a new one comes last."""
    new = _slot(spelling, value)
    for position, (key, _) in enumerate(table.entries):
        if leaf(key) == name:
            table.entries[position] = (key, new)
            return
    table.entries.append((_slot(spelling, name), new))


def _slot(spelling: Spelling, value: Plain) -> Slot:
    return Slot(Leaf(value, 0, 0, spelling.value(value)))
