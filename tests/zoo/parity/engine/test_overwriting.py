"""A step that writes over an input changes no value that anybody reads afterwards."""

import numpy as np
import onnx
import pytest
from engine_runs import walk
from onnx.reference import ReferenceEvaluator
from onnx_samples import onnx_model

SHAPE = (2, 3, 4, 5)
VALUES = ", ".join(f"{at - 60}.5" for at in range(120))
LATER = {
    "a value that is read again": "h = Relu(in0); y0 = Add(h, in0); a = Mul(h, w0); y = Add(a, h)",
    "an input of the graph": "h = Relu(in0); y = Mul(in0, h)",
    "an output of the graph": "h = Mul(in0, w0); y0 = Relu(h); y = Relu(y0)",
    "a view of what is written over": "a = Mul(in0, w0); v = Flatten(a); b = Mul(a, w0); c = Neg(v); "
    "d = Flatten(b); y = Add(c, d)",
    "what a view shows": "a = Mul(in0, w0); v = Flatten(a); c = Relu(v); b = Neg(a); d = Flatten(b); y = Add(c, d)",
    "a view of a view": "a = Mul(in0, w0); v = Flatten(a); u = Identity(v); c = Relu(u); b = Abs(v); y = Add(c, b)",
    "a constant of all runs": f"k = Constant <value = float[2,3,4,5] {{{VALUES}}}> (); a = Add(k, in0); y = Relu(a)",
    "both inputs": "a = Mul(in0, w0); b = Add(a, a); c = Mul(b, b); y = Relu(c)",
    "the smaller input": "m = GlobalAveragePool(in0); y = Add(m, in0)",
    "statistics that are computed": "m = ReduceMean <keepdims = 0> (in0, axes); v = Abs(m); n = Neg(in0); "
    "y = BatchNormalization(n, v, m, m, v)",
}  # fmt: skip


@pytest.mark.parametrize("case", LATER)
def test_every_value_is_what_the_reference_computes(case, tmp_path):
    rng = np.random.default_rng(1)
    stored = {
        "w0": rng.standard_normal(SHAPE).astype(np.float32),
        "w1": np.arange(5, dtype=np.float32),
        "axes": np.array([0, 2, 3]),
    }
    outputs = ["y0", "y"] if "y0 =" in LATER[case] else ["y"]
    model = onnx_model(LATER[case].replace("; ", "\n"), [SHAPE], stored, outputs)
    onnx.save(model, tmp_path / "m.onnx")
    fed = {"in0": rng.standard_normal(SHAPE).astype(np.float32)}
    runs = {}
    walk(tmp_path / "m.onnx", fed, lambda made: runs.update(
        {made.name: [np.array(array) for array in (made.native, made.wide, *made.others)]}))  # fmt: skip
    names = [name for node in model.graph.node for name in node.output]
    assert len(names) == len(LATER[case].split("; "))
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    expected = dict(zip(names, ReferenceEvaluator(model).run(None, fed), strict=True))
    assert runs.keys() == expected.keys()
    for name, arrays in runs.items():
        assert len(arrays) == 5
        for array in arrays:
            np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(
        fed["in0"], np.random.default_rng(1).standard_normal((2, *SHAPE)).astype(np.float32)[1]
    )
