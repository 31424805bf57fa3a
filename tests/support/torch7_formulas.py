"""Classes that no file of the real Torch7 was at hand for: a module of each, and what its source says it computes.

The formulas are written from the Lua and CUDA sources (nn, cunn, cudnn.torch, inn, fbcunn, fbnn), not from the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from converters.torch7.saving import Floats, Made, Saved
from converters.weights import ArrayWeight

Formula = Callable[[list[np.ndarray], dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Case:
    """A class with plain fields and tensors (drawn from their shapes), and inputs: shapes, or arrays."""

    kind: str
    formula: Formula
    inputs: Sequence[tuple[int, ...] | np.ndarray]
    fields: dict[str, Saved] = field(default_factory=dict)
    tensors: dict[str, tuple[int, ...]] = field(default_factory=dict)
    name: str = "plain"

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "_" for letter in f"{self.kind} {self.name}")

    def fed(self) -> list[np.ndarray]:
        rng = np.random.default_rng(len(self.slug))
        drawn = (rng.uniform(-2, 2, item) if isinstance(item, tuple) else item for item in self.inputs)
        return [np.asarray(item, np.float32) for item in drawn]

    def numbers(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(len(self.slug) + 1)
        return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in self.tensors.items()}

    def module(self) -> Made:
        tensors = {name: Floats(ArrayWeight(array)) for name, array in self.numbers().items()}
        return Made(self.kind, {"train": False, "_type": "torch.FloatTensor", **self.fields, **tensors})

    def expected(self) -> np.ndarray:
        inputs = [array.astype(np.float64) for array in self.fed()]
        return self.formula(inputs, {name: array.astype(np.float64) for name, array in self.numbers().items()})


def correlated(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: Sequence[int], pad: Sequence[int]) -> np.ndarray:
    """Every window of x times the kernel, summed; w is filters x planes x kernel."""
    x = np.pad(x, ((0, 0), (0, 0), *((size, size) for size in pad)))
    kernel = w.shape[2:]
    sizes = [(all_ - k) // s + 1 for all_, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    out = np.empty((len(x), len(w), *sizes))
    for place in product(*map(range, sizes)):
        spot = tuple(slice(at * s, at * s + k) for at, s, k in zip(place, stride, kernel, strict=True))
        patch = x[(slice(None), slice(None), *spot)].reshape(len(x), -1)
        out[(slice(None), slice(None), *place)] = patch @ w.reshape(len(w), -1).T + b
    return out


def stamped(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: Sequence[int], pad: Sequence[int]) -> np.ndarray:
    """Every value times the kernel, added up at its place; w is planes x filters x kernel."""
    kernel = w.shape[2:]
    sizes = [(size - 1) * s + k for size, s, k in zip(x.shape[2:], stride, kernel, strict=True)]
    out = np.zeros((len(x), w.shape[1], *sizes))
    for place in product(*map(range, x.shape[2:])):
        spot = tuple(slice(at * s, at * s + k) for at, s, k in zip(place, stride, kernel, strict=True))
        out[(slice(None), slice(None), *spot)] += np.tensordot(x[(slice(None), slice(None), *place)], w, 1)
    inside = tuple(slice(p, size - p) for p, size in zip(pad, sizes, strict=True))
    return out[(slice(None), slice(None), *inside)] + b.reshape(-1, *(1,) * len(kernel))


def windowed(
    x: np.ndarray, kernel: Sequence[int], stride: Sequence[int], of: Callable[[np.ndarray], float]
) -> np.ndarray:
    """`of` each window, sizes rounded up and windows cut off at the edge (inn's .cu files)."""
    sizes = [-(-(size - k) // s) + 1 for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    out = np.empty((*x.shape[:2], *sizes))
    for place in product(*map(range, out.shape)):
        spot = tuple(slice(at * s, at * s + k) for at, s, k in zip(place[2:], stride, kernel, strict=True))
        out[place] = of(x[(*place[:2], *spot)])
    return out


def volume_mean(x: np.ndarray) -> np.ndarray:
    """Windows of 2 x 3 x 2, strides 2 1 2, padding 1 1 0; the padding counts (COUNT_INCLUDE_PADDING)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    return windowed(padded, (2, 3, 2), (2, 1, 2), np.mean)


def response(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
    """x (k + alpha / size * sum of squares over the channels around)^-beta."""
    out = np.empty_like(x)
    for channel in range(x.shape[1]):
        near = x[:, max(channel - (size - 1) // 2, 0) : channel + size // 2 + 1]
        out[:, channel] = x[:, channel] * (k + alpha / size * (near**2).sum(1)) ** -beta
    return out


def pooled_regions(x: np.ndarray, regions: np.ndarray, high: int, wide: int, scale: float) -> np.ndarray:
    """The kernel of ROIPooling.cu: images and corners count from 1, corners are rounded away from zero."""
    out = np.zeros((len(regions), x.shape[1], high, wide))
    for n, (image, *corners) in enumerate(regions):
        left, top, right, bottom = (int(np.floor((corner - 1) * scale + 0.5)) for corner in corners)
        tall, broad = max(bottom - top + 1, 1) / high, max(right - left + 1, 1) / wide
        for row, column in product(range(high), range(wide)):
            rows = np.clip([int(np.floor(row * tall)) + top, int(np.ceil((row + 1) * tall)) + top], 0, x.shape[2])
            columns = np.clip([int(np.floor(column * broad)) + left, int(np.ceil((column + 1) * broad)) + left], 0,
                              x.shape[3])  # fmt: skip
            part = x[int(image) - 1, :, rows[0] : rows[1], columns[0] : columns[1]]
            out[n, :, row, column] = part.max((1, 2)) if part.size else 0
    return out


def adaptive(x: np.ndarray, high: int, wide: int) -> np.ndarray:
    """Means of windows from floor(i size / count) to ceil((i + 1) size / count)."""
    out = np.empty((*x.shape[:2], high, wide))
    for row, column in product(range(high), range(wide)):
        rows = slice(row * x.shape[2] // high, -(-(row + 1) * x.shape[2] // high))
        columns = slice(column * x.shape[3] // wide, -(-(column + 1) * x.shape[3] // wide))
        out[:, :, row, column] = x[:, :, rows, columns].mean((2, 3))
    return out


def shuffled(x: np.ndarray) -> np.ndarray:
    batch, planes, high, wide = x.shape
    cut = x.reshape(batch, planes // 4, 2, 2, high, wide).transpose(0, 1, 4, 2, 5, 3)
    return cut.reshape(batch, planes // 4, 2 * high, 2 * wide)


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def temporal(x: np.ndarray, w: np.ndarray, b: np.ndarray, step: int, pad: int) -> np.ndarray:
    """w is out x time x features."""
    return correlated(x.transpose(0, 2, 1), w.transpose(0, 2, 1), b, (step,), (pad,)).transpose(0, 2, 1)


_VOLUME = {"kT": 2, "kH": 3, "kW": 2, "dT": 2, "dH": 1, "dW": 2, "padT": 1, "padH": 1, "padW": 0}
_IMAGE = {"kW": 2, "kH": 3, "dW": 3, "dH": 2}
_PLANES = {"nInputPlane": 3, "nOutputPlane": 4}
_REGIONS = np.array([[1, 2, 1, 9, 7], [2, 4, 3, 6, 12], [1, 5, 5, 5, 5]])
_WORDS = np.array([[1, 4, 2], [5, 1, 3]])

CASES = (
    Case("cudnn.ClippedReLU", lambda x, _: np.clip(x[0], 0, 1.5), [(2, 3, 4, 5)], {"ceiling": 1.5}),
    Case("cudnn.TemporalConvolution", lambda x, w: temporal(x[0], w["weight"].reshape(5, 3, 4), w["bias"], 2, 1),
         [(2, 9, 4)], {"inputFrameSize": 4, "outputFrameSize": 5, "kW": 4, "kH": 3, "dW": 1, "dH": 2, "padW": 0,
                       "padH": 1, "nInputPlane": 1, "nOutputPlane": 5}, {"weight": (5, 12), "bias": (5,)}),
    Case("cudnn.VolumetricAveragePooling", lambda x, _: volume_mean(x[0]), [(2, 3, 4, 5, 6)],
         {**_VOLUME, "ceil_mode": False}),
    Case("cudnn.VolumetricFullConvolution",
         lambda x, w: stamped(x[0], w["weight"], w["bias"], (2, 1, 2), (1, 1, 0)), [(2, 3, 4, 5, 3)],
         {**_PLANES, **_VOLUME, "adjT": 0, "adjH": 0, "adjW": 0}, {"weight": (3, 4, 2, 3, 2), "bias": (4,)}),
    Case("cudnn.VolumetricLogSoftMax", lambda x, _: np.log(softmax(x[0])), [(2, 3, 4, 5, 6)]),
    Case("cudnn.VolumetricSoftMax", lambda x, _: softmax(x[0]), [(2, 3, 4, 5, 6)]),
    *(
        Case(kind, lambda x, w: x[0] * w["a"] + w["b"], [(2, 3, 4, 5)], {"inplace": False},
             {"a": (1, 3, 1, 1), "b": (1, 3, 1, 1)})
        for kind in ("inn.ConstAffine", "inn.SpatialConstAffine", "inn.SpatialConstDiagonal", "nn.SpatialConstDiagonal")
    ),
    Case("inn.SpatialAveragePooling", lambda x, _: windowed(x[0], (3, 2), (2, 3), np.mean), [(2, 3, 8, 10)], _IMAGE),
    Case("inn.SpatialMaxPooling", lambda x, _: windowed(x[0], (3, 2), (2, 3), np.max), [(2, 3, 8, 10)], _IMAGE),
    Case("inn.SpatialCrossResponseNormalization", lambda x, _: response(x[0], 3, 0.5, 0.75, 1.5), [(2, 5, 3, 4)],
         {"size": 3, "alpha": 0.5, "beta": 0.75, "k": 1.5}),
    Case("inn.ROIPooling", lambda x, _: pooled_regions(x[0], x[1], 2, 3, 0.5), [(2, 3, 7, 6), _REGIONS],
         {"W": 3, "H": 2, "spatial_scale": 0.5}),
    Case("nn.LinearNB", lambda x, w: x[0] @ w["weight"].T, [(2, 6)], {}, {"weight": (4, 6)}),
    Case("nn.LinearNoBackprop", lambda x, w: x[0] @ w["weight"].T + w["bias"], [(2, 6)], {},
         {"weight": (4, 6), "bias": (4,)}),
    Case("nn.LookupTableGPU", lambda x, w: w["weight"][x[0].astype(int) - 1], [_WORDS],
         {"nInput": 5, "nOutput": 4, "featuresInDim2": False}, {"weight": (5, 4)}),
    Case("nn.LookupTableGPU", lambda x, w: w["weight"][x[0].astype(int) - 1].transpose(0, 2, 1), [_WORDS],
         {"nInput": 5, "nOutput": 4, "featuresInDim2": True}, {"weight": (5, 4)}, "features first"),
    Case("nn.LookupTableGPU", lambda x, w: w["weight"][x[0].astype(int) - 1] * (x[0] != 4)[..., None], [_WORDS],
         {"nInput": 5, "nOutput": 4, "unk_index": 4}, {"weight": (5, 4)}, "an unknown word"),
    Case("nn.PixelShuffle", lambda x, _: shuffled(x[0]), [(2, 8, 3, 4)], {"upscaleFactor": 2}),
    Case("nn.SpatialAdaptiveAveragePooling", lambda x, _: adaptive(x[0], 3, 4), [(2, 3, 7, 6)], {"W": 4, "H": 3}),
    Case("nn.SpatialConvolutionCuFFT", lambda x, w: correlated(x[0], w["weight"], w["bias"], (2, 3), (0, 0)),
         [(2, 3, 8, 10)], {**_PLANES, **_IMAGE}, {"weight": (4, 3, 3, 2), "bias": (4,)}),
    Case("nn.TanhShrink", lambda x, _: x[0] - np.tanh(x[0]), [(2, 6)]),
    Case("nn.TemporalConvolutionFB", lambda x, w: temporal(x[0], w["weight"], w["bias"], 2, 0), [(2, 9, 4)],
         {"inputFrameSize": 4, "outputFrameSize": 5, "kW": 3, "dW": 2}, {"weight": (5, 3, 4), "bias": (5,)}),
    Case("nn.VolumetricConvolutionMM",
         lambda x, w: correlated(x[0], w["weight"].reshape(4, 3, 2, 3, 2), w["bias"], (2, 1, 2), (1, 1, 0)),
         [(2, 3, 4, 5, 6)], {**_PLANES, **_VOLUME}, {"weight": (4, 36), "bias": (4,)}),
)  # fmt: skip
