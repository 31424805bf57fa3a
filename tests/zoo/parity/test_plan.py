from __future__ import annotations

import pytest
from parity_world import CAFFE, ONNXRUNTIME, OPENCV, artifact, card, entry, here

from zoo.diagnostics import UsageFault
from zoo.parity.plan import Choice, Wanted, plan

EVERYTHING = here(ONNXRUNTIME, OPENCV, CAFFE)
NET = artifact("net@caffe", "caffe", entry("net@caffe"))
TWIN = artifact("net@onnx", "onnx", entry("net@onnx", provenance={"made_from": "net@caffe"}))


def labels(runs):
    return [(run.source.label, run.card.name) for run in runs]


def test_every_artifact_runs_on_every_backend_that_reads_it_and_as_onnx():
    decided = plan([Wanted(NET), Wanted(TWIN)], EVERYTHING, {"caffe"})
    assert labels(decided.runs) == [
        ("net@caffe", "caffe"),
        ("net@caffe", "opencv"),
        ("net@caffe -> onnx", "onnxruntime"),
        ("net@onnx", "onnxruntime"),
    ]
    assert decided.not_run == ()


def test_the_original_goes_before_what_was_made_from_it():
    decided = plan([Wanted(TWIN), Wanted(NET)], EVERYTHING, set())
    assert labels(decided.runs)[0] == ("net@caffe", "caffe")


def test_files_keep_the_order_of_the_command_line():
    first, second = artifact("a.onnx", "onnx"), artifact("b.prototxt", "caffe")
    assert labels(plan([Wanted(first), Wanted(second)], EVERYTHING, set()).runs)[0] == ("a.onnx", "onnxruntime")


def test_a_format_that_converters_do_not_read_is_not_converted():
    decided = plan([Wanted(NET)], EVERYTHING, set())
    assert [run.source.converted for run in decided.runs] == [False, False]


def test_a_backend_that_is_not_there_is_listed_with_its_remedy_and_the_next_one_is_the_reference():
    decided = plan([Wanted(NET)], here(CAFFE, OPENCV, ONNXRUNTIME, absent=[CAFFE]), {"caffe"})
    assert labels(decided.runs)[0] == ("net@caffe", "opencv")
    (missing,) = decided.not_run
    assert (missing.backend, missing.remedy, missing.status) == ("caffe", "zoo backends install caffe", 0)


@pytest.mark.parametrize(
    ("wanted", "choice"),
    [(Wanted(NET, "caffe"), Choice()), (Wanted(NET), Choice(require=("caffe",)))],
)
def test_a_missing_backend_that_was_insisted_on_brings_status_5(wanted, choice):
    decided = plan([wanted], here(CAFFE, OPENCV, absent=[CAFFE]), set(), choice)
    assert [item.status for item in decided.not_run] == [5]


def test_a_named_backend_runs_alone_and_on_the_files_themselves():
    both = card("both", "caffe", "onnx")
    decided = plan([Wanted(NET, "both")], here(both, CAFFE), {"caffe"})
    assert labels(decided.runs) == [("net@caffe", "both")]
    assert decided.runs[0].insisted


def test_a_named_backend_that_reads_only_onnx_gets_the_conversion():
    decided = plan([Wanted(NET, "onnxruntime")], EVERYTHING, {"caffe"})
    assert labels(decided.runs) == [("net@caffe -> onnx", "onnxruntime")]


def test_a_named_backend_that_cannot_read_the_files_is_a_fault_that_names_those_that_can():
    with pytest.raises(UsageFault) as caught:
        plan([Wanted(TWIN, "caffe")], EVERYTHING, {"caffe"})
    assert "caffe does not read onnx (net@onnx)" in str(caught.value)
    assert "backends that do: onnxruntime" in str(caught.value)


def test_only_narrows_the_backends_without_a_word_about_the_others():
    decided = plan([Wanted(NET)], EVERYTHING, {"caffe"}, Choice(only=("opencv", "onnxruntime")))
    assert {run.card.name for run in decided.runs} == {"opencv", "onnxruntime"}
    assert decided.not_run == ()


def test_a_format_that_no_backend_reads_is_listed():
    (item,) = plan([Wanted(artifact("m.t7", "torch7"))], EVERYTHING, set()).not_run
    assert item.why == "no backend reads torch7"


def test_a_required_backend_that_reads_none_of_the_artifacts_is_not_run():
    decided = plan([Wanted(TWIN)], EVERYTHING, set(), Choice(require=("caffe", "onnxruntime")))
    assert [(item.backend, item.status) for item in decided.not_run] == [("caffe", 5)]


def test_the_same_subject_twice_runs_once():
    assert len(plan([Wanted(NET), Wanted(NET)], EVERYTHING, {"caffe"}).runs) == 3


def test_files_that_several_subjects_name_in_several_backends_are_one_source():
    """What is made of a source, its conversion and its float64, is made once."""
    runs = plan([Wanted(NET, "opencv"), Wanted(NET, "caffe")], EVERYTHING, {"caffe"}).runs
    assert (len(runs), len({run.source for run in runs})) == (2, 1)
