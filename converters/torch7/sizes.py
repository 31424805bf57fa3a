"""The size of the images that a network was last run on: its first max pooling keeps the size that it was given.

nn.SpatialMaxPooling notes iheight and iwidth (the volumetric one itime too) in every forward, and clearState() leaves
them. From there the windows of the layers before lead back to the input: to one size where every stride is 1, to a few
where a stride leaves some out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from converters.torch7.objects import Object, Table, Value

_CHAINS = ("nn.Sequential", "nn.DataParallelTable", "nn.DataParallel", "nn.GPU", "nn.Decorator")
_AXES = {"Spatial": ("H", "W"), "Volumetric": ("T", "H", "W")}
_NOTED = {"H": "iheight", "W": "iwidth", "T": "itime"}
_WINDOWED = ("Convolution", "ConvolutionMM", "DilatedConvolution", "MaxPooling", "DilatedMaxPooling", "AveragePooling")
_SAME_SIZE = frozenset(
    (
        "ReLU", "ReLU6", "PReLU", "LeakyReLU", "ELU", "Tanh", "Sigmoid", "Threshold", "HardTanh", "Identity", "Copy",
        "Contiguous", "Dropout", "SpatialDropout", "MulConstant", "AddConstant", "SpatialBatchNormalization",
        "VolumetricBatchNormalization", "SpatialCrossMapLRN", "SpatialCrossResponseNormalization",
    )
)  # fmt: skip
_LAYERS = 1000
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Noted:
    """What follows: the channels, the smallest and largest size of each axis, the step between them, and whence."""

    planes: int
    ranges: tuple[Range, ...]
    steps: tuple[int, ...]
    kind: str
    size: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """One axis of a layer that slides a window."""

    kernel: int
    stride: int
    pad: int
    ceil: bool

    def before(self, after: Range) -> Range:
        """The smallest and the largest input that give an output of such a size."""
        least, most = ((size - 1) * self.stride + self.kernel - 2 * self.pad for size in after)
        return (least - self.stride + 1, most) if self.ceil else (least, most + self.stride - 1)


def noted(module: Object) -> Noted | None:
    """What the first max pooling of a chain keeps, led back to the input; None where none keeps a size."""
    windows: list[dict[str, _Window]] = []
    planes: int | None = None
    for layer in _chain(module):
        family, axes = _family(layer)
        if planes is None:
            planes = _whole(layer.fields.strings.get("nInputPlane"))
        sizes = tuple(_whole(layer.fields.strings.get(_NOTED[axis])) or 0 for axis in axes)
        if planes and axes and family.endswith("MaxPooling") and min(sizes) > 0:
            ranges = tuple(_led_back((size, size), axis, windows) for axis, size in zip(axes, sizes, strict=True))
            if min(least for least, _ in ranges) < 1:
                return None
            return Noted(planes, ranges, _steps(axes, windows), layer.kind, sizes)
        if family in _WINDOWED:
            windows.append({axis: _window(layer, axis) for axis in axes})
        elif layer.kind.partition(".")[2] not in _SAME_SIZE:
            return None
    return None


def _chain(module: Object) -> Iterator[Object]:
    """The modules that run one after the other from the input on, up to the first that is no chain itself."""
    waiting = [module]
    for _ in range(_LAYERS):
        if not waiting:
            return
        layer = waiting.pop()
        if layer.kind in _CHAINS:
            inner = layer.fields.strings.get("modules")
            modules = [item for item in inner.array() if isinstance(item, Object)] if isinstance(inner, Table) else []
            waiting.extend(reversed(modules if layer.kind == "nn.Sequential" else modules[:1]))
        else:
            yield layer


def _family(layer: Object) -> tuple[str, tuple[str, ...]]:
    """`SpatialMaxPooling` of nn, cudnn or inn -> `MaxPooling` and its axes."""
    name = layer.kind.partition(".")[2]
    for word, axes in _AXES.items():
        if name.startswith(word):
            return name[len(word) :], axes
    return name, ()


def _window(layer: Object, axis: str) -> _Window:
    fields: Mapping[str, Value] = layer.fields.strings
    dilation = _whole(fields.get(f"dilation{axis}")) or 1
    kernel = ((_whole(fields.get(f"k{axis}")) or 1) - 1) * dilation + 1
    pad = _whole(fields.get(f"pad{axis}"))
    pad = pad if pad is not None else _whole(fields.get("padding")) or 0
    return _Window(kernel, _whole(fields.get(f"d{axis}")) or 1, pad, fields.get("ceil_mode") is True)


def _led_back(size: Range, axis: str, windows: list[dict[str, _Window]]) -> Range:
    for window in reversed(windows):
        size = window[axis].before(size) if axis in window else size
    return size


def _steps(axes: tuple[str, ...], windows: list[dict[str, _Window]]) -> tuple[int, ...]:
    """The product of the strides, an axis each."""
    steps = dict.fromkeys(axes, 1)
    for window in windows:
        for axis in steps:
            steps[axis] *= window[axis].stride if axis in window else 1
    return tuple(steps.values())


def _whole(value: Value) -> int | None:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 31 else None
