"""The pickle machine reads what Python's pickler writes, in every protocol, and runs nothing of it."""

from __future__ import annotations

import collections
import contextlib
import os
import pickle  # noqa: TID251 - the pickler makes the files; nothing is ever loaded with it
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch_files import Call, Name, Raw, dumps

from converters import pickles
from converters.binary import Cursor
from converters.diagnostic import Diagnostic

NOTHING = pickles.table({})
ORDERED = pickles.table({("collections", "OrderedDict"): dict, ("a", "B"): pickles.record("a.B")})


def read(data: bytes, lookup=NOTHING, persistent=None):
    return pickles.load(Cursor(data, "x.pkl"), lookup, persistent)


def values():
    keys = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text() | st.binary()
    leaves = keys | st.floats(allow_nan=False) | st.integers()
    return st.recursive(
        leaves, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner), max_leaves=20
    )


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_plain_values_come_back_in_every_new_protocol(protocol):
    @given(values())
    def same(value):
        assert read(pickle.dumps(value, protocol)) == value

    same()


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 255, 65536, 2**40, -(2**70), 1.5, float("inf"), "text", "zwölf\n", "", [], [1, [2]],
        (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {"a": 1, "b": (2, None)}, [[]] * 3,
    ],
)  # fmt: skip
def test_plain_values_come_back_in_every_old_protocol(protocol, value):
    assert read(pickle.dumps(value, protocol)) == value


def test_strings_of_python_2_are_text():
    assert read(b"S'conv1.weight'\n.") == "conv1.weight"
    assert read(b"U\x03abc.") == read(b"T\x03\0\0\0abc.") == "abc"


def test_sets_are_lists():
    assert read(pickle.dumps({1}, 4)) == [1]
    assert read(pickle.dumps(frozenset({2}), 4)) == [2]


def test_the_cursor_stands_behind_the_pickle_afterwards():
    cursor = Cursor(pickle.dumps(1) + pickle.dumps(2), "x")
    assert [pickles.load(cursor, NOTHING), pickles.load(cursor, NOTHING)] == [1, 2]
    assert cursor.remaining() == 0


@pytest.mark.parametrize("protocol", range(6))
def test_an_allowed_class_is_a_function_of_ours(protocol):
    value = collections.OrderedDict([("a", 1), ("b", [2])])
    assert read(pickle.dumps(value, protocol), ORDERED) == value


def test_attributes_are_kept_in_a_record_and_nowhere_else():
    made = read(dumps(Raw(b"ca\nB\n)R}X\x01\0\0\0kK\x07sb")), ORDERED)
    assert (made.kind, made.arguments, made.state) == ("a.B", (), {"k": 7})
    assert read(dumps(Raw(b"ccollections\nOrderedDict\n)R}X\x01\0\0\0kK\x07sb")), ORDERED) == {}


class Evil:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, __import__, open, compile, print])
def test_a_name_that_is_not_allowed_is_refused_before_anything_happens(tmp_path, protocol, function):
    target = tmp_path / "ran"
    data = pickle.dumps(Evil(function, f"open({str(target)!r}, 'w')"), protocol)
    with pytest.raises(Diagnostic, match=r"names \w+\.\w+; zoo runs nothing") as caught:
        read(data, ORDERED)
    assert caught.value.code == "pickle-forbidden"
    assert not target.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x02(ios\nsystem\nX\x02\0\0\0ls.", "names os.system"),
        (b"(S'ls'\nios\nsystem\n.", "names os.system"),
        (b"\x8c\x02os\x8c\x06system\x93.", "names os.system"),
        (b"cos\nsystem\n.", "names os.system"),
        (b"ca\nB.__class__\n.", "names a.B.__class__"),
        (b"\x82\x01.", "extension registry"),
        (b"K\x01)R.", "calls a int"),
        (b"X\x01\0\0\0a)R.", "calls a str"),
        (b"K\x01Q.", "outside of it"),
    ],
)
def test_every_way_to_reach_code_is_refused(data, words):
    with pytest.raises(Diagnostic, match=words):
        read(data, ORDERED)


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"K", b"K\x01", b"\x80\x09.", b"X" + struct.pack("<I", 1 << 31) + b".",
        b"\x8d" + struct.pack("<Q", 1 << 60) + b".", b"\x8e" + struct.pack("<Q", 1 << 60) + b".",
        b"\x96" + struct.pack("<Q", 1 << 60) + b".", b"\x95" + struct.pack("<Q", 1 << 60) + b".",
        b"\x8b" + struct.pack("<i", -1) + b".", b"\x8b" + struct.pack("<i", 1 << 30) + b".", b"\x8a\xff.",
        b"t.", b"(.", b"h\x00.", b"a.", b"}K\x01s.", b"K\x01K\x02s.", b"]K\x01u.", b"I" + b"9" * 5000 + b"\n.",
        b"L" + b"9" * 100_000, b"Fx\n.", b"Sx\n.", b"\x85.", b"0.", b"\xff.", b"}]K\x01s.", b"})K\x01s.",
        b"K\x01K\x02a.",
        b"g\n.", b"gx\n.", b"V\\ud8\n.", b"X\x01\0\0\0\xff.", b"1.", b"o.", b"b.",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_diagnostic(data):
    with pytest.raises(Diagnostic) as caught:
        read(data, ORDERED)
    assert caught.value.code == "damaged-file"


def test_a_list_that_holds_itself_is_no_trouble():
    made = read(b"]q\x00h\x00a.")
    assert made[0] is made


def test_a_pickle_is_cut_off_after_a_number_of_steps(monkeypatch):
    monkeypatch.setattr(pickles, "MAX_STEPS", 1000)
    with pytest.raises(Diagnostic, match="more than 1,000 steps"):
        read(b"N0" * 1000 + b"N.")


@given(st.binary(max_size=200))
def test_random_bytes_are_a_value_or_a_diagnostic(data):
    with contextlib.suppress(Diagnostic):
        read(b"\x80\x02" + data, ORDERED)


def test_every_prefix_of_a_pickle_is_a_diagnostic():
    whole = dumps({"a": Call(Name("collections", "OrderedDict"), ()), "b": [1, 2.5 and 3, ("c", None)]})
    for end in range(len(whole)):
        with pytest.raises(Diagnostic):
            read(whole[:end], ORDERED)
