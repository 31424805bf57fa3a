"""Fields of forks: tolerated and told where the layer cannot read them, refused with their line where it could."""

from __future__ import annotations

import pytest
from nets import small

import converters
from converters.diagnostic import Diagnostic

NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }
layer { name: "a" type: "ReLU" bottom: "data" top: "a"
  %s
}
"""


def read(tmp_path, extra, **options):
    graph = tmp_path / "net.prototxt"
    graph.write_text(NET % extra)
    return converters.read([graph], converters.Options(**options))


@pytest.mark.parametrize(
    "extra", ["odd_param { steep: 1 }", 'engine: "MKL"', "forward_type: FLOAT16", "pooling_param { odd: 1 }"]
)
def test_what_the_layer_cannot_read_is_noted(tmp_path, extra):
    (note,) = read(tmp_path, extra).report.notes
    assert "(line 3)" in note


@pytest.mark.parametrize("extra", ["relu_param { maximum: 3 }", "quantize: 4"])
def test_what_the_layer_could_read_is_refused_with_its_line(tmp_path, extra):
    with pytest.raises(Diagnostic) as caught:
        read(tmp_path, extra)
    assert caught.value.code == "attribute-ignored"
    assert "(line 3)" in caught.value.message


def test_a_layer_of_an_unknown_kind_may_have_any_fields_and_be_cut_off(tmp_path):
    text = NET % "" + 'layer { name: "odd" type: "Odd" bottom: "a" top: "o" odd_param { x { y: 1 } } }\n'
    graph, _ = small(tmp_path, text)
    with pytest.raises(Diagnostic) as caught:
        converters.read([graph])
    assert caught.value.code == "unsupported-ops"
    model = converters.read([graph], converters.Options(cut_at=("a",)))
    assert [value.name for value in model.ir.graph.outputs] == ["a"]


def test_a_layer_without_an_exact_form_is_refused_by_name_with_the_cut_that_converts_the_rest(tmp_path):
    text = NET % "" + 'layer { name: "crf" type: "DenseCRF" bottom: "a" bottom: "data" top: "o" dense_crf_param { } }\n'
    graph, _ = small(tmp_path, text)
    with pytest.raises(Diagnostic, match="iterative solver") as caught:
        converters.read([graph])
    option, names = caught.value.hint.split(" ")[:2]
    assert option == "--cut-at"
    model = converters.read([graph], converters.Options(cut_at=tuple(names.split(","))))
    assert "a" in [value.name for value in model.ir.graph.outputs]


def test_an_option_of_caffe_says_nothing_about_other_formats(tmp_path):
    out = tmp_path / "a.onnx"
    graph = tmp_path / "net.prototxt"
    graph.write_text(NET % "")
    converters.convert([graph], "onnx", out)
    with pytest.raises(Diagnostic, match="--phase") as caught:
        converters.read([out], converters.Options(settings={"phase": "TRAIN"}))
    assert caught.value.code == "foreign-option"


def test_a_psroialign_that_does_not_say_which_forks_it_is_is_refused_with_the_cut(tmp_path):
    param = "psroi_align_param { output_dim: 1 group_size: 1 spatial_scale: 1 }"
    text = 'input: "x" input_shape { dim: 1 dim: 1 dim: 4 dim: 5 } input: "r" input_shape { dim: 2 dim: 5 }\n'
    text += f'layer {{ name: "p" type: "PSROIAlign" bottom: "x" bottom: "r" top: "p" {param} }}\n'
    graph, _ = small(tmp_path, text)
    with pytest.raises(Diagnostic, match="no sample_num") as caught:
        converters.read([graph])
    assert str(caught.value.hint).startswith("--cut-at x,r")
