"""How MXNet names the outputs of a node, and how many of them a reader sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Attrs = Mapping[str, object]
Tails = Callable[[Attrs], tuple[str, ...]]


def outputs(kind: str, name: str, attrs: Attrs) -> tuple[str, ...]:
    """The names under which MXNet lists the visible outputs of a node: `conv1_output`, `split_output0`..."""
    tails = _TAILS.get(kind, _one)(attrs)
    return tuple(f"{name}_{tail}" for tail in tails)


def _one(_attrs: Attrs) -> tuple[str, ...]:
    return ("output",)


def _first(_attrs: Attrs) -> tuple[str, ...]:
    """One of several: the others are for the backward pass."""
    return ("output0",)


def _numbered(attrs: Attrs) -> tuple[str, ...]:
    count = attrs["num_outputs"]
    assert isinstance(count, int)
    return tuple(f"output{position}" for position in range(min(count, 1 << 16)))


def _split(attrs: Attrs) -> tuple[str, ...]:
    sections, indices = attrs["sections"], attrs["indices"]
    assert isinstance(sections, int)
    assert isinstance(indices, tuple)
    count = sections or len(indices)
    return _numbered({"num_outputs": count}) if count != 1 else ("output",)


def _topk(attrs: Attrs) -> tuple[str, ...]:
    return {"both": ("output0", "output1"), "value": ("output0",)}.get(str(attrs["ret_typ"]), ("output",))


def _rnn(attrs: Attrs) -> tuple[str, ...]:
    states = ("state_output", "statecell_output") if attrs["mode"] == "lstm" else ("state_output",)
    return ("output", *states) if attrs["state_outputs"] else ("output",)


def _norm(*tails: str) -> Tails:
    return lambda attrs: ("output", *tails) if attrs["output_mean_var"] else ("output",)


def _proposal(attrs: Attrs) -> tuple[str, ...]:
    return ("output", "score") if attrs["output_score"] else ("output",)


_TAILS: Mapping[str, Tails] = {
    "BatchNorm": _norm("mean", "var"),
    "BatchNorm_v1": _norm("mean", "var"),
    "GroupNorm": _norm("mean", "std"),
    "LayerNorm": _norm("mean", "std"),
    "RNN": _rnn,
    "SliceChannel": _numbered,
    "_contrib_BatchNormWithReLU": _norm("mean", "var"),
    "_contrib_MultiProposal": _proposal,
    "_contrib_Proposal": _proposal,
    "_contrib_SyncBatchNorm": _norm("mean", "var"),
    "_contrib_box_nms": _first,
    "_linalg_det": _first,
    "_split_v2": _split,
    "amp_multicast": _numbered,
    "make_loss": lambda _: ("loss",),
    "moments": lambda _: ("output0", "output1"),
    "sort": _first,
    "topk": _topk,
}
