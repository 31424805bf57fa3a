from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parity_world import entry

from zoo.catalog.schema import InputSpec
from zoo.diagnostics import Diagnostic
from zoo.parity.feeding import Port, Samples
from zoo.parity.golden import Card, Further, Inner, Output, Reference, digest, inputs_of, read, write
from zoo.parity.sampled import MOST, places

SPEC = entry("net@caffe").inputs[0]
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 6)).astype(np.float32)
NOISE = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
SAMPLES = Samples((Port("data", ("N", 3, 8, 6), SPEC), Port("state", (1, 4))), (PICTURES, NOISE), 2, "2 of a test")
OUTPUTS = {"prob": NOISE * 2, "with/slash\n": np.arange(6, dtype=np.int64).reshape(2, 3)}


def card(samples=SAMPLES, outputs=OUTPUTS, **changes):
    reference = Reference(
        artifact="net@caffe",
        format="caffe",
        backend="caffe",
        versions={"caffe": "1.0.0"},
        settings={"threads": 1},
        files={"graph": "0" * 64},
        entry=entry("net@caffe"),
    )
    whole = {
        "described": samples.described,
        "batch": samples.batch,
        "reference": reference,
        "inputs": [one for one, _ in inputs_of(samples)],
        "outputs": [Output(name=name, sha256=digest(array)) for name, array in outputs.items()],
        "environment": {"zoo": "0"},
    }
    return Card(**{**whole, **changes})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "g.npz"


@pytest.fixture
def made(path):
    write(path, card(), [array for _, array in inputs_of(SAMPLES)], list(OUTPUTS.values()))
    return path


def test_what_was_recorded_is_read_again_to_the_last_bit(made):
    found = read(made)
    for mine, other in zip(found.samples.arrays, SAMPLES.arrays, strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)
    assert found.outputs.keys() == OUTPUTS.keys()
    for name, array in OUTPUTS.items():
        np.testing.assert_array_equal(found.outputs[name], array, strict=True)
    assert found.card == card()
    assert isinstance(found.samples.leader[0].spec, InputSpec)
    assert found.card.reference.entry == entry("net@caffe")


def test_the_same_run_gives_the_same_bytes(made, tmp_path):
    write(tmp_path / "again.npz", card(), [array for _, array in inputs_of(SAMPLES)], list(OUTPUTS.values()))
    assert made.read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_pictures_are_stored_as_bytes_and_noise_as_it_is(made):
    with np.load(made, allow_pickle=False) as file:
        assert file["inputs/0"].dtype == np.uint8
        assert file["inputs/1"].dtype == np.float32


def test_the_file_is_plain_numpy_without_pickles(made):
    with np.load(made, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["outputs/0"], OUTPUTS["prob"])
    with zipfile.ZipFile(made) as archive:
        assert json.loads(archive.read("golden.json"))["schema"] == "zoo/golden"


FLAT = np.arange(2000, dtype=np.float32)
INNER = Inner(name="conv", op="Conv", depth=0, shape=(2, 1000), dtype="float32", sha256=digest(FLAT[places(2000)]),
              floor_rms=1.0, floor_max=2.0)  # fmt: skip
EDGES = Further(name="edge", batch=1, described="1 edge case", inputs=(digest(PICTURES[:1]), digest(NOISE[:1])),
                outputs=(Output(name="prob", sha256=digest(NOISE[:1]), kind="logits"),))  # fmt: skip
MORE = {"sets/0/inputs/0": PICTURES[:1], "sets/0/inputs/1": NOISE[:1], "sets/0/outputs/0": NOISE[:1],
        "inner/0": FLAT[places(2000)]}  # fmt: skip


def full(path, **changes):
    whole = card(sets=(EDGES,), inner=(INNER,), inner_batch=2).model_copy(update=changes)
    write(path, whole, [array for _, array in inputs_of(SAMPLES)], list(OUTPUTS.values()), MORE)
    return path


def test_further_sets_logits_and_inner_values_are_read_again(path):
    found = read(full(path))
    main, edge = found.answers
    assert (main.samples.name, edge.samples.name, edge.samples.batch) == ("random", "edge", 1)
    np.testing.assert_array_equal(edge.logits["prob"], NOISE[:1])
    assert edge.outputs == {}
    np.testing.assert_array_equal(edge.samples.arrays[0], PICTURES[:1])
    np.testing.assert_array_equal(found.inner["conv"], FLAT[places(2000)])
    assert not found.whole


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sets": (EDGES, EDGES)}, "names a set of samples twice"),
        ({"sets": (EDGES.model_copy(update={"batch": 2}),)}, "does not hold 2 samples"),
        ({"sets": (EDGES.model_copy(update={"inputs": EDGES.inputs[:1]}),)}, "does not hold 1 samples of each input"),
        ({"inner": (INNER.model_copy(update={"shape": (2, 7)}),)}, "does not hold the numbers of conv"),
        ({"inner": (INNER.model_copy(update={"whole": True}),)}, "does not hold the numbers of conv"),
        ({"inner": (INNER.model_copy(update={"sha256": "0" * 64}),)}, "its sha256 is another"),
        ({"batch": 3}, "does not hold 3 samples"),
    ],
)
def test_a_golden_whose_parts_do_not_fit_is_refused(path, changes, said):
    with pytest.raises(Diagnostic, match=said):
        read(full(path, **changes))


def test_a_golden_that_could_not_be_read_again_is_not_written(path, monkeypatch):
    monkeypatch.setattr("zoo.parity.golden.MOST", 100)
    with pytest.raises(Diagnostic, match="100 at most"):
        full(path)
    assert not path.exists()


def test_the_places_of_a_sample_are_spread_over_every_stride():
    found = places(64 * 56 * 56)
    assert 500 < len(found) <= MOST
    for stride in (56, 64, 56 * 56):
        assert len(np.unique(found // stride)) > 0.75 * min(MOST, 64 * 56 * 56 // stride)
        assert len(np.unique(found % stride)) > 0.75 * min(56, stride)
    np.testing.assert_array_equal(places(7), range(7))


def rewritten(path, **changes):
    """The archive with members replaced; None takes one away."""
    members = {}
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def npy(array, **more):
    out = io.BytesIO()
    np.save(out, array, **more)
    return out.getvalue()


def changed(path, **fields):
    with zipfile.ZipFile(path) as archive:
        rewritten(path, **{"golden.json": json.dumps({**json.loads(archive.read("golden.json")), **fields})})


OTHER = npy(OUTPUTS["prob"] + np.float32(1e-7))
PICKLED = npy(np.array([{"a": 1}], dtype=object), allow_pickle=True)
HUGE = npy(np.zeros(1)).replace(b"(1,)", b"(1000000000000,)").replace(b" " * 12, b"", 1)


@pytest.mark.parametrize(
    ("member", "data", "said"),
    [
        ("outputs/0.npy", OTHER, "its sha256 is another"),
        ("inputs/0.npy", npy(PICTURES), "its sha256 is another"),
        ("outputs/0.npy", None, "outputs/0.npy"),
        ("outputs/0.npy", PICKLED, "holds object"),
        ("outputs/0.npy", HUGE, "is no golden, or a damaged one"),
        ("golden.json", None, "golden.json"),
        ("golden.json", b"{}", "its golden.json is none"),
        ("golden.json", b"not json", "its golden.json is none"),
    ],
)
def test_a_golden_that_was_changed_is_refused_by_name(made, member, data, said):
    rewritten(made, **{member: data})
    with pytest.raises(Diagnostic) as fault:
        read(made)
    assert fault.value.code == "golden"
    assert said in str(fault.value)
    assert str(made) in str(fault.value)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("inputs", {"dtype": "object"}),
        ("inputs", {"dtype": "nonsense"}),
        ("outputs", {"floor_rms": -1.0}),
        ("outputs", {"floor_max": float("nan")}),
    ],
)
def test_a_card_that_says_what_cannot_be_is_refused(made, kind, fields):
    with zipfile.ZipFile(made) as archive:
        several = json.loads(archive.read("golden.json"))[kind]
    changed(made, **{kind: [{**one, **fields} for one in several]})
    with pytest.raises(Diagnostic, match=f"{kind}.0.{next(iter(fields))}"):
        read(made)


def test_a_golden_of_another_version_says_so(made):
    changed(made, version=3)
    with pytest.raises(Diagnostic, match="version 3, expected 1 or 2"):
        read(made)


def test_an_archive_with_a_password_is_refused(made):
    raw = bytearray(made.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.index(signature)
        raw[place + offset] |= 1
    made.write_bytes(raw)
    with pytest.raises(Diagnostic, match="is no golden, or a damaged one"):
        read(made)


@given(st.data())
def test_a_torn_or_flipped_golden_is_a_diagnostic_and_never_other_numbers(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("torn") / "g.npz"
    write(path, card(), [array for _, array in inputs_of(SAMPLES)], list(OUTPUTS.values()))
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    try:
        found = read(path)
    except Diagnostic:
        return
    assert [digest(array) for array in found.outputs.values()] == [digest(array) for array in OUTPUTS.values()]


@pytest.mark.parametrize("value", [-1.0, 256.0, 0.5, np.nan, np.inf])
def test_what_is_no_picture_keeps_its_kind(value):
    array = PICTURES.copy()
    array[0, 0, 0, 0] = value
    ((_, stored), _) = inputs_of(replace(SAMPLES, arrays=(array, NOISE)))
    assert stored.dtype == np.float32


def test_every_entry_of_the_registry_can_be_remembered():
    from zoo.catalog.registry import load

    plain = card().reference
    for one in load().entries.values():
        told = plain.model_copy(update={"entry": one}).model_dump_json()
        assert Reference.model_validate_json(told).entry == one
