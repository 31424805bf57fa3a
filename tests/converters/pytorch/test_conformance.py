"""ONNX's own operator cases: one a kind here, all of them by benchmarks/torch_conformance.py."""

from __future__ import annotations

import pytest
from frameworks import framework
from torch_cases import judge, operator_cases

from zoo.backends import discovery

pytestmark = pytest.mark.framework

REFUSED = {
    "Adagrad", "Adam", "ArrayFeatureExtractor", "Bernoulli", "Binarizer", "ImageDecoder", "LabelEncoder", "Momentum",
    "RandomUniformLike", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit",
    "TreeEnsemble",
}  # fmt: skip
"""Training, random numbers, strings, classical learners, codecs: no inference of tensors."""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """The verdicts on one case for each set of operators, by operator."""
    chosen = {}
    for case in operator_cases():
        names = tuple(sorted({node.op_type for node in case.model.graph} - {"Constant"}))
        if "_expanded" not in case.name:
            chosen.setdefault(names, case)
    interpreter = discovery.probe(framework("torch")).interpreter
    found = judge(chosen.values(), tmp_path_factory.mktemp("conformance"), interpreter)
    return {names: found[case.name] for names, case in chosen.items()}


def test_every_operator_agrees_or_is_refused_by_name(verdicts):
    wrong = {
        names: verdict for names, verdict in verdicts.items() if verdict.partition(":")[0] not in ("pass", "refused")
    }
    assert wrong == {}


def test_what_is_refused_is_known(verdicts):
    refused = {name for names, verdict in verdicts.items() if verdict.startswith("refused") for name in names}
    assert refused <= REFUSED
    assert len(verdicts) > 180
