"""Damaged files of both spellings, made here: only Diagnostics, and no more memory than the file is worth."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model
from torch7_graphs import random_graph

import converters
from converters.diagnostic import Diagnostic
from converters.outputs import whole
from converters.torch7 import t7
from converters.torch7.classes import module
from converters.torch7.objects import Object, Table
from converters.torch7.saving import Made, Pairs, save

MEMORY = 64 << 20  # bytes; the files are a hundred times smaller
NUMBERS = (-1, -(2**31), 2**31 - 1, 2**30, 0, 1, 255)
LONGS = (-1, -(2**63), 2**63 - 1, 2**62, 2**40, 0)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, dict]]:
    """A chain and two graphs, as .t7, with the shapes of their inputs."""
    folder = tmp_path_factory.mktemp("sound")
    weights = {"w0": np.ones((3, 3, 3, 3), np.float32)}
    chain = onnx_model(
        "a = Conv(in0, w0)\nb = Relu(a)\nout0 = MaxPool<kernel_shape = [2, 2]>(b)", ((1, 3, 9, 8),), weights
    )
    made = []
    for number, (model, shapes) in enumerate(
        [(chain, [(1, 3, 9, 8)])]
        + [(model, [x.shape for x in fed.values()]) for model, fed in map(random_graph, (3, 8))]
    ):
        onnx.save(model, folder / "net.onnx")
        converters.convert([folder / "net.onnx"], "torch7", folder / f"{number}.t7")
        names = ["input"] if len(shapes) == 1 else [f"input{place}" for place in range(1, len(shapes) + 1)]
        made.append(((folder / f"{number}.t7").read_bytes(), dict(zip(names, shapes, strict=True))))
    return made


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with one fault of a random kind at a random place."""
    raw = bytearray(content)
    place = int(rng.integers(len(raw)))
    kind = int(rng.integers(7))
    if kind == 0:
        return bytes(raw[:place])
    if kind == 1:
        raw[place] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        struct.pack_into("<i", raw, min(place & ~3, len(raw) - 4), int(rng.choice(NUMBERS)))
    elif kind == 3:
        raw[place : place + 8] = struct.pack("<q", LONGS[int(rng.integers(len(LONGS)))])
    elif kind == 4:
        found = [at for at in range(len(raw) - 8) if raw[at : at + 4] in (b"\3\0\0\0", b"\4\0\0\0")]
        struct.pack_into("<i", raw, found[int(rng.integers(len(found)))] + 4, int(rng.integers(1, 40)))
    elif kind == 5:
        other = int(rng.integers(len(raw)))
        raw[place:place] = raw[min(place, other) : max(place, other)]
    else:
        raw[place:place] = rng.bytes(int(rng.integers(1, 20)))
    return bytes(raw)


@pytest.mark.parametrize("seed", range(3))
def test_damage_of_any_kind_is_refused_or_read_within_bounds(tmp_path, sound, seed):
    rng = np.random.default_rng(seed)
    path, refused = tmp_path / "x.t7", 0
    tracemalloc.start()
    try:
        for _ in range(120):
            content, shapes = sound[int(rng.integers(len(sound)))]
            path.write_bytes(damaged(content, rng))
            try:
                converters.convert([path], "onnx", tmp_path / "x.onnx", options=converters.Options(inputs=shapes))
            except Diagnostic:
                refused += 1
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert refused > 60


@pytest.mark.parametrize(
    "lines",
    [
        "3\n1\n2000000000\n",
        "3\n1\n-1\n",
        "2\n2000000000\nab\n",
        "2\n-5\nab\n",
        "4\n1\n3\nV 1\n18\ntorch.FloatStorage\n4611686018427387904\n1 2\n",
        "4\n1\n3\nV 1\n18\ntorch.FloatStorage\n-3\n\n",
        "4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1000000\n",
        "4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n6\n1\n1\n4\n2\n3\nV 1\n18\ntorch.FloatStorage\n2\n1 2\n",
        "4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n2\n-1\n1\n4\n2\n3\nV 1\n18\ntorch.FloatStorage\n2\n1 2\n",
        "8\n1\n-7\n",
        "1\n12e\n",
        "3\n1\n1\n0\n0\n",
        "99999999999999999999\n",
        "3\n" + "9" * 5000,
    ],
    ids=[
        "billion entries", "minus one entry", "long string", "negative string", "huge storage", "negative storage",
        "dimensions", "outside the storage", "negative stride", "function", "no number", "nil key", "huge type",
        "endless digits",
    ],
)  # fmt: skip
def test_ascii_that_announces_what_is_not_there_is_refused(tmp_path, lines):
    path = tmp_path / "x.t7"
    path.write_text(lines)
    with pytest.raises(Diagnostic):
        t7.read(path)


def test_ascii_nested_far_deeper_than_pythons_stack_is_read(tmp_path):
    depth = 20_000
    path = tmp_path / "x.t7"
    path.write_text("".join(f"3\n{number}\n1\n2\n1\nx\n" for number in range(1, depth)) + "0\n")
    value = t7.read(path).value
    for _ in range(depth - 1):
        assert isinstance(value, Table)
        value = value.strings["x"]
    assert value is None


def written(path: Path, value: Made) -> Path:
    with whole(path) as sink:
        save(value, sink)
    return path


def looped() -> Made:
    """A gModule whose only node is its own child and its own source."""
    data = Pairs()
    children = Pairs()
    node = Made("nngraph.Node", {"data": data, "children": children, "id": 1, "visited": False, "marked": False})
    children.items.extend([(1, node), (node, 1)])
    data.items.extend([("mapindex", Pairs([(1, data), (data, 1)])), ("module", module("nn.Tanh", {}))])
    nodes = Pairs([(place, node) for place in range(1, 50)])
    return Made("nn.gModule", {"forwardnodes": nodes, "innode": node, "outnode": node, "nInputs": 1})


def test_a_graph_that_feeds_itself_ends(tmp_path):
    path = written(tmp_path / "x.t7", looped())
    value = t7.read(path).value
    assert isinstance(value, Object)
    model = converters.read([path], converters.Options(inputs={"": (1, 2)}))
    assert len(model.ir.graph) <= 50


def test_a_module_whose_fields_are_the_module_is_refused(tmp_path):
    fields: dict = {"train": False}
    net = Made("nn.Sequential", fields)
    fields["modules"] = Pairs([(1, net)])
    with pytest.raises(Diagnostic, match="contains itself"):
        converters.read([written(tmp_path / "x.t7", net)], converters.Options(inputs={"": (1, 2)}))
