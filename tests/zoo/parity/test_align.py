from __future__ import annotations

from zoo.catalog.schema import OutputSpec
from zoo.parity.align import renamed


def specs(**kinds):
    return tuple(OutputSpec(name=name, kind=kind) for name, kind in kinds.items())


def test_equal_names_are_left_alone_whatever_the_order():
    assert renamed(("a", "b"), {"b": 2, "a": 1}) == ({"b": 2, "a": 1}, ())


def test_the_only_outputs_of_two_networks_answer_each_other_and_it_is_said():
    assert renamed(("prob",), {"softmax:0": 1}) == ({"prob": 1}, ("softmax:0 is compared with prob",))


def test_the_registry_pairs_outputs_by_their_place():
    mine, other = specs(scores="scores", boxes="boxes"), specs(output1="scores", output2="boxes")
    outputs, notes = renamed(("scores", "boxes"), {"output2": "b", "output1": "s"}, (mine, other))
    assert outputs == {"scores": "s", "boxes": "b"}
    assert notes == ("output2 is compared with boxes", "output1 is compared with scores")


def test_outputs_of_other_kinds_are_not_paired():
    mine, other = specs(scores="scores", boxes="boxes"), specs(a="boxes", b="scores")
    assert renamed(("scores", "boxes"), {"a": 1, "b": 2}, (mine, other)) == ({"a": 1, "b": 2}, ())


def test_an_output_that_the_registry_does_not_list_keeps_its_name_so_that_it_fails():
    mine, other = specs(prob="probabilities"), specs(softmax="probabilities")
    outputs, _ = renamed(("prob",), {"softmax": 1, "extra": 2}, (mine, other))
    assert outputs == {"prob": 1, "extra": 2}


def test_two_outputs_are_never_given_one_name():
    mine, other = specs(prob="probabilities"), specs(softmax="probabilities")
    outputs, notes = renamed(("prob", "x"), {"softmax": 1, "prob": 2}, (mine, other))
    assert outputs == {"softmax": 1, "prob": 2}
    assert notes == ()
