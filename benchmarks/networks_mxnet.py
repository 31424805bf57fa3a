"""VGG-16 as MXNet's files, with seeded random weights: `python networks_mxnet.py FOLDER` prints the prefix."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from networks import FULLY_CONNECTED, VGG16


def vgg16(folder: Path) -> Path:
    """The prefix of VGG-16's symbol and parameters, made once; weights are normal with variance 2 / fan-in."""
    prefix = folder / "vgg16"
    weights = folder / "vgg16-0000.params"
    if not weights.exists():
        folder.mkdir(parents=True, exist_ok=True)
        nodes, shapes = _network()
        heads = [[len(nodes) - 1, 0, 0]]
        document = {"nodes": nodes, "arg_nodes": [], "heads": heads, "attrs": {"mxnet_version": ["int", 10901]}}
        (folder / "vgg16-symbol.json").write_text(json.dumps(document))
        part = weights.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(_params(shapes))
        part.replace(weights)
    return prefix


def _network() -> tuple[list[dict[str, object]], dict[str, tuple[int, ...]]]:
    nodes: list[dict[str, object]] = [{"op": "null", "name": "data", "inputs": []}]
    shapes: dict[str, tuple[int, ...]] = {}

    def add(op: str, name: str, attrs: dict[str, str], weights: tuple[tuple[int, ...], ...] = ()) -> None:
        inputs = [[len(nodes) - 1, 0, 0]]
        for role, shape in zip(("weight", "bias"), weights, strict=False):
            nodes.append({"op": "null", "name": f"{name}_{role}", "inputs": []})
            shapes[f"arg:{name}_{role}"] = shape
            inputs.append([len(nodes) - 1, 0, 0])
        nodes.append({"op": op, "name": name, "attrs": attrs, "inputs": inputs})

    channels = 3
    for place, step in enumerate(VGG16):
        if isinstance(step, str):
            add("Pooling", f"pool{place}", {"kernel": "(2, 2)", "stride": "(2, 2)", "pool_type": "max"})
            continue
        attrs = {"kernel": "(3, 3)", "pad": "(1, 1)", "num_filter": str(step)}
        add("Convolution", f"conv{place}", attrs, ((step, channels, 3, 3), (step,)))
        add("Activation", f"relu{place}", {"act_type": "relu"})
        channels = step
    for name, out, inner in FULLY_CONNECTED:
        add("FullyConnected", name, {"num_hidden": str(out)}, ((out, inner), (out,)))
        if name != "fc8":
            add("Activation", f"relu{name}", {"act_type": "relu"})
            add("Dropout", f"drop{name}", {"p": "0.5"})
    add("softmax", "prob", {"axis": "-1"})
    return nodes, shapes


def _params(shapes: dict[str, tuple[int, ...]]) -> Iterator[bytes]:
    yield struct.pack("<QQQ", 0x112, 0, len(shapes))
    rng = np.random.Generator(np.random.PCG64(0))
    for shape in shapes.values():
        yield struct.pack(f"<Iii{len(shape)}qiii", 0xF993FAC9, 0, len(shape), *shape, 1, 0, 0)
        scale = np.float32((2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0)
        yield (rng.standard_normal(shape, dtype=np.float32) * scale).tobytes()
    yield struct.pack("<Q", len(shapes))
    for name in shapes:
        yield struct.pack("<Q", len(name)) + name.encode()


if __name__ == "__main__":
    print(vgg16(Path(sys.argv[1])))
