"""The text of a network: faults with their places, generations, fields of forks."""

from __future__ import annotations

import pytest

from converters.caffe import prototxt
from converters.diagnostic import Diagnostic

LAYER = 'layer { name: "a" type: "ReLU" bottom: "x" top: "y" %s }\n'


def refusal(text, **options):
    with pytest.raises(Diagnostic) as caught:
        prototxt.parse(text, "net.prototxt", **options)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('name: "n"\nlayer { name: "a" type "ReLU" }\n', 2, 24),
        ('name: "n"\n\nlayer {\n  name: "a\n}\n', 4, 9),
        ('layer { name: "a" }\n}\n', 2, 1),
        ('layer { relu_param { negative_slope: "x" } }', 1, 38),
        ("layer { phase: SOMETIMES }", 1, 16),
        ("layer { name: 'a'\n", 1, 15),
    ],
)
def test_a_syntax_error_names_line_and_column(text, line, column):
    fault = refusal(text)
    assert fault.code == "prototxt-syntax"
    assert (fault.where.line, fault.where.column) == (line, column)


def test_every_layer_knows_its_line_past_comments_strings_and_nested_blocks():
    text = '# layer { }\nname: "layer { }"\n' + LAYER % "" + "\nlayer\n{ name: 'b' type: 'Eltwise' }\n"
    assert [layer.where.line for layer in prototxt.parse(text, "f").layers] == [3, 5]


def test_blocks_nested_too_deeply_are_refused():
    assert refusal("layer {" * 5000).code == "prototxt-syntax"


def test_both_generations_in_one_file_are_refused():
    fault = refusal('layers { name: "a" type: RELU }\n' + LAYER % "")
    assert (fault.code, fault.where.line) == ("mixed-generations", 1)


def test_a_v1_layer_becomes_todays():
    text = (
        'layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 1\n'
        "  convolution_param { num_output: 3 kernel_size: 5 pad: 2 } include { phase: TEST } param: 'w' param: 'b' }\n"
        'layers { name: "s" type: SOFTMAX_LOSS bottom: "c" bottom: "label" loss_weight: 0.5 }\n'
    )
    conv, loss = prototxt.parse(text, "f").layers
    assert (conv.kind, conv.bottoms, conv.tops) == ("Convolution", ("x",), ("c",))
    assert list(conv.message.convolution_param.kernel_size) == [5]
    assert [spec.name for spec in conv.message.param] == ["w", "b"]
    assert conv.message.include[0].phase == 1
    assert (loss.kind, list(loss.message.loss_weight)) == ("SoftmaxWithLoss", [0.5])


def test_every_v1_type_but_none_has_a_kind_of_today():
    from converters.caffe import schema, upgrade

    labels = schema.new("V1LayerParameter").DESCRIPTOR.fields_by_name["type"].enum_type.values_by_name
    assert set(labels) == {"NONE", *upgrade.KINDS}


def test_every_v1_parameter_has_a_field_of_today_under_the_same_name():
    from converters.caffe import schema, upgrade

    old, new = (schema.new(name).DESCRIPTOR.fields_by_name for name in ("V1LayerParameter", "LayerParameter"))
    lost = {name for name in old if name not in new} - upgrade._TRAINING
    assert lost == set()
    kinds = {name: (old[name].type, getattr(old[name].message_type, "name", None)) for name in old if name in new}
    same = {name: (new[name].type, getattr(new[name].message_type, "name", None)) for name in kinds}
    differing = {name for name in kinds if kinds[name] != same[name]}
    assert differing <= upgrade._TRAINING


V0 = """
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "padded" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 5 stride: 2 group: 2 biasterm: false
  weight_filler { type: "gaussian" std: 0.5 } blobs_lr: 1. } bottom: "padded" top: "conv" }
layers { layer { name: "relu" type: "relu" } bottom: "conv" top: "conv" }
layers { layer { name: "pool" type: "pool" pool: AVE kernelsize: 3 stride: 2 pad: 1 } bottom: "conv" top: "pool" }
layers { layer { name: "norm" type: "lrn" local_size: 3 alpha: 0.5 beta: 0.25 } bottom: "pool" top: "norm" }
layers { layer { name: "fc" type: "innerproduct" num_output: 7 } bottom: "norm" top: "fc" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.25 } bottom: "fc" top: "fc" }
layers { layer { name: "join" type: "concat" concat_dim: 1 } bottom: "fc" bottom: "fc" top: "join" }
"""


def test_a_v0_net_becomes_todays_and_its_padding_goes_into_the_convolution():
    layers = {layer.name: layer for layer in prototxt.parse(V0, "f").layers}
    assert [layer.kind for layer in layers.values()] == [
        "Convolution", "ReLU", "Pooling", "LRN", "InnerProduct", "Dropout", "Concat",
    ]  # fmt: skip
    conv = layers["conv"].message.convolution_param
    assert (layers["conv"].bottoms, list(conv.pad), list(conv.kernel_size)) == (("data",), [2], [5])
    assert (conv.group, conv.bias_term, conv.weight_filler.std) == (2, False, 0.5)
    pool = layers["pool"].message.pooling_param
    assert (pool.pool, pool.kernel_size, pool.pad) == (1, 3, 1)
    assert layers["norm"].message.lrn_param.alpha == 0.5
    assert layers["fc"].message.inner_product_param.num_output == 7
    assert layers["drop"].message.dropout_param.dropout_ratio == 0.25
    assert layers["join"].message.concat_param.concat_dim == 1
    assert [layer.where.line for layer in layers.values()] == [3, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('layers { layer { name: "a" type: "warp" } }', "v0-type"),
        ('layers { layer { name: "a" type: "relu" kernelsize: 3 } }', "v0-field"),
        ('layers { layer { name: "a" type: "relu" } } layers { name: "b" type: RELU }', "mixed-generations"),
        (
            (
                'layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }'
                'layers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }'
            ),
            "v0-padding",
        ),
    ],
)
def test_what_caffe_cannot_upgrade_from_v0_is_refused(text, code):
    assert refusal(text).code == code


def test_unknown_fields_stay_with_their_layer_with_line_and_column():
    text = LAYER % "" + "layer {\n  name: 'b' type: 'Odd'\n  odd_param { a: 1 b { c: 'x' } }\n  quick: true }\n"
    first, second = prototxt.parse(text, "f").layers
    assert first.foreign == ()
    assert [(found.path, found.value, found.line, found.column) for found in second.foreign] == [
        (("layer", "odd_param"), None, 4, 3),
        (("layer", "quick"), "true", 5, 3),
    ]


def test_unknown_fields_inside_a_known_message_are_found_too():
    text = LAYER % "relu_param { negative_slope: 0.5 shape: [1, 2] steep: 'a' 'b' }"
    (layer,) = prototxt.parse(text, "f").layers
    assert [(found.path[1:], found.value) for found in layer.foreign] == [
        (("relu_param", "shape"), "[ 1 2 ]"),
        (("relu_param", "steep"), "'a' 'b'"),
    ]
    assert layer.message.relu_param.negative_slope == 0.5


def test_an_unknown_scalar_at_the_top_is_noted_and_an_unknown_block_refused():
    assert "engine (line 1)" in prototxt.parse('engine: "MKL"\n' + LAYER % "", "f").notes[0]
    fault = refusal('name: "n"\n  layr { name: "a" }')
    assert (fault.code, fault.where.line, fault.where.column) == ("prototxt-syntax", 2, 3)
    assert "layr" in fault.message


def test_a_solvers_prototxt_is_named():
    assert refusal('net: "train.prototxt"\nbase_lr: 0.01\nmax_iter: 10\n').code == "solver-prototxt"


PROTO = """
syntax = "proto2"; package caffe; // a comment
message NetParameter { optional string name = 1; repeated LayerParameter layer = 100; }
message LayerParameter {
  optional string name = 1; optional OddParameter odd_param = 500; optional ReLUParameter relu_param = 123;
}
/* message LayerParameter { optional int32 wrong = 1; } */
message OddParameter {
  enum Mode { FAST = 0; SLOW = 1; }
  optional Mode mode = 1 [default = SLOW];
  repeated float size = 2 [packed = true];
  optional int32 count = 3 [default = 7];
  message Inner { optional string word = 1 [default = "a b"]; }
  optional Inner inner = 4;
}
message ReLUParameter { optional float negative_slope = 1 [default = 0]; optional float maximum = 4 [default = 6]; }
"""


def test_a_forks_own_schema_gives_its_fields_types_and_defaults(tmp_path):
    proto = tmp_path / "caffe.proto"
    proto.write_text(PROTO)
    text = LAYER % "odd_param { size: 1.5 size: 2 inner { word: 'w' } } relu_param { maximum: 3 }"
    (layer,) = prototxt.parse(text, "f", proto).layers
    odd = layer.message.odd_param
    assert layer.foreign == ()
    assert (list(odd.size), odd.count, odd.inner.word, odd.mode) == ([1.5, 2.0], 7, "w", 1)
    assert layer.message.relu_param.maximum == 3
    assert not hasattr(prototxt.parse(LAYER % "", "f").layers[0].message.relu_param, "maximum")


def test_a_file_that_is_no_schema_is_refused(tmp_path):
    (tmp_path / "a.proto").write_text("message Other { optional int32 a = 1; }")
    assert refusal(LAYER % "", fork=tmp_path / "a.proto").code == "not-a-proto"


def test_names_that_are_not_utf_8_are_read(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b'name: "n"\n' + (LAYER % "").replace('"a"', '"\u5377\u79ef"').encode("gbk"))
    (layer,) = prototxt.read(path).layers
    assert layer.name.encode("latin-1").decode("gbk") == "\u5377\u79ef"
