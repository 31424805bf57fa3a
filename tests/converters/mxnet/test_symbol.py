"""Symbols of every generation mean the same; what is no symbol is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import mxnet_files as files
import numpy as np
import onnx
import pytest
from frameworks import framework
from hypothesis import given, settings
from hypothesis import strategies as st

import converters
from converters.diagnostic import Diagnostic
from converters.mxnet import graph, symbol
from zoo.backends import host

KEYS = {"0.8": ("param", 800), "0.9": ("attr", 905), "1.0": ("attrs", 10000), "1.9": ("attrs", 10901)}


def network(key: str, version: int) -> str:
    """Conv, BatchNorm, Activation, FullyConnected, SoftmaxOutput as a release wrote them."""
    nodes = [
        files.variable("data"),
        files.variable("c_weight"),
        files.variable("c_bias"),
        files.node("Convolution", "c", [0, 1, 2], kernel="(3, 2)", num_filter="4", workspace="512"),
        files.variable("b_gamma"),
        files.variable("b_beta"),
        files.variable("b_moving_mean"),
        files.variable("b_moving_var"),
        files.node("BatchNorm", "b", [3, 4, 5, 6, 7], fix_gamma="False", momentum="0.9"),
        files.node("Activation", "a", [8], act_type="relu"),
        files.variable("f_weight"),
        files.node("FullyConnected", "f", [9, 10], num_hidden="3", no_bias="True"),
        files.variable("softmax_label"),
        files.node("SoftmaxOutput", "softmax", [11, 12]),
    ]
    if version < 900:  # auxiliary states stood in no node
        nodes[8]["inputs"] = nodes[8]["inputs"][:3]
    for item in nodes:
        if "attrs" in item:
            item[key] = item.pop("attrs")
        if version < 1000:
            item["backward_source_id"] = -1
            item["inputs"] = [entry[:2] for entry in item["inputs"]]
        if version < 900:
            item.setdefault("param", {})
            rates = {"weight_lr_mult": "1.2"} if item["op"] in ("Convolution", "FullyConnected") else {}
            item["attr"] = {"ctx_group": "dev1", **rates}
    document = json.loads(files.symbol(nodes, version=version))
    if version < 900:
        del document["attrs"]
        document["heads"] = [[13, 0]]
    return json.dumps(document)


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"arg:c_weight": (4, 3, 3, 2), "arg:c_bias": (4,), "arg:b_gamma": (4,), "arg:b_beta": (4,),
              "aux:b_moving_mean": (4,), "arg:f_weight": (3, 4 * 4 * 4)}  # fmt: skip
    drawn = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {**drawn, "aux:b_moving_var": rng.uniform(0.5, 2, 4).astype(np.float32)}


def convert(folder, text, name="net", **options):
    made = files.write(folder, name, text, weights())
    out = folder / f"{name}.onnx"
    given = converters.Options(inputs={"data": (1, 3, 6, 5)}, **options)
    return made, converters.convert(list(made.values()), "onnx", out, options=given), out


@pytest.mark.parametrize("generation", KEYS)
def test_every_generation_gives_the_same_network(tmp_path, generation):
    _, _, newest = convert(tmp_path, network(*KEYS["1.9"]), "newest")
    _, _, out = convert(tmp_path, network(*KEYS[generation]))
    ours, theirs = onnx.load(out), onnx.load(newest)
    assert [node.op_type for node in ours.graph.node] == [node.op_type for node in theirs.graph.node]
    assert [item.raw_data for item in ours.graph.initializer] == [item.raw_data for item in theirs.graph.initializer]


@pytest.mark.framework
def test_the_real_mxnet_reads_the_generations_alike(tmp_path):
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 5)).astype(np.float32)
    jobs = [
        host.Job("mxnet", files.write(tmp_path, name, network(*KEYS[name]), weights()), {"data": x}, label=name)
        for name in KEYS
    ]
    replies = host.run_many(framework("mxnet"), jobs, 60)
    first = replies[0].outputs["softmax_output"]
    assert all(np.array_equal(reply.outputs["softmax_output"], first) for reply in replies)


def test_the_label_is_dropped_and_said(tmp_path):
    _, report, out = convert(tmp_path, network(*KEYS["1.9"]))
    assert [port.name for port in onnx.load(out).graph.input] == ["data"]
    assert "training" in report.dropped["softmax_label"]


def test_an_inner_output_can_be_asked_for_by_its_name(tmp_path):
    _, _, out = convert(tmp_path, network(*KEYS["1.9"]), outputs=["a_output"])
    assert [value.name for value in onnx.load(out).graph.output] == ["a_output"]


def test_gluon_arrays_need_no_prefix(tmp_path):
    made = files.write(tmp_path, "g", network(*KEYS["1.9"]), {name[4:]: array for name, array in weights().items()})
    source = graph.decode(made, {"data": (1, 3, 6, 5)})
    assert set(source.layers[0].weights) == {"weight", "bias"}
    assert source.unused == ()


def test_a_first_input_without_a_shape_is_refused_with_what_to_type(tmp_path):
    made = files.write(tmp_path, "net", network(*KEYS["1.9"]), weights())
    with pytest.raises(Diagnostic, match="shape of its input data") as caught:
        converters.convert(list(made.values()), "onnx", tmp_path / "net.onnx")
    assert "--input data:" in str(caught.value.hint)


def test_the_noted_shape_of_a_variable_is_used(tmp_path):
    nodes = [files.variable("data", __shape__="(0, 3, 4)"), files.node("relu", "r", [0])]
    (port,) = graph.decode(files.write(tmp_path, "net", files.symbol(nodes)), {}).inputs
    assert port.shape == ("N", 3, 4)


def test_the_weight_of_a_fully_connected_input_fixes_its_shape(tmp_path):
    nodes = [
        files.variable("data"),
        files.variable("w"),
        files.node("FullyConnected", "f", [0, 1], num_hidden="2", no_bias="1"),
    ]
    made = files.write(tmp_path, "net", files.symbol(nodes), {"arg:w": np.ones((2, 7), np.float32)})
    (port,) = graph.decode(made, {}).inputs
    assert port.shape == ("N", 7)


def test_missing_parameters_are_a_table_not_inputs(tmp_path):
    held = weights()
    del held["arg:c_weight"], held["aux:b_moving_var"]
    made = files.write(tmp_path, "net", network(*KEYS["1.9"]), held)
    options = converters.Options(inputs={"data": (1, 3, 6, 5)})
    with pytest.raises(Diagnostic) as caught:
        converters.convert(list(made.values()), "onnx", tmp_path / "net.onnx", options=options)
    assert caught.value.code == "weights-mismatch"
    assert "c/weight" in str(caught.value)
    assert "b/moving_var" in str(caught.value)


@pytest.mark.parametrize("kind", ["_sg_mkldnn_conv", "_contrib_quantized_conv", "_foreach", "no_such_operator"])
def test_operators_that_zoo_does_not_read_are_refused_by_name(tmp_path, kind):
    made = files.write(tmp_path, "net", files.symbol([files.variable("data"), files.node(kind, "it", [0])]))
    with pytest.raises(Diagnostic, match=kind) as caught:
        converters.read(list(made.values()), converters.Options(inputs={"data": (1, 3)}))
    assert caught.value.code == "unsupported-ops"


def test_custom_operators_are_refused_by_their_own_name_and_can_be_cut_off(tmp_path):
    nodes = [
        files.variable("data"),
        files.node("relu", "before", [0]),
        files.node("Custom", "it", [1], op_type="proposal_target"),
    ]
    made = files.write(tmp_path, "net", files.symbol(nodes))
    options = converters.Options(inputs={"data": (1, 3)})
    with pytest.raises(Diagnostic, match="Custom:proposal_target") as caught:
        converters.read(list(made.values()), options)
    assert "--cut-at before_output" in str(caught.value.hint)
    model = converters.read(list(made.values()), converters.Options(inputs={"data": (1, 3)}, cut_at=["before_output"]))
    assert [value.name for value in model.ir.graph.outputs] == ["before_output"]


BAD = {
    "no JSON": "{",
    "a list": "[]",
    "no nodes": '{"nodes": 3, "heads": [[0, 0]]}',
    "no heads": '{"nodes": [], "heads": []}',
    "a node that is a number": '{"nodes": [1], "heads": [[0, 0]]}',
    "an input that stands later": '{"nodes": [{"op": "relu", "name": "r", "inputs": [[0, 0]]}], "heads": [[0, 0]]}',
    "a negative node": '{"nodes": [{"op": "relu", "name": "r", "inputs": [[-1, 0]]}], "heads": [[0, 0]]}',
    "an output that does not exist": json.dumps(
        {
            "nodes": [files.variable("d"), files.node("relu", "r", [0]), files.node("relu", "s", [(1, 5)])],
            "heads": [[2, 0]],
        }
    ),
    "a head that does not exist": '{"nodes": [{"op": "null", "name": "d", "inputs": []}], "heads": [[7, 0]]}',
    "deep nesting": '{"nodes": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a number without an end": '{"nodes": [], "heads": [[' + "9" * 10_000 + ", 0]]}",
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_symbol_is_refused(tmp_path, text):
    path = tmp_path / "net-symbol.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Diagnostic):
        graph.decode({"graph": path}, {"d": (1, 3)})


def test_all_bad_attributes_are_told_together(tmp_path):
    nodes = [
        files.variable("data"),
        files.node("Convolution", "c", [0], kernel="three", num_filter="4"),
        files.node("Pooling", "p", [1], global_pool="maybe"),
    ]
    with pytest.raises(Diagnostic) as caught:
        graph.decode(files.write(tmp_path, "net", files.symbol(nodes)), {"data": (1, 3, 4, 5)})
    assert "kernel is 'three'" in str(caught.value)
    assert "global_pool is 'maybe'" in str(caught.value)


def test_a_hundred_thousand_nodes_are_decoded_in_one_pass(tmp_path):
    nodes = [files.variable("data"), *(files.node("relu", f"r{place}", [place]) for place in range(100_000))]
    source = graph.decode(files.write(tmp_path, "net", files.symbol(nodes)), {"data": (1, 3)})
    assert len(source.layers) == 100_000


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_symbol_gives_a_graph_or_a_diagnostic(tmp_path_factory, data):
    text = bytearray(network(*KEYS["1.9"]).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(32, 126))
    path = tmp_path_factory.getbasetemp() / "damaged-symbol.json"
    path.write_bytes(bytes(text))
    with suppress(Diagnostic):
        converters.read([path], converters.Options(inputs={"data": (1, 3, 6, 5)}, allow_missing=True))


def test_the_version_of_a_file_without_one_is_the_oldest(tmp_path):
    path = tmp_path / "net-symbol.json"
    path.write_text('{"nodes": [{"op": "null", "name": "d", "inputs": []}], "heads": [[0, 0]]}')
    assert symbol.read(path).version == 800
