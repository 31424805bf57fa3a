"""Broken and malicious files: a refusal with a code, never a crash, never memory or time without bound."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from caffe_files import field, varint, write_caffemodel
from nets import SMALL, small, small_weights

import converters
from converters.caffe import caffemodel, foreign, graph, prototxt, schema
from converters.diagnostic import Diagnostic

WORDS = ("layer", "{", "}", "<", ">", ":", ";", ",", '"a"', "[", "]", "#", "1", "\n")
REFUSED = ("damaged-file", "stripped-weights")

_CHILD = """
import resource, sys
from pathlib import Path
import converters
from converters.diagnostic import Diagnostic
from converters.caffe import graph
import converters.hub.reading, converters.hub.passes, converters.onnxfile.checking
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
files = dict(zip(("graph", "weights"), map(Path, sys.argv[1:])))
try:
    graph.decode(files, {{}})
except Diagnostic as fault:
    print(fault.code)
else:
    print("read")
"""


def outcome(call, *arguments):
    """What a reader makes of a file: the code of its refusal, or "read"; anything else fails the test by itself."""
    try:
        call(*arguments)
    except Diagnostic as fault:
        return fault.code
    return "read"


def decoded(folder: Path, text: str | None, weights: bytes | None) -> str:
    net = folder / "net.prototxt"
    net.write_text(SMALL if text is None else text)
    files = {"graph": net}
    if weights is not None:
        files["weights"] = folder / "net.caffemodel"
        files["weights"].write_bytes(weights)
    return outcome(_use, files)


def _use(files):
    for layer in graph.decode(files, {}).layers:
        for weight in layer.weights.values():
            weight.array()


@pytest.fixture
def whole(tmp_path):
    return write_caffemodel(tmp_path / "whole", small_weights()).read_bytes()


def test_a_caffemodel_cut_at_every_64th_byte_is_refused_or_misses_layers(tmp_path, whole):
    codes = {decoded(tmp_path, None, whole[:end]) for end in range(0, len(whole), 64)}
    assert codes <= {"empty-file", "damaged-file", "not-a-caffemodel", "read"}
    assert "damaged-file" in codes


def test_a_prototxt_cut_at_every_16th_character_is_refused_or_shorter(tmp_path):
    codes = {decoded(tmp_path, SMALL[:end], None) for end in range(0, len(SMALL), 16)}
    assert codes <= {"prototxt-syntax", "input-shape-missing", "read"}
    assert "prototxt-syntax" in codes


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_in_a_caffemodel_are_refused_or_change_numbers_only(tmp_path, whole, seed):
    rng = random.Random(seed)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), 400))] ^= 1 << rng.randrange(8)
        decoded(tmp_path, None, bytes(data))


@pytest.mark.parametrize("seed", range(4))
def test_characters_exchanged_in_a_prototxt_are_refused_or_another_network(tmp_path, seed):
    rng = random.Random(seed)
    for _ in range(60):
        text = list(SMALL)
        for _ in range(rng.randint(1, 3)):
            text[rng.randrange(len(text))] = rng.choice('{}<>:"#x0-\n\0é')
        outcome(_convert_text, tmp_path, "".join(text))


def _convert_text(folder: Path, text: str) -> None:
    net = folder / "net.prototxt"
    net.write_text(text)
    graph.decode({"graph": net}, {"": (1, 3, 8, 6)})


@pytest.mark.parametrize("length", [2**63, 2**63 - 1, 2**64 - 1, 2**31, 2**32])
def test_lengths_beyond_the_file_are_refused(tmp_path, length):
    for inside in (b"", field(1, b"a"), field(7, field(7, field(1, varint(length))))):
        content = field(100, inside) + varint(100 << 3 | 2) + varint(length)
        assert decoded(tmp_path, None, content) in REFUSED
        nested = varint(7 << 3 | 2) + varint(length)
        assert decoded(tmp_path, None, field(100, inside + nested)) in REFUSED


@pytest.mark.parametrize("dims", [(2**62, 4), (0, 2**63), (2**32, 2**32), (1,) * 33, (2**64 - 1,)])
def test_impossible_dimensions_are_refused(tmp_path, dims):
    shape = field(7, field(1, b"".join(map(varint, dims))))
    content = field(100, field(1, b"conv") + field(7, shape + field(5, b"\0" * 16)))
    assert decoded(tmp_path, None, content) in REFUSED


@pytest.mark.parametrize(
    "body",
    [
        "num_output: 0 kernel_size: 3",
        "num_output: 4 kernel_size: 0",
        "num_output: 4 kernel_size: 3 stride: 0",
        "num_output: 4 kernel_size: 3 group: 0",
        "num_output: 4 kernel_size: 3 group: 7",
        "num_output: 4 kernel_size: 4294967295",
        "num_output: 4 kernel_size: 3 pad: 4294967295",
        "num_output: 4 kernel_size: 3 dilation: 4294967295",
        "num_output: 4 kernel_size: 3 dilation: 0",
        "num_output: 4 kernel_size: 3 axis: -2147483648",
        "num_output: 4",
    ],
)
def test_windows_that_cannot_be_are_refused(tmp_path, body):
    net = tmp_path / "net.prototxt"
    net.write_text(SMALL.replace("num_output: 4 kernel_size: 3", body))
    assert outcome(converters.read, [net], converters.Options(init=0)) == "unsupported-layer"


@pytest.mark.parametrize("dims", ["dim: 0 dim: 3 dim: 8 dim: 6", "dim: -1 dim: 3 dim: 8 dim: 6", "dim: 1 dim: -3", ""])
def test_inputs_of_no_size_are_refused(tmp_path, dims):
    net = tmp_path / "net.prototxt"
    net.write_text(SMALL.replace("dim: 1 dim: 3 dim: 8 dim: 6", dims))
    assert outcome(converters.read, [net], converters.Options(init=0)) in ("input-shape", "unsupported-layer")


def test_layers_in_a_circle_are_refused(tmp_path):
    text = 'input: "data" input_shape { dim: 1 }\n'
    text += 'layer { name: "a" type: "Eltwise" bottom: "data" bottom: "b" top: "a" }\n'
    text += 'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }\n'
    assert decoded(tmp_path, text, None) == "unknown-bottom"


@pytest.mark.parametrize("text", ["layer {" * 20_000, "layer { x { " + "y { " * 20_000, "a<" * 20_000, "[" * 20_000])
def test_deep_nesting_is_refused(text):
    assert outcome(prototxt.parse, text, "deep") == "prototxt-syntax"


def test_the_walk_beside_the_schema_ends_on_anything(tmp_path):
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choice(WORDS) + " " for _ in range(rng.randrange(60)))
        foreign.find(text, schema.new("NetParameter").DESCRIPTOR)


def test_a_prototxt_of_100_000_layers_is_read_in_bounded_memory(tmp_path):
    net = tmp_path / "net.prototxt"
    with net.open("w") as file:
        file.write('input: "x0" input_shape { dim: 1 }\n')
        for number in range(100_000):
            file.write(f'layer {{ name: "l{number}" type: "ReLU" bottom: "x{number}" top: "x{number + 1}" }}\n')
    assert child(net) == "read"


def test_a_caffemodel_of_200_000_empty_layers_is_read_in_bounded_memory(tmp_path):
    net, weights = small(tmp_path)
    weights.write_bytes(field(100, field(1, b"a")) * 200_000)
    assert child(net, weights) in ("read", "weights-mismatch")


def test_a_sparse_file_of_64_gibibytes_costs_nothing(tmp_path):
    net, weights = small(tmp_path)
    try:
        with weights.open("wb") as file:
            file.truncate(1 << 36)
    except OSError as fault:
        pytest.skip(f"the file system holds no large sparse files: {fault}")
    assert child(net, weights, limit=(1 << 36) + (4 << 30)) == "damaged-file"


def child(*files: Path, limit: int = 4 << 30) -> str:
    """The outcome in a process of its own whose address space ends at `limit`."""
    command = [sys.executable, "-c", _CHILD.format(limit=limit), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_solverstate_a_prototxt_and_a_caffemodel_in_each_others_places_are_named(tmp_path):
    net, weights = small(tmp_path)
    both = tmp_path / "text.caffemodel"
    both.write_text(SMALL)
    assert outcome(converters.read, [net, both]) == "same-role"
    binary = tmp_path / "weights.prototxt"
    binary.write_bytes(weights.read_bytes())
    assert outcome(converters.read, [binary]) == "graph-missing"
    state = tmp_path / "x.solverstate"
    state.write_bytes(varint(8) + varint(450_000) + field(2, b"x.caffemodel") + field(3, b"\0" * 8))
    assert outcome(converters.read, [state]) == "solver-state"
    solver = tmp_path / "solver.prototxt"
    solver.write_text('net: "train.prototxt"\nbase_lr: 0.1\n')
    assert outcome(converters.read, [solver]) == "solver-prototxt"


def test_numbers_that_are_none_stay_in_their_weight(tmp_path):
    weights = small_weights()
    weights["fc"][0][0, 0] = np.nan
    net, file = small(tmp_path, weights=weights)
    assert caffemodel.read(file)
    assert outcome(converters.read, [net, file]) == "read"
