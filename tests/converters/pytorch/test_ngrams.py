"""TfIdfVectorizer over numbers, in every mode and length, beside ONNX Runtime; what is ambiguous is refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from frameworks import framework
from onnx import helper

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import host

WORDS = 9


def network(path, rng, mode, lengths, *, weights=False, shape=(3, 17), **other):
    """A vectorizer over a pool of 1-, 2- and 3-grams, no two of them alike."""
    grams = [
        rng.permutation(np.indices((WORDS,) * n).reshape(n, -1).T)[:count] for n, count in ((1, 4), (2, 6), (3, 30))
    ]
    count = sum(map(len, grams))
    places = list(range(count)) if weights else [int(at) for at in rng.permutation(count)]
    attrs = {
        "mode": mode, "min_gram_length": lengths[0], "max_gram_length": lengths[1], "ngram_counts": [0, 4, 16],
        "max_skip_count": int(rng.integers(0, 4)), "ngram_indexes": places,
        "pool_int64s": [int(word) for gram in grams for word in gram.reshape(-1)],
        **({"weights": [float(weight) for weight in rng.random(count)]} if weights else {}), **other,
    }  # fmt: skip
    node = helper.make_node("TfIdfVectorizer", ["X"], ["Y"], **attrs)
    ports = helper.make_tensor_value_info("X", 7, shape), helper.make_tensor_value_info("Y", 1, None)
    model = helper.make_model(
        helper.make_graph([node], "g", [ports[0]], [ports[1]]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


CASES = [
    (mode, (low, high), weights, shape)
    for mode in ("TF", "IDF", "TFIDF")
    for low, high in ((1, 1), (1, 3), (2, 2), (2, 3))
    for weights, shape in ((False, (3, 17)), (True, (2, 11)), (False, (19,)))
]


@pytest.mark.framework
def test_counts_are_those_of_onnxruntime(tmp_path):
    jobs = []
    for number, (mode, lengths, weights, shape) in enumerate(CASES):
        rng = np.random.default_rng(number)
        path = network(tmp_path / f"{number}.onnx", rng, mode, lengths, weights=weights, shape=shape)
        jobs.append(host.Job("onnx", {"model": path}, {"X": rng.integers(0, WORDS, shape)}, label=str(number)))
    ours, theirs = (host.run_many(framework(name), jobs, 120) for name in ("torch", "onnxruntime"))
    counted = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        assert isinstance(mine, host.Reply), mine
        assert isinstance(other, host.Reply), other
        np.testing.assert_allclose(mine.outputs["Y"], other.outputs["Y"], rtol=1e-6)
        counted += float(other.outputs["Y"].sum())
    assert counted > 100, "the words hardly ever stand in the rows: nothing was compared"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pool_int64s": [1] * 106}, "it lists an n-gram twice"),
        (
            {"weights": True, "ngram_indexes": [*range(39, -1, -1)]},
            "its weights are those of n-grams by the standard and of outputs by the runtimes",
        ),
        ({"mode": "BM25"}, "its mode is 'BM25'"),
    ],
)
def test_what_is_ambiguous_is_refused(changed, said, tmp_path):
    path = network(tmp_path / "n.onnx", np.random.default_rng(0), changed.pop("mode", "TFIDF"), (1, 3), **changed)
    with pytest.raises(Diagnostic) as caught:
        converters.convert([path], "torch", tmp_path / "out")
    assert said in str(caught.value)
