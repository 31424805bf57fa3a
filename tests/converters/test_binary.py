"""The cursor never passes its end and says where it stopped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import wire
from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic


def cursor(data: bytes) -> Cursor:
    return Cursor(data, "some.file")


def test_take_returns_the_next_bytes_and_steps_over_them():
    reader = cursor(b"abcdef")
    assert (reader.take(2), reader.take(3), reader.remaining()) == (b"ab", b"cde", 1)


@pytest.mark.parametrize("count", [4, 2**63, -1])
def test_a_length_beyond_the_end_is_refused_with_file_and_byte(count):
    reader = cursor(b"abc")
    with pytest.raises(Diagnostic) as caught:
        reader.take(count)
    assert caught.value.code == "damaged-file"
    assert (caught.value.where.file, caught.value.where.byte) == ("some.file", 0)


@given(st.integers(0, 2**64 - 1))
def test_varints_of_every_size_are_read_back(value):
    assert cursor(wire.varint(value)).varint() == value


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80" * 9])
def test_a_varint_that_the_file_cuts_off_is_refused(data):
    with pytest.raises(Diagnostic, match="ends inside a number"):
        cursor(data).varint()


def test_a_varint_of_eleven_bytes_is_refused():
    with pytest.raises(Diagnostic, match="more than ten bytes"):
        cursor(b"\x80" * 10 + b"\x01").varint()


@given(st.binary(max_size=200))
def test_any_bytes_walk_as_fields_or_are_refused(data):
    reader = cursor(data)
    try:
        found = list(wire.fields(reader))
    except Diagnostic:
        return
    assert all(0 <= field.start <= field.end <= len(data) for field in found)


def test_an_empty_file_is_refused_by_name(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.touch()
    with pytest.raises(Diagnostic) as caught, mapped(path):
        pass
    assert (caught.value.code, caught.value.where.file) == ("empty-file", str(path))


def test_a_folder_is_refused_as_one(tmp_path):
    with pytest.raises(Diagnostic, match="folder"), mapped(tmp_path):
        pass


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(Diagnostic) as caught, mapped(tmp_path / "none"):
        pass
    assert caught.value.code == "unreadable"
