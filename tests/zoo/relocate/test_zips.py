"""Zip archives laid out anew: alignment, checksums, sizes past 4 GB, and what is refused."""

from __future__ import annotations

import os
import zipfile

import pytest
from checkpoints import Entry, Zip, checkpoint, pickled, table, tensor, text

from zoo.diagnostics import Diagnostic
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan

GPU = text("cuda:0")
BODY = pickled(table((text("w"), tensor("0", GPU, 2))))
BIG = (1 << 32) + 4096


def moved(path, to="cpu"):
    out = path.with_name(f"{path.name}.{to.replace(':', '')}")
    apply(plan(path, Request(to)), path, out, durable=False)
    return out


def starts(path):
    """Where each member's bytes begin."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        found = {}
        for info in archive.infolist():
            file.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
            found[info.filename] = info.header_offset + 30 + name + extra
        return found


@pytest.mark.parametrize("alignment", [64, 4096])
def test_members_stay_aligned_as_the_writer_had_them(tmp_path, alignment):
    path = checkpoint(tmp_path / "a.pth", BODY[2:-1], [bytes(8), bytes(100)], alignment=alignment)
    there = moved(path)
    assert all(start % alignment == 0 for start in starts(there).values())
    assert moved(there, "cuda:0").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("records64", [True, False])
def test_archives_of_other_writers_move_there_and_back(tmp_path, described, records64):
    path = checkpoint(tmp_path / "a.pth", BODY[2:-1], alignment=0, described=described, records64=records64)
    there = moved(path)
    with zipfile.ZipFile(there) as archive:
        assert archive.testzip() is None
    assert moved(there, "cuda:0").read_bytes() == path.read_bytes()


def test_an_archive_of_pythons_zipfile_moves(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", BODY)
        archive.writestr("archive/data/0", bytes(8))
        archive.comment = b"a comment"
    with zipfile.ZipFile(moved(path)) as archive:
        assert archive.testzip() is None
        assert archive.read("archive/data.pkl") == BODY.replace(GPU, text("cpu"))
        assert archive.comment == b"a comment"


def test_bytes_before_and_between_members_are_kept(tmp_path):
    path = checkpoint(tmp_path / "a.pth", BODY[2:-1], alignment=0)
    with zipfile.ZipFile(path, "a") as archive:  # the old directory's place is written over, nothing before it
        archive.writestr("archive/more", b"more")
    with zipfile.ZipFile(moved(path)) as archive:
        assert archive.read("archive/more") == b"more"


@pytest.mark.parametrize("hole", [BIG, (1 << 32) - 1200], ids=["a member past 4 GB", "a member that ends near 4 GB"])
def test_files_past_4_gb_move_there_and_back(tmp_path, hole):
    entries = [
        Entry("a/data.pkl", BODY), Entry("a/data/0", b"start", hole=hole, crc=7),
        Entry("a/data/1", bytes(range(200)), crc=8), Entry("a/data/2", b"end"), Entry("a/version", b"3\n"),
    ]  # fmt: skip
    path = Zip(tmp_path / "a.pth").write(entries)
    there = moved(path)
    with zipfile.ZipFile(there) as archive:
        assert archive.getinfo("a/data/0").file_size == hole + 5
        assert archive.read("a/data/2") == b"end"
    back = moved(there, "cuda:0")
    assert back.stat().st_size == path.stat().st_size
    with path.open("rb") as one, back.open("rb") as two:
        for start in (0, path.stat().st_size - 4096):
            one.seek(start)
            two.seek(start)
            assert one.read(4096) == two.read(4096)


@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="no sparse files here")
def test_holes_stay_holes(tmp_path):
    path = Zip(tmp_path / "a.pth").write([Entry("a/data.pkl", BODY), Entry("a/data/0", hole=1 << 30, crc=0)])
    assert moved(path).stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Entry("a/data.pkl", BODY, flags=0x0809), "encrypted"),
        (Entry("a/data.pkl", BODY, crc=1), "damaged-file"),
        (Entry("a/model.json", b"{}"), "unsupported-checkpoint"),
    ],
    ids=["encrypted", "wrong checksum", "TorchScript of 1.0"],
)
def test_what_cannot_be_relocated_is_refused(tmp_path, change, code):
    path = Zip(tmp_path / "a.pth").write([change, Entry("a/data/0", bytes(8))])
    with pytest.raises(Diagnostic) as refusal:
        plan(path, Request("cpu"))
    assert refusal.value.code == code


def test_a_packed_pickle_that_says_a_false_size_is_refused(tmp_path):
    entry = Entry("a/data.pkl", BODY + bytes(1000), method=8)
    path = Zip(tmp_path / "a.pth").write([entry])
    raw = path.read_bytes()
    path.write_bytes(raw.replace(len(entry.body).to_bytes(4, "little"), (7).to_bytes(4, "little")))
    with pytest.raises(Diagnostic) as refusal:
        plan(path, Request("cpu"))
    assert refusal.value.code == "damaged-file"


def test_two_members_of_one_name_are_refused(tmp_path):
    path = Zip(tmp_path / "a.pth").write([Entry("a/data.pkl", BODY), Entry("a/data.pkl", BODY)])
    with pytest.raises(Diagnostic, match="same name"):
        plan(path, Request("cpu"))
