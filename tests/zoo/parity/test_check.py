from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest
from parity_world import CAFFE, ONNXRUNTIME, OPENCV, artifact, entry, here, linear, means

from zoo.backends.exchange import Failed, Reply
from zoo.diagnostics import Diagnostic
from zoo.parity.check import apply
from zoo.parity.compare import Verdict
from zoo.parity.feeding import Port
from zoo.parity.floors import RUNS, Floors
from zoo.parity.plan import Choice, Wanted, plan
from zoo.parity.report import farthest, outcome
from zoo.parity.rule import DEFAULT, Floor

NET, TWIN = artifact("net@caffe", "caffe"), artifact("net@onnx", "onnx")
CONVERTED = "net@caffe -> onnx"
NET_ALONE, ANYTHING = (Wanted(NET),), Choice()


def check(networks, *, wanted=NET_ALONE, backends=None, choice=ANYTHING, **world):
    decided = plan(wanted, backends or here(CAFFE, OPENCV, ONNXRUNTIME), {"caffe"}, choice)
    return apply(decided, means(networks, **world), DEFAULT, 4)


def agreeing(**changes):
    networks = {
        ("net@caffe", "caffe"): linear(),
        ("net@caffe", "opencv"): linear(scale=1 + 1e-6),
        (CONVERTED, "onnxruntime"): linear(scale=1 - 1e-6),
        ("net@onnx", "onnxruntime"): linear(),
    }
    return {**networks, **{tuple(name.split(" in ")): value for name, value in changes.items()}}


def test_runs_that_agree_end_with_0_and_every_pair_is_compared():
    report = check(agreeing(), wanted=(Wanted(NET), Wanted(TWIN)))
    assert outcome(report)[:2] == (0, "agrees")
    assert report.reference.label == "net@caffe in caffe"
    assert [row.ran.label for row in report.rows] == [
        "net@caffe in opencv",
        "net@caffe -> onnx in onnxruntime",
        "net@onnx in onnxruntime",
    ]
    assert len(report.pairs) == 6
    worst = farthest(report)
    assert {worst.one, worst.other} == {"net@caffe in opencv", "net@caffe -> onnx in onnxruntime"}


def test_one_run_that_differs_ends_with_1_and_is_named():
    report = check(agreeing(**{"net@caffe in opencv": linear(seed=1)}))
    assert outcome(report) == (1, "differs", "1 run beyond rounding: net@caffe in opencv")
    assert [row.comparison.verdict for row in report.rows] == [Verdict.FAIL, Verdict.PASS]


def test_every_run_is_fed_the_same_samples():
    seen = []

    def witness(data):
        seen.append(data.copy())
        return linear()(data)

    check(dict.fromkeys(agreeing(), witness))
    assert len(seen) == 4 + RUNS  # the reference runs twice, and with moved inputs where there is no float64
    assert sum(np.array_equal(seen[0], data) for data in seen) == 4
    assert all(np.allclose(seen[0], data, rtol=2.0**-22, atol=1e-45) for data in seen)


def test_a_reference_that_does_not_repeat_itself_is_inconclusive_even_where_others_differ():
    calls = iter(range(10))

    def restless(data):
        return linear(scale=1 + 1e-5 * next(calls))(data)

    report = check(agreeing(**{"net@caffe in caffe": restless, "net@caffe in opencv": linear(seed=1)}))
    assert outcome(report)[:2] == (6, "inconclusive")


def test_a_reference_that_moves_far_below_the_tolerance_still_judges():
    calls = iter(range(10))

    def nearly_steady(data):
        return linear(scale=1 + 1e-7 * next(calls))(data)

    report = check(agreeing(**{"net@caffe in caffe": nearly_steady}))
    assert outcome(report).status == 0
    assert report.itself.outputs[0].figures.max_abs > 0


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        (Failed("refused", "layer type Foo"), 0),
        (Failed("unavailable", "gone"), 0),
        (Failed("killed", "SIGABRT"), 5),
        (Failed("timeout", "600 s"), 5),
        (Failed("bad-reply", "no JSON"), 5),
        (Failed("failed", "ValueError"), 5),
    ],
)
def test_a_worker_that_fails_is_a_row_and_only_its_own_word_excuses_it(failed, status):
    report = check(agreeing(**{"net@caffe in opencv": failed}))
    (item,) = report.not_run
    assert (item.backend, item.why) == ("opencv", str(failed))
    assert outcome(report).status == status


def test_a_refusal_of_a_required_backend_is_not_excused():
    networks = agreeing(**{"net@caffe in opencv": Failed("refused", "layer type Foo")})
    assert outcome(check(networks, choice=Choice(require=("opencv",)))).status == 5


def test_when_the_reference_fails_the_next_run_takes_its_place_and_is_run_twice():
    report = check(agreeing(**{"net@caffe in caffe": Failed("killed", "SIGABRT")}))
    assert report.reference.label == "net@caffe in opencv"
    assert report.itself.verdict is Verdict.PASS
    assert outcome(report)[:2] == (5, "incomplete")


def test_a_difference_weighs_more_than_a_run_that_failed():
    report = check(
        agreeing(**{"net@caffe in opencv": linear(seed=1), f"{CONVERTED} in onnxruntime": Failed("killed", "SIGSEGV")})
    )
    assert outcome(report).status == 1


def test_a_conversion_that_is_refused_is_a_row_with_its_own_status_and_the_rest_goes_on():
    def refuse(_source, _folder):
        raise Diagnostic("unsupported-ops", "1 layer kind has no mapping", hint="zoo inspect --support")

    report = check(agreeing(), convert=refuse)
    (item,) = report.not_run
    assert (item.label, item.backend, item.status) == (CONVERTED, "onnxruntime", 3)
    assert item.remedy == "zoo inspect --support"
    assert [row.ran.label for row in report.rows] == ["net@caffe in opencv"]
    assert outcome(report)[:2] == (3, "incomplete")


def test_one_run_alone_compares_nothing_and_that_is_a_failure():
    report = check(agreeing(), wanted=(Wanted(NET, "caffe"),))
    assert outcome(report) == (1, "nothing compared", "nothing was compared: only net@caffe in caffe ran")


def test_no_run_at_all_is_a_failure():
    report = check({}, backends=here(CAFFE, absent=[CAFFE]))
    assert report.reference is None
    assert outcome(report) == (1, "nothing compared", "nothing was compared: nothing ran")


def test_outputs_that_no_input_moves_are_inconclusive():
    def dead(data):
        return {"prob": np.zeros((len(data), 5), np.float32)}

    assert outcome(check(dict.fromkeys(agreeing(), dead)))[:2] == (6, "inconclusive")


def test_an_artifact_that_insists_on_its_batch_is_fed_in_portions_that_are_joined_again():
    sizes = []

    def witness(data):
        sizes.append(len(data))
        return linear()(data)

    def ports(source):
        return (Port("data", (2 if source.format == "onnx" else "N", 3, 8, 6)),)

    report = check(agreeing(**{f"{CONVERTED} in onnxruntime": witness}), ports=ports)
    assert sizes == [2, 2]
    assert report.told.batch == 4
    assert outcome(report).status == 0


def test_samples_are_rounded_up_to_what_every_artifact_takes():
    def ports(source):
        return (Port("data", (6 if source.format == "onnx" else 4, 3, 8, 6)),)

    assert check(agreeing(), ports=ports).told.batch == 12


def test_inputs_that_do_not_fit_are_a_row_with_status_3():
    def ports(source):
        return (Port("data", ("N", 8, 6, 3) if source.format == "onnx" else ("N", 3, 8, 6)),)

    report = check(agreeing(), ports=ports)
    (item,) = report.not_run
    assert "input data is Nx8x6x3, the samples are 4x3x8x6" in item.why
    assert outcome(report).status == 3


def test_outputs_of_other_names_are_paired_by_the_registry():
    known = {kind: entry(f"net@{kind}", outputs=({"name": name, "kind": "probabilities"},)) for kind, name in
             (("caffe", "prob"), ("onnx", "softmax"))}  # fmt: skip
    one, other = (artifact(f"net@{kind}", kind, known[kind]) for kind in ("caffe", "onnx"))
    networks = agreeing(**{"net@onnx in onnxruntime": linear(name="softmax")})
    report = check(networks, wanted=(Wanted(one), Wanted(other)))
    assert outcome(report).status == 0
    assert report.rows[-1].notes == ("softmax is compared with prob",)


def test_an_output_that_a_run_lacks_fails():
    def two(data):
        return {**linear()(data), "extra": data}

    report = check(agreeing(**{"net@caffe in caffe": two}))
    assert outcome(report).status == 1
    assert report.rows[0].comparison.reasons == ("extra: missing from the candidate, which has prob",)


def test_conversion_happens_in_a_folder_that_is_gone_afterwards():
    folders = []

    def convert(source, folder: Path):
        assert folder.parent.is_dir()
        folders.append(folder.parent)
        return artifact(f"{source.label} -> onnx", "onnx")

    check(agreeing(), convert=convert)
    assert len(folders) == 1
    assert not folders[0].exists()


def test_a_fault_of_ours_is_not_taken_for_a_fault_of_the_worker():
    def broken(_card, _jobs, _stop) -> list[Reply]:
        raise ZeroDivisionError

    decided = plan([Wanted(NET)], here(CAFFE, OPENCV), set())
    world = means({})
    with pytest.raises(ZeroDivisionError):
        apply(decided, type(world)(broken, world.convert, world.ports, world.sample), DEFAULT, 4)


def test_an_interrupt_tells_every_other_run_to_stop_and_waits_for_it():
    calls, running, ended = count(), Event(), Event()

    def run(_card, _jobs, stop):
        if next(calls) == 0:
            running.wait(10)  # where there is one processor the other run never begins
            raise KeyboardInterrupt
        running.set()
        while not stop():
            sleep(0.01)
        ended.set()
        raise KeyboardInterrupt

    decided = plan([Wanted(NET)], here(CAFFE, OPENCV), set())
    world = means({})
    with pytest.raises(KeyboardInterrupt):
        apply(decided, type(world)(run, world.convert, world.ports, world.sample), DEFAULT, 4)
    assert ended.is_set() == running.is_set()


def test_floors_that_were_recorded_are_used_where_nothing_can_be_measured():
    decided = plan(NET_ALONE, here(CAFFE, OPENCV, absent=[ONNXRUNTIME]), {"caffe"}, ANYTHING)
    for floor, verdict in ((1e-6, Verdict.PASS), (1e-12, Verdict.FAIL)):
        recorded = Floors("recorded", {"random": {"prob": Floor(floor, floor, "recorded")}})
        acting = replace(means(agreeing()), recorded=recorded)
        report = apply(decided, acting, DEFAULT, 4)
        assert report.told.floor.startswith("recorded; no float64")
        assert {row.comparison.verdict for row in report.rows} == {verdict}
