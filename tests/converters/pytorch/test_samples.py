"""Every sample of every row, and every kind of checkpoint, against the real PyTorch."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from frameworks import framework
from house import ROOT

from converters.conversion import Options, _build
from converters.diagnostic import Diagnostic
from converters.format import formats
from converters.hub.attributes import Attributes
from converters.hub.layer import Layer, Port, SourceGraph
from converters.hub.optable import gather
from converters.pytorch import checkpoint
from converters.pytorch.ops.batch_norm import ROLES
from converters.pytorch.tensors import weight
from converters.weights import ArrayWeight, FileWeight
from zoo.backends import discovery, host

CASES = [(kind, sample) for kind, row in gather("converters.pytorch.ops").items() for sample in row.samples]
LABELS = ["".join(char if char.isalnum() else "_" for char in f"{kind} {sample.name}") for kind, sample in CASES]
NAMES = {"BatchNorm2d": ROLES, "LayerScale": ("layer_scale",)}


def arguments(text):
    call = ast.parse(f"f({text})", mode="eval").body
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def inputs(label, sample):
    rng = np.random.default_rng(crc32(label.encode()))
    arrays = [rng.uniform(*sample.values, shape).astype(np.float32) for shape in sample.inputs]
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in sample.weights]
    return arrays, [np.abs(array) + 0.5 if n in sample.positive else array for n, array in enumerate(weights)]


@pytest.fixture(scope="session")
def real(tmp_path_factory) -> Path:
    """A folder with the outputs of real layers and with real checkpoints."""
    folder = tmp_path_factory.mktemp("torch")
    jobs = []
    for label, (kind, sample) in zip(LABELS, CASES, strict=True):
        given, weights = inputs(label, sample)
        named = {f"in{n}": array for n, array in enumerate(given)} | {f"w{n}": array for n, array in enumerate(weights)}
        np.savez(folder / f"{label}.npz", **named)
        jobs.append(
            {"kind": kind, "attrs": sample.attrs, "label": label, "inputs": len(given), "weights": len(weights)}
        )
    (folder / "request.json").write_text(json.dumps(jobs))
    python = discovery.probe(framework("torch")).interpreter
    command = [str(python), "-I", str(ROOT / "tests" / "support" / "torch_layers.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def ours(tmp_path_factory) -> dict[str, host.Reply | host.Failed]:
    """Each sample as a network of one layer, run by onnxruntime; the batch is symbolic where the layer allows it."""
    from converters.onnxfile.saving import save

    folder = tmp_path_factory.mktemp("samples")
    jobs = []
    for label, (kind, sample) in zip(LABELS, CASES, strict=True):
        given, weights = inputs(label, sample)
        names = NAMES.get(kind, ("weight", "bias"))
        layer = Layer(
            kind, "it", tuple(f"in{n}" for n in range(len(given))), tuple(f"out{n}" for n in range(sample.outputs)),
            Attributes(arguments(sample.attrs)),
            {name: ArrayWeight(array) for name, array in zip(names, weights, strict=False)},
        )  # fmt: skip
        ports = tuple(Port(f"in{n}", ("N", *array.shape[1:])) for n, array in enumerate(given))
        graph = SourceGraph("sample", ports, layer.outputs, (layer,))
        model = _build(formats()["torch"], graph, {"weights": Path("sample")}, Options())
        save(model.ir, folder / f"{label}.onnx")
        feeds = {f"in{n}": array for n, array in enumerate(given)}
        jobs.append(host.Job("onnx", {"model": folder / f"{label}.onnx"}, feeds, label=label))
    replies = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    return dict(zip(LABELS, replies, strict=True))


@pytest.mark.framework
@pytest.mark.parametrize(("label", "case"), list(zip(LABELS, CASES, strict=True)), ids=LABELS)
def test_agrees_with_the_real_pytorch(label, case, real, ours):
    theirs = np.load(real / f"{label}.out.npz")
    reply = ours[label]
    assert isinstance(reply, host.Reply), str(reply)
    assert set(reply.outputs) == set(theirs)
    for name in theirs:
        scale = float(np.max(np.abs(theirs[name]), initial=1e-3))
        assert reply.outputs[name].shape == theirs[name].shape
        assert np.max(np.abs(reply.outputs[name] - theirs[name])) <= 1e-5 * scale


def test_every_row_has_a_sample_but_stochastic_depth_which_is_no_layer_of_torch():
    without = {kind for kind, row in gather("converters.pytorch.ops").items() if not row.samples}
    assert without == {"StochasticDepth"}


def tensors(path, key=None):
    found = checkpoint.select(checkpoint.load(path), key, str(path))
    return {name: weight(name, tensor, str(path)) for name, tensor in found.items()}


@pytest.mark.framework
@pytest.mark.parametrize(
    "name",
    ["zip", "legacy", "whole", "whole_legacy", "protocol3", "protocol4", "protocol5", "module", "parameters", "script"],
)
def test_real_checkpoints_of_every_kind_hold_the_same_tensors(real, name):
    truth = dict(np.load(real / "truth.npz"))
    found = {key.removeprefix("module."): lazy for key, lazy in tensors(real / f"{name}.pth").items()}
    if name == "parameters":
        truth = {key: array for key, array in truth.items() if "running" not in key and "tracked" not in key}
        truth.pop("tied.weight")  # named_parameters says each parameter once
    assert found.keys() == truth.keys()
    for key, array in truth.items():
        assert np.array_equal(found[key].array(), array), key
    assert all(isinstance(lazy, FileWeight) for lazy in found.values())


@pytest.mark.framework
@pytest.mark.parametrize("name", ["typed", "typed_legacy"])
def test_every_type_of_the_real_pytorch_is_read(real, name):
    found = tensors(real / f"{name}.pth")
    count = np.arange(6)
    expected = {
        "bfloat16": ("bfloat16", count), "half": ("float16", count), "double": ("float64", count),
        "complex": ("complex64", count), "bool": ("bool", [True, False]), "uint16": ("uint16", count),
        "turned": ("float32", count.reshape(2, 3).T), "spread": ("float32", [[0, 1, 2]] * 4),
        "part": ("float32", [2, 4, 6]), "float8": ("float8_e4m3fn", count),
        "quantised": ("uint8", [1, 3, 5, 7]),
    }  # fmt: skip
    for key, lazy in found.items():
        dtype, values = expected.pop(key)
        assert lazy.dtype.name == dtype
        assert lazy.array().astype(np.complex64).tolist() == np.asarray(values).astype(np.complex64).tolist()
    assert set(expected) == (set() if name == "typed" else {"uint16", "float8"})


@pytest.mark.framework
def test_a_whole_module_is_refused_because_it_is_code(real):
    with pytest.raises(Diagnostic, match=r"names __main__\.Net") as caught:
        checkpoint.load(real / "module_object.pth")
    assert "state_dict()" in str(caught.value)
