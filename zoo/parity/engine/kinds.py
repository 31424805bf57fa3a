"""What is known of operators: which ones never round, and which of their inputs are settings rather than data."""

from __future__ import annotations

EXACT = frozenset({
    "Abs", "And", "ArgMax", "ArgMin", "Ceil", "Clip", "Compress", "Concat", "Constant", "ConstantOfShape",
    "DepthToSpace", "Dropout", "Equal", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Greater",
    "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Max", "MaxPool", "GlobalMaxPool", "Min",
    "Neg", "NonZero", "Not", "OneHot", "Or", "Pad", "Range", "Relu", "Reshape", "ReverseSequence", "Round",
    "ScatterElements", "ScatterND", "Shape", "Sign", "Size", "Slice", "SpaceToDepth", "Split", "Squeeze", "TopK",
    "Tile", "Transpose", "Trilu", "Unique", "Unsqueeze", "Where", "Xor", "MaxUnpool", "ReduceMax", "ReduceMin",
})  # fmt: skip
"""Operators whose result is one of their inputs' values, or decided by comparing them: every engine gives the same."""

SETTINGS = {
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "ImageScaler": (),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1, 2),
    "Pad": (1, 2, 3),
    "Range": (0, 1, 2),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
}
"""Inputs that say how, not what: a rounding there would change sizes and limits, which no engine does."""
