"""What is written: names from outside, refusals, the weights' file. No PyTorch is needed for these."""

from __future__ import annotations

import ast
import json
import tracemalloc
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

import converters
from converters.diagnostic import Diagnostic
from converters.pytorch.identifiers import TAKEN, identifier

HOSTILE = [
    "x'; __import__('os').system('true') #",
    '"""\nimport os\n',
    "a\\",
    "{evil}",
    "self",
    "forward",
    "class",
    "load_state_dict",
    "__class__",
    "torch",
    "résumé",
    "a" * 3000,
    "0",
    "-",
    "\u202e",
]


def saved(tmp_path, model, name="model.onnx"):
    path = tmp_path / name
    path.write_bytes(model.SerializeToString() if isinstance(model, onnx.ModelProto) else model)
    return path


def written(tmp_path, model):
    """The text of model.py."""
    converters.convert([saved(tmp_path, model)], "torch", tmp_path / "out")
    return (tmp_path / "out" / "model.py").read_text()


def text_model(body, opset=18):
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {body}')


def named_model(name):
    """A network in which everything that can bear a name bears this one, as far as ONNX lets it."""
    weight = numpy_helper.from_array(np.ones((2, 2, 1, 1), np.float32), f"{name}.weight")
    nodes = [
        helper.make_node("Conv", [name, f"{name}.weight"], [f"{name}1"], name=name, kernel_shape=[1, 1]),
        helper.make_node("Add", [f"{name}1", name], [f"{name}2"], name=name),
        helper.make_node("Mul", [f"{name}2", f"{name}1"], [f"{name}3"], name=name),
    ]
    ports = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["N", 2, 3, 4]) for end in (name, f"{name}3")]
    graph = helper.make_graph(nodes, name, ports[:1], ports[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_of_a_file_becomes_code(tmp_path, name):
    tree = ast.parse(written(tmp_path, named_model(name)))
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert all(word.isidentifier() and word.isascii() and len(word) <= 60 for word in found)
    assert "system" not in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imports = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert set(imports) == {"json", "os", "torch"} | ({"torch.nn.functional"} & set(imports))
    constants = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(constants["INPUTS"]) == (name,)
    assert ast.literal_eval(constants["OUTPUTS"]) == (f"{name}3",)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_become_words_that_nobody_else_uses(name):
    from converters.pytorch.identifiers import Names

    word = Names().take(name)
    assert word.isidentifier()
    assert word not in TAKEN
    assert identifier(name)


def test_a_text_where_a_number_belongs_is_refused(tmp_path):
    node = helper.make_node("Softmax", ["x"], ["y"])
    node.attribute.append(helper.make_attribute("axis", "0) or __import__('os').system('true'"))
    ports = [helper.make_tensor_value_info(end, TensorProto.FLOAT, [2, 3]) for end in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", ports[:1], ports[1:]), ir_version=8)
    with pytest.raises(Diagnostic) as caught:
        written(tmp_path, model)
    assert not (tmp_path / "out").exists()
    assert "system" not in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        'g (float[2,3] x) => (float[2] y) { y = Einsum<equation="ij->i\\"); import os #">(x) }',
        'g (float[2,3] x) => (float[2,5] y) { p = Constant<value = int64[4] {0,1,0,1}>() y = Pad<mode="a\\"b">(x, p) }',
        'g (float[2,3] x, int64[2,3] i) => (float[2,3] y) { y = ScatterElements<reduction="eval">(x, i, x) }',
    ],
)
def test_texts_that_an_operator_does_not_know_are_refused(tmp_path, body):
    with pytest.raises(Diagnostic):
        written(tmp_path, text_model(body))
    assert not (tmp_path / "out").exists()


def test_all_operators_that_cannot_be_written_are_named_at_once(tmp_path):
    body = """g (string[2] s, float[2,2] x) => (float[2,2] y, string[2] t) {
        t = StringConcat(s, s)  a = RandomUniformLike(x)  b = Bernoulli(a)  y = Add(a, b) }"""
    with pytest.raises(Diagnostic) as caught:
        written(tmp_path, text_model(body, 20))
    assert caught.value.code == "unwritable-nodes"
    details = "\n".join(caught.value.details)
    assert all(name in details for name in ("StringConcat", "RandomUniformLike", "Bernoulli"))
    assert not (tmp_path / "out").exists()


def test_an_attribute_without_meaning_for_the_operator_is_refused(tmp_path):
    model = text_model("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }")
    model.graph.node[0].attribute.append(helper.make_attribute("alpha", 0.5))
    with pytest.raises(Diagnostic):
        written(tmp_path, model)


def test_the_forward_is_what_a_person_would_write(tmp_path):
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "features.0.weight")
    body = """g (float[N,3,8,8] data) => (float[N,4,4,4] pool) {
        a = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(data, "features.0.weight")
        b = Relu(a)
        pool = MaxPool<kernel_shape=[2,2], strides=[2,2]>(b) }""".replace('"features.0.weight"', "w")
    model = text_model(body)
    model.graph.node[0].input[1] = "features.0.weight"
    model.graph.initializer.append(weight)
    text = written(tmp_path, model)
    assert "self.features_0 = nn.Conv2d(3, 4, 3, padding=1, bias=False)" in text
    assert "pool = F.max_pool2d(F.relu(self.features_0(data)), 2, stride=2)" in text


def test_shapes_stay_integers_of_python(tmp_path):
    body = """g (float[N,6,4] x) => (float[N,M] y) {
        s = Shape(x)  zero = Constant<value = int64 {0}>()  n = Gather<axis=0>(s, zero)
        axes = Constant<value = int64[1] {0}>()  u = Unsqueeze(n, axes)  rest = Constant<value = int64[1] {-1}>()
        shape = Concat<axis=0>(u, rest)  y = Reshape(x, shape) }"""
    assert "torch.flatten(x_2, 1)" in written(tmp_path, text_model(body))


def test_writing_twice_gives_the_same_bytes(tmp_path):
    source = saved(tmp_path, named_model("a"))
    for folder in ("one", "two"):
        converters.convert([source], "torch", tmp_path / folder)
    for file in ("model.py", "model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_weights_lie_in_a_safetensors_file_in_order_and_aligned(tmp_path):
    written(tmp_path, named_model("a"))
    data = (tmp_path / "out" / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert (8 + size) % 64 == 0
    spans = sorted(entry["data_offsets"] for name, entry in header.items() if name != "__metadata__")
    assert spans[0][0] == 0
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert 8 + size + spans[-1][1] == len(data)
    first, last = header["a_weight.weight" if "a_weight.weight" in header else "a.weight"]["data_offsets"]
    assert np.array_equal(np.frombuffer(data[8 + size + first : 8 + size + last], "<f4"), np.ones(4, np.float32))


def test_weights_pass_through_in_portions(tmp_path):
    weight = numpy_helper.from_array(np.zeros((64, 1 << 20), np.float32), "w")  # 256 MiB
    model = text_model("g (float[N,1048576] x) => (float[N,64] y) { y = Gemm<transB=1>(x, w) }")
    model.graph.initializer.append(weight)
    source = saved(tmp_path, model)
    tracemalloc.start()
    try:
        converters.convert([source], "torch", tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out" / "model.safetensors").stat().st_size > 256 << 20
