"""--single-file writes an ExportedProgram: PyTorch loads it, and it computes what the network does."""

from __future__ import annotations

import subprocess
import zipfile

import numpy as np
import onnx
import pytest
from cli import run
from frameworks import framework, shared
from onnx import parser

from zoo.backends import discovery, host

pytestmark = pytest.mark.framework

_LOADED = """
import sys, numpy as np, torch
program = torch.export.load(sys.argv[1]).module()
fed = [torch.from_numpy(array) for array in np.load(sys.argv[2]).values()]
result = program(*fed)
results = result if isinstance(result, tuple) else (result,)
np.savez(sys.argv[3], *[tensor.detach().numpy() for tensor in results])
"""


def loaded(program, fed, tmp_path):
    """What torch.export.load makes of the file, without zoo."""
    np.savez(tmp_path / "fed.npz", **fed)
    interpreter = discovery.probe(framework("torch")).interpreter
    paths = [str(program), str(tmp_path / "fed.npz"), str(tmp_path / "found.npz")]
    subprocess.run([str(interpreter), "-I", "-W", "ignore", "-c", _LOADED, *paths], check=True)
    return list(np.load(tmp_path / "found.npz").values())


def single(source, out, *arguments):
    return run("convert", str(source), "--to", "torch", "--single-file", "-o", str(out), *arguments)


def two_inputs(path):
    body = """<ir_version: 8, opset_import: ["" : 18]>
        g (float[N,3] x, int64[N] rows) => (float[N,3] y, int64[N] again) {
        table = Constant<value = float[4,3] {0,1,2,3,4,5,6,7,8,9,10,11}>()
        taken = Gather<axis=0>(table, rows)  y = Add(x, taken)  again = Identity(rows) }"""
    onnx.save(parser.parse_model(body), path)
    return path


def test_a_real_network_is_loaded_by_pytorch_alone_and_agrees_for_any_batch(tmp_path):
    framework("torch")
    files = [shared("models", "samplenet", name) for name in ("SampLeNet.prototxt", "SampLeNet.caffemodel")]
    ran = single(",".join(map(str, files)), tmp_path / "net.pt2")
    assert ran.status == 0, ran.err
    assert "the saved program, loaded again, agrees with the module" in ran.out
    run("convert", *map(str, files), "--to", "onnx", "-o", str(tmp_path / "net.onnx"))
    fed = {"data": np.random.default_rng(0).standard_normal((5, 3, 32, 32)).astype(np.float32)}
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": tmp_path / "net.onnx"}, fed, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    (found,) = loaded(tmp_path / "net.pt2", fed, tmp_path)
    np.testing.assert_allclose(found, reply.outputs["fc3"], rtol=1e-5, atol=1e-6)


def test_inputs_of_other_types_and_several_outputs(tmp_path):
    framework("torch")
    ran = single(two_inputs(tmp_path / "net.onnx"), tmp_path / "net.pt2")
    assert ran.status == 0, ran.err
    fed = {"x": np.ones((3, 3), np.float32), "rows": np.array([3, 0, 2])}
    found = loaded(tmp_path / "net.pt2", fed, tmp_path)
    assert np.array_equal(found[0], 1 + np.arange(12).reshape(4, 3)[fed["rows"]])
    assert np.array_equal(found[1], fed["rows"])


def test_the_same_network_gives_the_same_file_which_names_no_folder_of_this_machine(tmp_path):
    framework("torch")
    source = two_inputs(tmp_path / "net.onnx")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert single(source, tmp_path / name / "net.pt2").status == 0
    assert (tmp_path / "one" / "net.pt2").read_bytes() == (tmp_path / "two" / "net.pt2").read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / "net.pt2") as archive:
        assert not any(b"zoo-export" in archive.read(name) for name in archive.namelist())


def test_a_size_without_a_number_is_refused_with_the_option_that_gives_it(tmp_path):
    body = '<ir_version: 8, opset_import: ["" : 18]> g (float[N,C,H,W] x) => (float[N,C,H,W] y) { y = Relu(x) }'
    onnx.save(parser.parse_model(body), tmp_path / "net.onnx")
    ran = single(tmp_path / "net.onnx", tmp_path / "net.pt2")
    assert ran.status == 3
    assert "--input x:1,3,224,224" in ran.err
    assert not (tmp_path / "net.pt2").exists()


def test_the_name_of_a_program_ends_in_pt2(tmp_path):
    ran = single(two_inputs(tmp_path / "net.onnx"), tmp_path / "net")
    assert ran.status == 2
    assert "is one .pt2 file" in ran.err
