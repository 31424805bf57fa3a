"""A seeded part of the mutation suite; all of it is benchmarks/parity_score.py, its score docs/parity-score.md."""

import numpy as np
import pytest
from planting.drawing import mutants
from planting.effect import effect
from planting.fault import Unfit
from planting.faults import FAULTS
from planting.feeding import feeds
from planting.gate import judge, teacher
from planting.harmless import REWRITINGS
from planting.networks import FAMILIES

from zoo.parity.graphs.graph import Graph

SEED = 7
NETWORKS = ("alexnet", "ssd", "gru", "facenet")


def taught(name, folder):
    graph = Graph(FAMILIES[name](SEED))
    return graph, teacher(graph, feeds(graph, SEED), folder / name)


def test_there_are_sixty_kinds_of_fault_thirty_of_harmless_change_and_twelve_families():
    assert len(FAULTS) >= 60
    assert len(REWRITINGS) >= 30
    assert len(FAMILIES) >= 12


@pytest.mark.parametrize("name", NETWORKS)
def test_every_planted_fault_turns_its_own_layer_red_or_changes_less_than_rounding(name, tmp_path):
    graph, reference = taught(name, tmp_path)
    green, wrong, planted = [], [], 0
    for mutant in mutants(name, graph, SEED):
        planted += 1
        found = judge(reference, mutant.graph)
        if not found.red:
            green.append((mutant.fault.name, mutant.place, effect(reference, mutant, found.taught)))
        elif found.layer is not None and found.layer.name != mutant.value:
            wrong.append((mutant.fault.name, mutant.value, found.layer.name))
    assert [each for each in green if each[2] > 16] == []
    assert planted > 30
    assert len(green) <= planted / 20, green
    assert len(wrong) <= planted / 20, wrong


@pytest.mark.parametrize("name", NETWORKS)
def test_no_harmless_change_turns_the_check_red(name, tmp_path):
    graph, reference = taught(name, tmp_path)
    done, red = [], []
    for kind, rewrite in REWRITINGS.items():
        copy = graph.copy()
        try:
            made = rewrite(copy, np.random.default_rng(SEED)) or Graph(copy.model)
        except Unfit:
            continue
        found = judge(reference, made)
        done.append(kind)
        if found.red:
            red.append((kind, found.taught.why_not, found.layer, found.inner))
    assert red == []
    assert len(done) >= 9
