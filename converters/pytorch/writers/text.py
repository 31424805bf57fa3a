"""Operators on texts whose words are numbers; PyTorch has no tensors of strings."""

from __future__ import annotations

from collections.abc import Sequence

from converters.pytorch.code import Code
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row


def _tfidf(node: Node, code: Code) -> str:
    if node.attrs["pool_strings"] is not None:
        raise Refused("its n-grams are of strings, of which PyTorch has no tensors")
    longest = node.attrs.integer("max_gram_length")
    places = list(node.attrs.integers("ngram_indexes"))
    pools = _pools(node.attrs.integers("pool_int64s"), node.attrs.integers("ngram_counts"))
    columns, start = [], 0
    for n, pool in enumerate(pools, 1):
        count = len(pool) // n
        if len({tuple(pool[at : at + n]) for at in range(0, len(pool), n)}) < count:
            raise Refused("it lists an n-gram twice")
        columns.append(places[start : start + count])
        start += count
    size = max(places) + 1
    shortest, skips = node.attrs.integer("min_gram_length"), node.attrs.integer("max_skip_count")
    call = code.function("ngrams")
    counts = f"{call}({node.arg(0)}, {pools[:longest]}, {columns[:longest]}, {shortest}, {skips}, {size})"
    return _weighed(node, code, counts, places)


def _pools(flat: Sequence[int], starts: Sequence[int]) -> list[list[int]]:
    """The numbers of all n-grams of each length."""
    return [list(flat[start:end]) for start, end in zip(starts, [*starts[1:], len(flat)], strict=True)]


def _weighed(node: Node, code: Code, counts: str, places: Sequence[int]) -> str:
    """TF, IDF or TFIDF of the counts."""
    mode = node.attrs.text("mode")
    weights = list(node.attrs.numbers("weights")) if node.attrs["weights"] is not None else []
    if mode not in ("TF", "IDF", "TFIDF"):
        raise Refused(f"its mode is {mode!r}")
    if mode != "TF" and weights and places != list(range(len(places))):
        raise Refused(
            "its weights are those of n-grams by the standard and of outputs by the runtimes: here they differ"
        )
    base = f"({counts} > 0).to(torch.float32)" if mode == "IDF" else counts
    if mode == "TF" or not weights:
        return base
    return f"{base} * torch.tensor({weights}, device={code.like()}.device)"


WRITE = {"TfIdfVectorizer": Row(_tfidf)}
