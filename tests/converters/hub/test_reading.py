"""The driver: nothing silent, everything at once."""

from __future__ import annotations

import numpy as np
import pytest
from nets import SMALL, small, small_weights

import converters
from converters.diagnostic import Diagnostic
from converters.hub.optable import Read, gather


def refused(tmp_path, text=SMALL, weights=None, **options) -> Diagnostic:
    with pytest.raises(Diagnostic) as caught:
        converters.read(small(tmp_path, text, weights), converters.Options(**options))
    return caught.value


def layer(kind: str, name: str, bottom: str = "prob") -> str:
    return f'layer {{\n name: "{name}" type: "{kind}"\n bottom: "{bottom}" top: "{name}" }}\n'


def test_all_unsupported_kinds_are_listed_at_once_with_counts_places_and_nearest_names(tmp_path):
    text = SMALL + layer("Softmaxx", "a") + layer("Softmaxx", "b") + layer("Unheard", "c")
    fault = refused(tmp_path, text)
    assert fault.code == "unsupported-ops"
    first, second = fault.details
    assert first.split() == ["Softmaxx", "2x", "first:", "layer", '"a"', "(line", "17)", "similar:", "Softmax"]
    assert second.startswith("Unheard ")
    assert "--cut-at prob" in str(fault.hint)


def test_an_attribute_that_no_row_reads_is_refused_instead_of_ignored(tmp_path, monkeypatch):
    """A planted row that forgets the slope: the driver must notice, for no test of numbers would on positive inputs."""
    rows = dict(gather("converters.caffe.ops"))
    rows["ReLU"] = Read(lambda _layer, emit: emit("Relu", *emit.inputs))
    monkeypatch.setattr("converters.hub.optable.gather", lambda _package: rows)
    text = SMALL.replace('type: "ReLU"', 'type: "ReLU" relu_param { negative_slope: 0.1 }')
    fault = refused(tmp_path, text)
    assert fault.code == "attribute-ignored"
    assert "negative_slope" in str(fault)


def test_weights_that_do_not_fit_are_listed_in_one_table(tmp_path):
    weights = small_weights()
    del weights["conv"]
    weights["fc"][0] = np.zeros((5, 95), np.float32)
    weights["bn"].append(np.zeros(4, np.float32))
    fault = refused(tmp_path, weights=weights)
    assert fault.code == "weights-mismatch"
    assert "2 missing, 1 extra, 1 of another shape" in fault.message
    table = "\n".join(fault.details)
    assert "conv/weight: the graph wants [4, 3, 3, 3], the weights file has none" in table
    assert "fc/weight: the graph wants [5, 96], the weights file has [5, 95]" in table
    assert "bn/3: in the weights file only" in table


def test_missing_weights_are_filled_only_when_asked_and_then_reported(tmp_path):
    weights = small_weights()
    del weights["scale"]
    assert "allow-missing" in str(refused(tmp_path, weights=weights).hint)
    report = converters.read(small(tmp_path, weights=weights), converters.Options(allow_missing=True)).report
    assert set(report.filled) == {"scale/scale", "scale/shift"}


def test_a_differing_shape_is_refused_even_when_missing_weights_are_allowed(tmp_path):
    weights = small_weights()
    weights["fc"][0] = np.zeros((5, 95), np.float32)
    assert refused(tmp_path, weights=weights, allow_missing=True).code == "weights-mismatch"


def test_a_network_without_weights_is_refused_with_all_that_it_lacks(tmp_path):
    graph, _ = small(tmp_path)
    with pytest.raises(Diagnostic, match="9 missing"):
        converters.read([graph])


def test_two_rows_for_one_kind_are_refused_with_both_addresses(tmp_path, monkeypatch):
    package = tmp_path / "rows"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in "ab":
        (package / f"{name}.py").write_text(
            "from converters.hub.optable import Read\nREAD = {'Same': Read(lambda layer, emit: None)}\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"Same is read twice: in rows\.a and in rows\.b"):
        gather("rows")


def test_a_refusal_names_file_line_and_layer(tmp_path):
    text = SMALL.replace("kernel_size: 3", "kernel_size: 3 kernel_size: 3 kernel_size: 3")
    fault = refused(tmp_path, text)
    assert str(fault).startswith(f'{tmp_path}/small.prototxt:4: layer "conv" (Convolution): kernel_size has 3 values')


def test_a_layer_that_reads_its_own_future_is_refused(tmp_path):
    fault = refused(tmp_path, SMALL.replace('bottom: "data"', 'bottom: "prob"'))
    assert fault.code == "unknown-bottom"
