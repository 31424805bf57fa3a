"""Whole networks: gluon's model zoo as the real MXNet exports it, and published weights; all agree to rounding."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from filelock import FileLock
from frameworks import framework, shared

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host

SUPPORT = Path(__file__).resolve().parents[2] / "support"
GLUON = ["mobilenet0.25", "mobilenetv2_0.25", "resnet18_v1", "resnet18_v2", "squeezenet1.1"]
"""One of each family that is small; ZOO_ALL_NETWORKS=1 runs all 34."""
ALL = [
    *(f"resnet{depth}_v{version}" for version in (1, 2) for depth in (18, 34, 50, 101, 152)),
    *(f"vgg{depth}{norm}" for norm in ("", "_bn") for depth in (11, 13, 16, 19)),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    *(f"mobilenet{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *(f"mobilenetv2_{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *("alexnet", "inceptionv3", "squeezenet1.0", "squeezenet1.1"),
]
CLASSIC = [
    f"classic/{name}"
    for name in (
        "mlp", "lenet", "alexnet", "vgg", "inception_bn", "googlenet", "resnet", "resnext", "mobilenet", "inception_v3",
        "inception_v4", "inception_resnet_v2", "mobilenetv2", "resnet_v1",
    )
]  # fmt: skip
HALVES = [f"classic/{name}" for name in ("alexnet_fp16", "vgg_fp16", "resnet_fp16", "resnet_v1_fp16")]
"""The 18 symbols of MXNet's image-classification examples, the last four of which compute in float16."""
HALF = 2e-3  # of the largest value: two units in the last place of float16
WRITTEN_BACK = [f"classic/{name}" for name in ("lenet", "googlenet", "inception_bn", "mobilenetv2", "resnet_v1")]
TOLERANCE = 1e-5  # of the largest value; measured over all 34: at most 4.7e-6


@pytest.fixture(scope="session")
def exported() -> Path:
    """The folder of exported networks, outside the checkout, filled once by MXNet's own Python."""
    card = framework("mxnet")
    folder = Path(os.environ.get("ZOO_TEST_CACHE") or Path.home() / ".cache" / "zoo-tests") / "mxnet-2"
    (folder / "classic").mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        python = str(discovery.probe(card).interpreter)
        for script, names in (
            ("mxnet_networks.py", wanted()),
            ("mxnet_classics.py", CLASSIC),
            ("mxnet_halves.py", HALVES),
        ):
            missing = [name for name in names if not (folder / f"{name}.npz").exists()]
            if missing:
                command = [python, "-I", str(SUPPORT / script), str(folder), *missing]
                subprocess.run(command, check=True, capture_output=True)
    return folder


def wanted() -> list[str]:
    return ALL if os.environ.get("ZOO_ALL_NETWORKS") else GLUON


@pytest.mark.framework
@pytest.mark.parametrize("name", [*wanted(), *CLASSIC])
def test_a_network_that_mxnet_made_agrees_with_mxnet(exported, tmp_path, name):
    """And its outputs tell one image from another: a saturated softmax would agree with anything."""
    kept = np.load(exported / f"{name}.npz")
    prefix = exported / name
    out = tmp_path / "net.onnx"
    options = converters.Options(inputs={"data": kept["x"].shape})
    converters.convert([Path(f"{prefix}-symbol.json"), Path(f"{prefix}-0000.params")], "onnx", out, options=options)
    onnx.checker.check_model(str(out), full_check=True)
    found = only(run("onnx", {"model": out}, {"data": kept["x"]}))
    assert found.shape == kept["y"].shape
    assert np.abs(found - kept["y"]).max() <= TOLERANCE * np.abs(kept["y"]).max()
    assert kept["y"].std(0).max() > (3e-3 if name in CLASSIC else 1e-3) * np.abs(kept["y"]).max()


@pytest.mark.framework
@pytest.mark.parametrize("name", HALVES)
def test_a_network_in_float16_keeps_its_casts_and_agrees_to_the_rounding_of_float16(exported, tmp_path, name):
    """MXNet has no float16 convolution on a CPU: it runs the same network in float32, over the same weights."""
    kept, out = np.load(exported / f"{name}.npz"), tmp_path / "net.onnx"
    options = converters.Options(inputs={"data": kept["x"].shape})
    files = [exported / f"{name}-symbol.json", exported / f"{name}-0000.params"]
    converters.convert(files, "onnx", out, options=options)
    onnx.checker.check_model(str(out), full_check=True)
    model = onnx.load(out)
    casts = [node.attribute[0].i for node in model.graph.node if node.op_type == "Cast"]
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert casts == ([half] if "alexnet" in name else [half, single])
    types = {node.input[1]: node.op_type for node in model.graph.node if node.op_type in ("Conv", "Gemm")}
    held = {item.name: item.data_type for item in model.graph.initializer}
    assert {held[weight] for weight in types} == {half}
    found = only(run("onnx", {"model": out}, {"data": kept["x"]})).astype(np.float32)
    assert np.abs(found - kept["y"]).max() <= HALF * np.abs(kept["y"]).max()
    assert kept["y"].std(0).max() > 3e-3 * np.abs(kept["y"]).max()


@pytest.mark.framework
@pytest.mark.parametrize("name", ["mobilenet0.25", "resnet18_v2", *WRITTEN_BACK])
def test_a_network_written_back_is_read_by_both_of_mxnets_loaders(exported, tmp_path, name):
    kept = np.load(exported / f"{name}.npz")
    files = [exported / f"{name}-symbol.json", exported / f"{name}-0000.params"]
    options = converters.Options(inputs={"data": kept["x"].shape})
    converters.convert(files, "onnx", tmp_path / "net.onnx", options=options)
    converters.convert([tmp_path / "net.onnx"], "mxnet", tmp_path / "back")
    np.save(tmp_path / "x.npy", kept["x"])
    python = str(discovery.probe(framework("mxnet")).interpreter)
    command = [python, "-I", str(SUPPORT / "mxnet_loaders.py"), str(tmp_path / "back"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    for loader in ("checkpoint", "gluon"):
        found = np.load(tmp_path / f"{loader}.npy")
        assert np.abs(found - kept["y"]).max() <= TOLERANCE * np.abs(kept["y"]).max()


def run(kind: str, files: dict[str, Path], inputs: dict[str, np.ndarray], backend: str = "onnxruntime"):
    reply = host.run(discovery.find(backend), kind, files, inputs, timeout=120)
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


def only(outputs):
    (value,) = outputs.values()
    return value


def pair(folder: str, name: str) -> dict[str, Path]:
    return {
        "graph": shared("models", folder, f"{name}-symbol.json"),
        "weights": shared("models", folder, f"{name}-0000.params"),
    }


REAL = {
    "samplenet": (pair, "samplenet", (2, 3, 32, 32)),
    "mobileface-v3": (pair, "MobileFace_Identification_V3", (2, 3, 112, 112)),
}


@pytest.mark.framework
@pytest.mark.parametrize("folder", REAL)
def test_published_weights_agree_with_mxnet(tmp_path, folder):
    framework("mxnet")
    _, name, shape = REAL[folder]
    files, out = pair(folder, name), tmp_path / "net.onnx"
    x = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    converters.convert(list(files.values()), "onnx", out, options=converters.Options(inputs={"data": shape}))
    theirs = only(run("mxnet", files, {"data": x}, "mxnet"))
    ours = only(run("onnx", {"model": out}, {"data": x}))
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


def test_samplenet_gives_the_same_from_caffe_mxnet_and_onnx(tmp_path):
    x = np.random.default_rng(0).uniform(0, 1, (2, 3, 32, 32)).astype(np.float32)
    caffe = [shared("models", "samplenet", "SampLeNet.prototxt"), shared("models", "samplenet", "SampLeNet.caffemodel")]
    sources = {"caffe": (caffe, x[:, ::-1].copy()), "mxnet": (list(pair("samplenet", "samplenet").values()), x)}
    results = []
    for name, (files, image) in sources.items():
        out = tmp_path / f"{name}.onnx"
        converters.convert(files, "onnx", out, options=converters.Options(inputs={"": (1, 3, 32, 32)}))
        results.append(only(run("onnx", {"model": out}, {"": image})))
    published = {"model": shared("models", "samplenet", "samplenet.onnx")}
    results.append(np.concatenate([only(run("onnx", published, {"": row[None]})) for row in x]))
    for one in results:
        for other in results:
            assert np.abs(one - other).max() <= TOLERANCE * np.abs(other).max()


def test_the_seeds_of_a_fixed_gamma_are_noted(exported, tmp_path):
    options = converters.Options(inputs={"data": (1, 3, 64, 64)})
    files = [exported / "resnet18_v2-symbol.json", exported / "resnet18_v2-0000.params"]
    report = converters.convert(files, "onnx", tmp_path / "net.onnx", options=options)
    assert [note for note in report.notes if "fix_gamma" in note]


def test_converting_twice_gives_identical_bytes(tmp_path):
    files = list(pair("samplenet", "samplenet").values())
    for name in ("one", "two"):
        options = converters.Options(inputs={"data": (1, 3, 32, 32)})
        converters.convert(files, "onnx", tmp_path / f"{name}.onnx", options=options)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_a_model_archive_holds_the_same_network(tmp_path):
    import zipfile

    files = pair("samplenet", "samplenet")
    archive = tmp_path / "samplenet.mar"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("MAR-INF/MANIFEST.json", '{"model": {"handler": "mxnet_vision_service:handle"}}')
        for path in files.values():
            whole.write(path, path.name)
        whole.writestr("../escaped.py", "raise SystemExit")
    options = converters.Options(inputs={"data": (1, 3, 32, 32)})
    converters.convert([archive], "onnx", tmp_path / "mar.onnx", options=options)
    converters.convert(list(files.values()), "onnx", tmp_path / "pair.onnx", options=options)
    tensors = [
        [item.raw_data for item in onnx.load(tmp_path / name).graph.initializer] for name in ("mar.onnx", "pair.onnx")
    ]
    assert tensors[0] == tensors[1]
    assert not (tmp_path.parent / "escaped.py").exists()


@pytest.mark.parametrize("damage", ["cut", "no symbol", "two symbols", "bomb"])
def test_a_bad_archive_is_refused(tmp_path, damage):
    import zipfile

    archive = tmp_path / "bad.mar"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("MAR-INF/MANIFEST.json", '{"model": {"handler": "other.py"}}')
        names = {"no symbol": (), "two symbols": ("a-symbol.json", "b-symbol.json")}.get(damage, ("a-symbol.json",))
        for name in names:
            whole.writestr(name, " " * (300 << 20) if damage == "bomb" else "{}")
    if damage == "cut":
        archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(Diagnostic):
        converters.read([archive])
