import gzip
import tracemalloc
from contextlib import suppress

import pytest
from archives import tar_gz, zipped
from hypothesis import given
from hypothesis import strategies as st

from zoo.supply import archive
from zoo.supply.sources import MirrorFailure

BODY = bytes(range(256)) * 9000  # more than two chunks
OTHERS = (("p/README", b"text"), ("p/empty", b""))


@pytest.fixture
def place(tmp_path):
    def put(content: bytes):
        path = tmp_path / "archive.part"
        path.write_bytes(content)
        return path

    return put


def read(path, member="p/net.bin", size=None) -> bytes:
    return b"".join(archive.read_member(path, member, len(BODY) if size is None else size))


KINDS = {
    "tar": lambda *members, **links: tar_gz(*members, mode="w", **links),
    "tar.gz": tar_gz,
    "tar.bz2": lambda *members, **links: tar_gz(*members, mode="w:bz2", **links),
    "tar.xz": lambda *members, **links: tar_gz(*members, mode="w:xz", **links),
    "zip": zipped,
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@each_kind
def test_the_exact_member_is_read(place, make):
    path = place(make(*OTHERS, ("p/net.bin", BODY), ("q/net.bin", b"another")))
    assert read(path) == BODY
    assert read(path, "q/net.bin") == b"another"


@each_kind
def test_a_member_larger_than_declared_stops(place, make):
    with pytest.raises(MirrorFailure, match="larger than 10 bytes"):
        read(place(make(("p/net.bin", BODY))), size=10)


@each_kind
def test_an_absent_member_is_told(place, make):
    with pytest.raises(MirrorFailure, match=r"no member named p/net\.bin"):
        read(place(make(*OTHERS)))


@each_kind
def test_a_member_that_stands_twice_is_refused(place, make):
    with pytest.raises(MirrorFailure, match="two members named"):
        read(place(make(("p/net.bin", BODY), *OTHERS, ("p/net.bin", b"evil"))))


@each_kind
def test_a_member_that_stands_twice_under_two_spellings_is_refused(place, make):
    with pytest.raises(MirrorFailure, match="two members named"):
        read(place(make(("p/net.bin", BODY), ("p//net.bin", b"evil"))))


@each_kind
def test_a_link_is_refused(place, make):
    with pytest.raises(MirrorFailure, match="not a regular file"):
        read(place(make(*OTHERS, links=[("p/net.bin", "/etc/passwd")])))


@each_kind
def test_a_truncated_archive_is_damaged(place, make):
    content = make(("p/net.bin", BODY), *OTHERS)
    with pytest.raises(MirrorFailure):
        read(place(content[: len(content) * 2 // 3]))


@pytest.mark.parametrize("member", ["/etc/passwd", "p/../../x", "p/./x", "", "p//x", "c:/x", "p\\x", "x\0y"])
def test_a_member_name_that_is_no_plain_path_is_refused(member):
    with pytest.raises(ValueError, match="not a relative path"):
        archive.member_name(member)


def test_a_file_of_another_kind_is_told(place):
    with pytest.raises(MirrorFailure, match="neither a zip nor a tar"):
        read(place(b"<html>"))


def test_an_archive_that_unpacks_to_far_more_than_it_is_stops_in_bounded_memory(place, monkeypatch):
    monkeypatch.setattr(archive, "MAX_SLACK", 1 << 20)
    bomb = tar_gz(("p/zeros", bytes(64 << 20)), ("p/net.bin", BODY))
    assert len(bomb) * archive.MAX_RATIO < 64 << 20
    path = place(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(MirrorFailure, match="unpacks to more than"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_stops_at_the_declared_size(place):
    with pytest.raises(MirrorFailure, match="larger than 1,000 bytes"):
        read(place(zipped(("p/net.bin", bytes(64 << 20)))), size=1000)


def test_an_encrypted_member_is_refused(place):
    content = bytearray(zipped(("p/net.bin", BODY)))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(MirrorFailure, match="encrypted"):
        read(place(bytes(content)))


@given(data=st.data())
def test_no_altered_archive_does_more_than_fail(tmp_path_factory, data):
    make = data.draw(st.sampled_from(list(KINDS.values())))
    content = bytearray(make(*OTHERS, ("p/net.bin", b"the body of a member")))
    for _flip in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("bad") / "a"
    path.write_bytes(bytes(content))
    with suppress(MirrorFailure):
        assert len(read(path, size=100)) <= 100


def test_a_gzip_that_holds_no_tar_is_told(place):
    with pytest.raises(MirrorFailure, match="neither a zip nor a tar"):
        read(place(gzip.compress(b"text")))
