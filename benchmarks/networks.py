"""Networks of full size with seeded random weights: the real files cannot be fetched everywhere, their shapes can."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool")
FULLY_CONNECTED = (("fc6", 4096, 25088), ("fc7", 4096, 4096), ("fc8", 1000, 4096))


def vgg16(folder: Path) -> tuple[Path, Path]:
    """The prototxt and caffemodel (553 MB) of VGG-16, made once; weights are normal with variance 2 / fan-in."""
    graph, weights = folder / "vgg16.prototxt", folder / "vgg16.caffemodel"
    if not weights.exists():
        folder.mkdir(parents=True, exist_ok=True)
        blocks, shapes = _vgg16_layers()
        graph.write_text("\n".join(blocks))
        part = weights.with_suffix(".part")
        with part.open("wb") as file:
            for name, kind, shape in shapes:
                file.writelines(_stored(name, kind, shape))
        part.replace(weights)
    return graph, weights


def _vgg16_layers() -> tuple[list[str], list[tuple[str, str, tuple[int, ...]]]]:
    head = 'name: "VGG16" layer { name: "data" type: "Input" top: "data" input_param { shape { %s } } }'
    blocks = [head % "dim: 1 dim: 3 dim: 224 dim: 224"]
    shapes: list[tuple[str, str, tuple[int, ...]]] = []
    last, channels, block, number = "data", 3, 1, 1
    for step in VGG16:
        if isinstance(step, str):
            name = f"pool{block}"
            param = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
            blocks.append(f'layer {{ name: "{name}" type: "Pooling" bottom: "{last}" top: "{name}" {param} }}')
            last, block, number = name, block + 1, 1
            continue
        name = f"conv{block}_{number}"
        param = f"convolution_param {{ num_output: {step} pad: 1 kernel_size: 3 }}"
        blocks.append(f'layer {{ name: "{name}" type: "Convolution" bottom: "{last}" top: "{name}" {param} }}')
        blocks.append(f'layer {{ name: "relu{block}_{number}" type: "ReLU" bottom: "{name}" top: "{name}" }}')
        shapes.append((name, "Convolution", (step, channels, 3, 3)))
        last, channels, number = name, step, number + 1
    for name, out, inner in FULLY_CONNECTED:
        param = f"inner_product_param {{ num_output: {out} }}"
        blocks.append(f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{last}" top: "{name}" {param} }}')
        shapes.append((name, "InnerProduct", (out, inner)))
        last = name
        if name != "fc8":
            blocks.append(f'layer {{ name: "relu{name[2:]}" type: "ReLU" bottom: "{name}" top: "{name}" }}')
            blocks.append(f'layer {{ name: "drop{name[2:]}" type: "Dropout" bottom: "{name}" top: "{name}" }}')
    blocks.append('layer { name: "prob" type: "Softmax" bottom: "fc8" top: "prob" }')
    return blocks, shapes


def _stored(name: str, kind: str, shape: tuple[int, ...]) -> Iterator[bytes]:
    """One `layer` of a NetParameter with its weight and a bias of zeros."""
    rng = np.random.Generator(np.random.PCG64(sum(name.encode())))
    fan_in = int(np.prod(shape[1:]))
    values = rng.standard_normal(shape, dtype=np.float32) * np.float32((2 / fan_in) ** 0.5)
    text = _field(1, name.encode()) + _field(2, kind.encode())
    blobs = [_blob(values), _blob(np.zeros(shape[0], np.float32))]
    body = text + b"".join(_field(7, blob) for blob in blobs)
    yield _field(100, body)


def _blob(values: np.ndarray) -> bytes:
    dims = b"".join(_varint(dim) for dim in values.shape)
    return _field(7, _field(1, dims)) + _field(5, values.astype("<f4").tobytes())


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += struct.pack("B", value & 127 | 128)
        value >>= 7
    return out + struct.pack("B", value)


if __name__ == "__main__":
    for made in vgg16(Path(sys.argv[1])):
        print(made)
