"""The shipped workers on real networks: each says the same as the others, and says what it cannot do."""

import zipfile

import numpy as np
import onnx
import pytest
from frameworks import caffe_worker, framework, shared
from onnx import helper

from zoo.backends import discovery, host

RNG = np.random.default_rng(7)
SLICE = """
input: "data" input_shape { dim: 1 dim: 4 dim: 3 dim: 5 }
layer { name: "cut" type: "Slice" bottom: "data" top: "left" top: "right" slice_param { axis: 1 slice_point: 1 } }
layer { name: "act" type: "ReLU" bottom: "left" top: "left" }  # in place
layer { name: "drop" type: "Dropout" bottom: "right" top: "right" include { phase: TRAIN } }
layer { name: "sum" type: "Power" bottom: "right" top: "out" power_param { shift: 0.5 } }
"""


def net(folder, graph, weights):
    return {"graph": shared("models", folder, graph), "weights": shared("models", folder, weights)}


def caffe_net(name):
    return {
        "samplenet": lambda: net("samplenet", "SampLeNet.prototxt", "SampLeNet.caffemodel"),
        "lenet": lambda: net("lenet", "lenet.prototxt", "lenet_iter_10000.caffemodel"),
        "rfb320": lambda: net("rfb320", "RFB-320.prototxt", "RFB-320.caffemodel"),
    }[name]()


def on_opencv(kind, files, inputs, **more):
    return host.run(discovery.find("opencv"), kind, files, inputs, timeout=120, **more)


def on_onnxruntime(model, inputs, **more):
    return host.run(discovery.find("onnxruntime"), "onnx", {"model": model}, inputs, timeout=120, **more)


def test_samplenet_in_onnxruntime_equals_samplenet_in_opencv_with_its_channels_reversed():
    x = RNG.normal(size=(1, 3, 32, 32)).astype(np.float32)
    published = on_onnxruntime(shared("models", "samplenet", "samplenet.onnx"), {"": x})
    caffe = on_opencv("caffe", caffe_net("samplenet"), {"data": np.ascontiguousarray(x[:, ::-1])})
    assert list(published.outputs) == list(caffe.outputs) == ["fc3"]
    np.testing.assert_allclose(caffe.outputs["fc3"], published.outputs["fc3"], atol=2e-5)


def test_opencv_names_the_outputs_of_an_onnx_graph_as_the_graph_does():
    model = shared("models", "rfb320", "version-RFB-320_simplified.onnx")
    x = {"input": RNG.normal(size=(1, 3, 240, 320)).astype(np.float32)}
    ours, theirs = on_opencv("onnx", {"model": model}, x).outputs, on_onnxruntime(model, x).outputs
    assert ours.keys() == theirs.keys() == {"scores", "boxes"}
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, atol=5e-5)


@pytest.mark.parametrize("level", ["disable", "basic", "extended", "all"])
def test_onnxruntime_runs_at_every_level_of_graph_optimization(level):
    x = np.ones((1, 3, 32, 32), np.float32)
    model = shared("models", "samplenet", "samplenet.onnx")
    reply = on_onnxruntime(model, {"": x}, options={"graph_optimization": level})
    np.testing.assert_allclose(reply.outputs["fc3"], on_onnxruntime(model, {"": x}).outputs["fc3"], atol=2e-5)
    assert reply.settings == {
        "graph_optimization": level,
        "providers": ["CPUExecutionProvider"],
        "tf32": False,
        "threads": 1,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"graph_optimization": "most"}, "expected one of disable"),
        ({"providers": ["NoSuchProvider"]}, "NoSuchProvider"),
    ],
)
def test_onnxruntime_refuses_settings_that_it_cannot_keep(options, said):
    model = shared("models", "samplenet", "samplenet.onnx")
    answer = on_onnxruntime(model, {"": np.ones((1, 3, 32, 32), np.float32)}, options=options)
    assert isinstance(answer, host.Failed)
    assert said in answer.detail


def test_onnxruntime_names_inputs_and_outputs_that_are_not_there():
    model, x = shared("models", "samplenet", "samplenet.onnx"), np.ones((1, 3, 32, 32), np.float32)
    assert "the model's inputs: " in on_onnxruntime(model, {"image": x}).detail
    assert on_onnxruntime(model, {"": x}, outputs=["prob"]).detail == "no output named prob; the graph has fc3"


def test_a_file_that_is_no_network_is_a_value(tmp_path):
    page = tmp_path / "page.onnx"
    page.write_text("<html>404</html>")
    assert on_onnxruntime(page, {"": np.ones(1)}).reason == "failed"
    assert on_opencv("onnx", {"model": page}, {"": np.ones(1)}).reason == "refused"


def test_opencv_maps_blobs_to_layers_in_place_and_sliced(tmp_path):
    graph = tmp_path / "slice.prototxt"
    graph.write_text(SLICE)
    x = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32)
    outputs = on_opencv("caffe", {"graph": graph}, {"": x}).outputs
    assert set(outputs) == {"left", "out"}
    np.testing.assert_array_equal(outputs["left"], np.maximum(x[:, :1], 0))
    np.testing.assert_allclose(outputs["out"], x[:, 1:] + 0.5, atol=1e-6)
    inner = on_opencv("caffe", {"graph": graph}, {"data": x}, outputs=["right"]).outputs
    np.testing.assert_array_equal(inner["right"], x[:, 1:])


def test_opencv_names_blobs_that_are_not_there(tmp_path):
    graph = tmp_path / "slice.prototxt"
    graph.write_text(SLICE)
    answer = on_opencv("caffe", {"graph": graph}, {"": np.ones((1, 4, 3, 5), np.float32)}, outputs=["middle"])
    assert answer.detail == "nothing is named middle; the outputs are left, out"


@pytest.mark.framework
@pytest.mark.parametrize(
    ("name", "port", "shape"),
    [
        ("samplenet", "data", (2, 3, 32, 32)),
        ("lenet", "data", (3, 1, 28, 28)),
        ("rfb320", "input", (1, 3, 240, 320)),
    ],
)
def test_the_real_caffe_and_opencv_agree(name, port, shape):
    x = {port: RNG.normal(size=shape).astype(np.float32)}
    (reference,) = caffe_worker([host.Job("caffe", caffe_net(name), x)])
    other = on_opencv("caffe", caffe_net(name), x)
    assert reference.outputs.keys() == other.outputs.keys()
    for output, array in reference.outputs.items():
        assert array.shape == other.outputs[output].shape
        np.testing.assert_allclose(other.outputs[output], array, atol=3e-5)


@pytest.mark.framework
def test_the_real_caffe_reshapes_gives_inner_blobs_and_runs_without_weights(tmp_path):
    graph = tmp_path / "slice.prototxt"
    graph.write_text(SLICE)
    x = RNG.normal(size=(2, 4, 6, 7)).astype(np.float32)
    whole, inner = caffe_worker(
        [host.Job("caffe", {"graph": graph}, {"": x}), host.Job("caffe", {"graph": graph}, {"": x}, ("right", "left"))]
    )
    assert set(whole.outputs) == {"left", "out"}
    assert list(inner.outputs) == ["right", "left"]
    np.testing.assert_array_equal(inner.outputs["left"], np.maximum(x[:, :1], 0))


IN_PLACE = """
input: "data" input_shape { dim: 1 dim: 2 dim: 3 dim: 5 }
layer { name: "shift" type: "Power" bottom: "data" top: "shift" power_param { shift: 0.5 } }
layer { name: "act" type: "ReLU" bottom: "shift" top: "shift" }
layer { name: "twice" type: "Power" bottom: "shift" top: "shift" power_param { scale: 2 } }
"""


@pytest.mark.framework
@pytest.mark.parametrize("name", ["caffe", "opencv"])
def test_what_a_layer_leaves_is_shown_before_others_overwrite_it(name, tmp_path):
    card = framework("caffe") if name == "caffe" else discovery.find(name)
    graph = tmp_path / "net.prototxt"
    graph.write_text(IN_PLACE)
    x = RNG.normal(size=(1, 2, 3, 5)).astype(np.float32)
    wanted = ("layer:shift", "layer:act", "shift")
    (seen,) = host.run_many(card, [host.Job("caffe", {"graph": graph}, {"data": x}, wanted)], 120)
    np.testing.assert_array_equal(seen.outputs["layer:shift"], x + np.float32(0.5))
    np.testing.assert_array_equal(seen.outputs["layer:act"], np.maximum(x + np.float32(0.5), 0))
    np.testing.assert_array_equal(seen.outputs["shift"], 2 * np.maximum(x + np.float32(0.5), 0))
    (unknown,) = host.run_many(card, [host.Job("caffe", {"graph": graph}, {"data": x}, ("layer:none",))], 120)
    assert "layer:none" in unknown.detail


@pytest.mark.framework
def test_a_net_that_aborts_caffe_fails_alone_with_caffes_own_words(tmp_path):
    bad, good = tmp_path / "bad.prototxt", tmp_path / "good.prototxt"
    bad.write_text(SLICE.replace('bottom: "data"', 'bottom: "date"'))
    good.write_text(SLICE)
    x = {"data": np.ones((1, 4, 3, 5), np.float32)}
    jobs = [host.Job("caffe", {"graph": graph}, x, label=graph.name) for graph in (good, bad, good)]
    first, second, third = caffe_worker(jobs)
    assert isinstance(first, host.Reply)
    assert isinstance(third, host.Reply)
    assert second.reason == "killed"
    assert second.detail.startswith("bad.prototxt: by SIGABRT\nF")
    assert "Unknown bottom blob 'date'" in second.detail


@pytest.mark.framework
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SLICE.replace('"Slice"', '"Slyce"'), "this Caffe has no layers of the type Slyce"),
        (SLICE.replace("slice_param", "slyce_param"), 'has no field named "slyce_param"'),
    ],
)
def test_layers_and_fields_of_another_caffe_are_refused_in_words(text, says, tmp_path):
    graph = tmp_path / "fork.prototxt"
    graph.write_text(text)
    (answer,) = caffe_worker([host.Job("caffe", {"graph": graph}, {"data": np.ones((1, 4, 3, 5), np.float32)})])
    assert answer.reason == "refused"
    assert says in answer.detail


@pytest.mark.framework
def test_three_hundred_nets_in_one_caffe_take_seconds(tmp_path):
    graph = tmp_path / "good.prototxt"
    graph.write_text(SLICE)
    jobs = [host.Job("caffe", {"graph": graph}, {"": np.full((1, 4, 3, 5), n, np.float32)}) for n in range(300)]
    replies = caffe_worker(jobs)
    assert [float(reply.outputs["out"].max()) for reply in replies] == [n + 0.5 for n in range(300)]


@pytest.mark.framework
def test_weights_of_another_net_are_refused_in_caffes_own_words():
    files = {**caffe_net("samplenet"), "weights": caffe_net("lenet")["weights"]}
    (answer,) = caffe_worker([host.Job("caffe", files, {"data": np.ones((1, 3, 32, 32), np.float32)})])
    assert answer.reason == "killed"
    assert "shape mismatch" in answer.detail


@pytest.fixture
def torch_without_torch(tmp_path):
    """The torch worker with its module taken for granted: what it refuses, it refuses before importing torch."""
    from zoo.backends import card

    text = discovery.find("torch").worker.read_text(encoding="utf-8")
    text = text.replace('NEEDS = ["torch"]', "NEEDS = []").replace("    import numpy as np\n    import torch\n", "")
    path = tmp_path / "torch.py"
    path.write_text(text.replace('{"torch": torch.__version__, "numpy": np.__version__}', "{}"), encoding="utf-8")
    return card.read(path)


def test_torch_says_that_a_state_dict_is_no_network(torch_without_torch):
    weights = shared("models", "rfb320", "version-RFB-320.pth")
    answer = host.run(torch_without_torch, "torch", {"weights": weights}, {}, timeout=60)
    assert answer.reason == "refused"
    assert answer.detail.startswith("a state_dict holds weights, not a graph")


def test_torch_runs_no_code_that_nobody_trusts(torch_without_torch, tmp_path):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/code/__torch__.py", "raise SystemExit")
        archive.writestr("net/constants.pkl", "")
    answer = host.run(torch_without_torch, "torch", {"weights": path}, {}, timeout=60)
    assert answer.reason == "refused"
    assert "--trust" in answer.detail


@pytest.mark.framework
def test_the_real_frameworks_card_can_run():
    assert discovery.probe(framework("caffe")).versions["caffe"] == "1.0.0"


def test_what_opencv_cannot_read_is_a_refusal_in_its_own_words(tmp_path):
    ports = [helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 2, 2]), ("y", [1]))]
    graph = helper.make_graph([helper.make_node("Det", ["x"], ["y"])], "g", ports[:1], ports[1:])
    path = tmp_path / "det.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    answer = host.run(
        discovery.find("opencv"), "onnx", {"model": path}, {"x": np.ones((1, 2, 2), np.float32)}, timeout=60
    )
    assert isinstance(answer, host.Failed), "OpenCV reads it now: the test needs another network"
    assert answer.reason == "refused"
    assert "OpenCV does not read it" in answer.detail
    assert "Det" in answer.detail
