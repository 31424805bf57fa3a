"""VGG-16 as a Torch7 checkpoint with seeded weights, alone (553 MB) and beside its gradients (1.1 GB).

Run: python benchmarks/torch7_files.py FOLDER; prints both paths.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from converters.outputs import whole
from converters.torch7.classes import container, module
from converters.torch7.saving import Floats, Listed, Longs, Made, Saved, save
from converters.weights import ComputedWeight

PLANES = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


def floats(*shape: int) -> Floats:
    def compute() -> np.ndarray:
        return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32) * np.float32(0.01)

    return Floats(ComputedWeight(shape, np.dtype("<f4"), compute))


def vgg16(*, gradients: bool) -> Made:
    """The module; `gradients` adds gradWeight to each layer, as checkpoints of a training run have it."""
    layers: list[Made] = []
    last = 3
    for planes in PLANES:
        if planes == 0:
            window: dict[str, Saved] = {"kW": 2, "kH": 2, "dW": 2, "dH": 2, "padW": 0, "padH": 0, "ceil_mode": False}
            layers.append(module("nn.SpatialMaxPooling", window))
            continue
        fields = {"nInputPlane": last, "nOutputPlane": planes, "kW": 3, "kH": 3, "dW": 1, "dH": 1, "padW": 1, "padH": 1}
        weights = {"weight": floats(planes, last, 3, 3), "bias": floats(planes)}
        layers += [trained("nn.SpatialConvolution", fields, weights, gradients=gradients), relu()]
        last = planes
    layers.append(module("nn.View", {"size": Longs((25088,)), "numElements": 25088, "numInputDims": 3}))
    for inputs, outputs in ((25088, 4096), (4096, 4096), (4096, 1000)):
        weights = {"weight": floats(outputs, inputs), "bias": floats(outputs)}
        layers += [trained("nn.Linear", {}, weights, gradients=gradients), relu()]
    return container("nn.Sequential", tuple(layers[:-1]))


def trained(kind: str, fields: dict[str, int], weights: dict[str, Floats], *, gradients: bool) -> Made:
    more = {f"grad{name.capitalize()}": Floats(value.weight) for name, value in weights.items()} if gradients else {}
    return module(kind, {**fields, **weights, **more})


def relu() -> Made:
    return module("nn.ReLU", {"threshold": 0, "val": 0, "inplace": True})


def main() -> None:
    folder = Path(sys.argv[1])
    for name, gradients in (("vgg16.t7", False), ("vgg16-training.t7", True)):
        path = folder / name
        if not path.exists():
            with whole(path) as sink:
                save(Listed((vgg16(gradients=gradients), 90)), sink)
        print(path)


if __name__ == "__main__":
    main()
