"""Which rows the real Torch7 has judged, and which are held against formulas of their classes' sources."""

from __future__ import annotations

UNJUDGED = frozenset(
    (
        "cudnn.ClippedReLU", "cudnn.TemporalConvolution", "cudnn.VolumetricAveragePooling",
        "cudnn.VolumetricFullConvolution", "cudnn.VolumetricLogSoftMax", "cudnn.VolumetricSoftMax", "inn.ConstAffine",
        "inn.ROIPooling", "inn.SpatialAveragePooling", "inn.SpatialConstAffine", "inn.SpatialConstDiagonal",
        "inn.SpatialCrossResponseNormalization", "inn.SpatialMaxPooling", "nn.LinearNB", "nn.LinearNoBackprop",
        "nn.LookupTableGPU", "nn.PixelShuffle", "nn.SpatialAdaptiveAveragePooling", "nn.SpatialConstDiagonal",
        "nn.SpatialConvolutionCuFFT", "nn.TanhShrink", "nn.TemporalConvolutionFB", "nn.VolumetricConvolutionMM",
    )
)  # fmt: skip
"""Kinds of which no file saved by the real Torch7 was at hand."""


def proof(kind: str) -> str:
    """What shows that the row of a kind is right."""
    if kind.partition("/")[0] in UNJUDGED:
        return "a formula written from the class's Lua and CUDA source; `tests/converters/torch7/test_formulas.py`"
    if kind.startswith("cudnn."):
        return "the real Torch7's outputs for the same net of nn modules (the GPU file is an imitation); the same test"
    return "the real Torch7's outputs; `tests/converters/torch7/test_goldens.py`"
