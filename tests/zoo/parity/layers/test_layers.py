"""Layers taught by the reference: what is said of them, the plot, and the smallest part that differs as files."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from planting.drawing import mutants
from planting.feeding import feeds
from planting.gate import Engine, judge, teacher
from planting.networks import FAMILIES

from zoo.parity.graphs.graph import Graph, kinds
from zoo.parity.layers.bisect import FILES, smallest, write
from zoo.parity.layers.located import Located
from zoo.parity.layers.plot import plot
from zoo.parity.layers.rows import Row, first
from zoo.parity.layers.taught import Teacher, teach
from zoo.parity.layers.told import drawn, sentences

SEED = 1


@pytest.fixture
def vgg(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    return graph, teacher(graph, feeds(graph, SEED), tmp_path / "teacher")


def mutant(graph, network, fault, place="early"):
    return next(m for m in mutants(network, graph, SEED) if (m.fault.name, m.place) == (fault, place))


def row(name, ratio, kind="layer"):
    return Row(name, "Conv", 0, kind, ratio, 0.0, 0.0, 1.0, 1.0, "pass" if ratio <= 16 else "fail")


def test_a_value_of_another_shape_is_blamed_before_the_layers_behind_it():
    wrong = Row("mul", "Mul", 1, "inner", np.inf, np.inf, np.inf, 1.0, 1.0, "fail")
    behind = Row("mean", "GlobalAveragePool", 2, "layer", 1e5, 1.0, 1.0, 1.0, 1.0, "fail")
    assert Located("it", (wrong,), (behind,)).first is wrong
    assert Located("it", (wrong,), (replace(wrong, kind="layer"), behind)).first.kind == "layer"


def test_an_error_early_in_the_network_is_blamed_on_its_layer_alone(vgg):
    graph, reference = vgg
    wrong = mutant(graph, "vgg", "layer flipped")
    found = judge(reference, wrong.graph).taught
    assert [row.name for row in found.layers if row.verdict == "fail"] == [wrong.value]
    assert sum(row.verdict == "fail" for row in found.whole) > 5


def test_layers_are_fed_the_reference_frameworks_own_values_where_it_gave_them(vgg, tmp_path):
    graph, reference = vgg
    name = graph.values[0]
    own = {name: np.zeros(reference.measured.values[name].shape, np.float32)}
    told = Teacher.of(graph, reference.feeds, reference.folder, own, reference.measurer)
    assert not told.values()[name].any()
    assert teach(told, graph.copy(), Engine().runner).layers[1].max == 0


def test_a_layer_that_does_not_round_has_to_be_equal(vgg):
    graph, reference = vgg
    relu = next(kinds(graph.nodes, "Relu")).output[0]
    copy = graph.copy()
    copy.after(relu, "Mul", copy.store(np.array(1 + 2**-23, np.float32), "ulp"))
    culprit = first(judge(reference, copy).taught.layers)
    assert culprit is not None
    assert culprit.name == relu


def test_graphs_that_name_no_value_alike_are_not_taken_apart_and_say_so(vgg):
    graph, reference = vgg
    copy = graph.copy()
    for node in copy.model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name in graph.values:
                    names[index] = f"other/{name}"
    for port in copy.model.graph.output:
        port.name = f"other/{port.name}"
    found = teach(reference, copy, Engine().runner)
    assert found.layers == ()
    assert found.why_not == "the two graphs name no value alike"


def test_the_plot_has_a_line_a_layer_and_marks_those_over_the_limit():
    lines = plot([row("a", 0.5), row("b", 1e5), row("c", float("inf"))])
    assert len(lines) == 4
    assert lines[0].endswith("| 16")
    assert [line.endswith("<--") for line in lines[1:]] == [False, True, True]
    lengths = [line.count("#") for line in lines[1:]]
    assert all(one < other for one, other in pairwise(lengths))


def test_the_plot_of_a_long_network_is_short_and_shows_the_first_over_the_limit():
    rows = [row(f"layer{place}", 1000.0 if place >= 150 else 1.0) for place in range(400)]
    lines = plot(rows)
    assert len(lines) < 60
    assert any(line.strip().startswith("layer150 ") for line in lines)
    assert any("more within the limit" in line for line in lines)


def test_a_person_reads_the_culprit_its_ratio_and_where_the_files_are():
    one = Located("m in onnxruntime", (row("a", 20.0, "inner"),), (row("a", 1.0), row("b", 50.0)), bisected=("d/x",))
    lines = sentences([one])
    assert "the first layer that differs is b (Conv), 50 x the floor" in lines[0]
    assert any("none of the known mistakes" in line for line in lines)
    assert any("d/x" in line for line in lines)
    assert drawn([one]) == []


def test_the_smallest_part_shows_the_difference_by_itself_with_one_sample(vgg, tmp_path):
    graph, reference = vgg
    wrong = mutant(graph, "vgg", "one kernel flipped", "late")
    found = judge(reference, wrong.graph).taught
    part = smallest(reference, wrong.graph, found, Engine().runner)
    assert part is not None
    assert part.value == wrong.value
    assert [node.op_type for node in part.candidate.nodes] == ["Conv"]
    assert {array.shape[0] for array in part.fed.values()} == {1}
    assert write(part, tmp_path / "bisect") == tuple(str(tmp_path / "bisect" / name) for name in FILES)
    assert repro(tmp_path / "bisect") == 1
    (tmp_path / "bisect" / "candidate.onnx").write_bytes((tmp_path / "bisect" / "reference.onnx").read_bytes())
    assert repro(tmp_path / "bisect") == 0


def repro(folder):
    """Exit status of the script, run as somebody without zoo would."""
    done = subprocess.run([sys.executable, "-I", str(folder / "repro.py")], capture_output=True, check=False, text=True)
    assert "x the floor from float64" in done.stdout, done.stderr
    return done.returncode


def test_errors_that_only_add_up_are_bisected_to_a_run_of_layers(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "teacher")
    copy = graph.copy()
    for node in kinds(copy.nodes, "Conv"):
        copy.give(node, 1, copy.operand(node, 1) * np.float32(1 + 1.5e-6))
    found = judge(reference, copy).taught
    assert first(found.layers) is None
    assert first(found.whole) is not None
    part = smallest(reference, copy, found, Engine().runner)
    assert part is not None
    assert part.ratio > 16
    assert 1 < len(part.candidate.nodes) < len(graph.nodes)


def test_files_that_cannot_be_written_leave_nothing_behind(vgg, tmp_path):
    graph, reference = vgg
    wrong = mutant(graph, "vgg", "layer flipped")
    part = smallest(reference, wrong.graph, judge(reference, wrong.graph).taught, Engine().runner)
    folder = tmp_path / "bisect"
    (folder / "repro.py").mkdir(parents=True)
    with pytest.raises(Exception, match=r"repro\.py"):
        write(part, folder)
    assert [path.name for path in folder.iterdir()] == ["repro.py"]


def test_nothing_that_differs_has_no_smallest_part(vgg):
    graph, reference = vgg
    assert smallest(reference, graph, judge(reference, graph.copy()).taught, Engine().runner) is None


def test_a_layer_that_lost_the_names_inside_it_may_round_though_its_last_operator_does_not(vgg):
    graph, reference = vgg
    relu = next(kinds(graph.nodes, "Relu"))
    copy = graph.copy()
    conv = copy.producer(relu.input[0])
    for node in copy.readers(relu.input[0]):
        node.input[0] = "unnamed"
    conv.output[0] = "unnamed"
    bias = copy.operand(conv, 2)
    del conv.input[2:]
    copy.after("unnamed", "Add", copy.store(bias.reshape(-1, 1, 1), "bias"))
    found = judge(reference, Graph(copy.model)).taught
    assert relu.input[0] not in found.inner
    assert first(found.layers) is None
    assert relu.output[0] in {row.name for row in found.layers}
