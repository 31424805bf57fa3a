"""PyTorch files made byte by byte: which strings are devices, which are not, and what stays as it was."""

from __future__ import annotations

from contextlib import suppress

import pytest
from checkpoints import ORDERED, Entry, Zip, checkpoint, legacy, pickled, storage, table, tensor, text

from zoo.diagnostics import Diagnostic
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan

CPU, GPU = text("cpu"), text("cuda:0")


def moved(path, to="cpu", **options):
    out = path.with_name(f"{path.name}.{to.replace(':', '')}")
    apply(plan(path, Request(to, **options)), path, out, durable=False)
    return out


def content(path):
    """The pickle inside a zip."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.read("archive/data.pkl")


def test_the_device_of_a_storage_changes(tmp_path):
    path = checkpoint(tmp_path / "a.pth", table((text("w"), tensor("0", GPU, 2))))
    assert content(moved(path)) == pickled(table((text("w"), tensor("0", CPU, 2))))


def test_a_string_that_looks_like_a_device_does_not_change(tmp_path):
    pairs = [(text("device"), GPU), (text("cuda:0"), text("storage")), (text("w"), tensor("0", CPU, 2))]
    path = checkpoint(tmp_path / "a.pth", table(*pairs))
    made = plan(path, Request("cpu"))
    assert made.unchanged
    assert made.before == {"cpu": 1}


def test_a_tuple_that_is_no_persistent_id_does_not_change(tmp_path):
    fake = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + GPU + b"K\x02t"
    path = checkpoint(tmp_path / "a.pth", table((text("fake"), fake), (text("w"), tensor("0", CPU, 2))))
    assert plan(path, Request("cpu")).unchanged


def test_data_that_shares_the_devices_string_keeps_its_own(tmp_path):
    kept, fetched = text("cpu") + b"q\x05", b"h\x05"
    first = table((text("device"), kept), (text("w"), tensor("0", fetched, 2)))
    gone = content(moved(checkpoint(tmp_path / "a.pth", first), "cuda:0"))
    assert gone == pickled(table((text("device"), kept), (text("w"), tensor("0", GPU, 2))))
    second = table((text("w"), tensor("0", kept, 2)), (text("device"), fetched))
    gone = content(moved(checkpoint(tmp_path / "b.pth", second), "cuda:0"))
    assert gone == pickled(table((text("w"), tensor("0", GPU + b"q\x05", 2)), (text("device"), text("cpu"))))


@pytest.mark.parametrize("fetch", [b"h\x05", b"j\x05\0\0\0"])
@pytest.mark.parametrize("first", [True, False])
def test_there_and_back_gives_the_same_bytes_where_data_shares_the_string(tmp_path, fetch, first):
    kept = text("cpu") + b"q\x05"
    pairs = [(text("device"), kept if first else b"h\x05"), (text("w"), tensor("0", b"h\x05" if first else kept, 2))]
    path = checkpoint(tmp_path / "a.pth", table(*(pairs if first else reversed(pairs))))
    there = moved(path, "cuda:1")
    assert there.read_bytes() != path.read_bytes()
    assert moved(there).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "spelled", [b"U\x06cuda:0", b"T\x06\0\0\0cuda:0", b"\x8c\x06cuda:0", b"Vcuda:0\n", b"S'cuda:0'\n"]
)
def test_every_spelling_of_a_string_is_kept(tmp_path, spelled):
    short = spelled.replace(b"cuda:0", b"cpu").replace(b"\x06", b"\x03")
    path = checkpoint(tmp_path / "a.pth", table((text("w"), tensor("0", spelled, 2))))
    there = moved(path)
    assert content(there) == pickled(table((text("w"), tensor("0", short, 2))))
    assert moved(there, "cuda:0").read_bytes() == path.read_bytes()


def test_the_length_of_a_frame_follows(tmp_path):
    body = table((text("w"), tensor("0", GPU, 2))) + b"."
    framed = b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body
    entries = [Entry("archive/data.pkl", framed), Entry("archive/data/0", bytes(8))]
    there = content(moved(Zip(tmp_path / "a.pth").write(entries)))
    assert there[3:11] == (len(there) - 11).to_bytes(8, "little")


def test_one_device_is_mapped_to_another_and_the_rest_stays(tmp_path):
    pairs = [(text("a"), tensor("0", GPU, 2)), (text("b"), tensor("1", text("cuda:1"), 2))]
    path = checkpoint(tmp_path / "a.pth", table(*pairs), [bytes(8), bytes(8)])
    made = plan(path, Request(None, {"cuda:1": "cuda:0"}))
    assert made.before == {"cuda:0": 1, "cuda:1": 1}
    assert made.after == {"cuda:0": 2}


def test_a_prefix_comes_off_the_names_of_tensors_and_their_metadata_only(tmp_path):
    def made(prefix, root):
        weights = table((text(f"{prefix}w"), tensor("0", CPU, 2)), start=ORDERED)
        versions = table((text(""), b"}"), (text(root), b"}"), (text(f"{prefix}bn"), b"}"), start=ORDERED)
        state = table((text("_metadata"), versions))
        return table((text("state"), weights + state + b"b"), (text("module.note"), text("module.text")))

    path = checkpoint(tmp_path / "a.pth", made("module.", "module"))
    assert content(moved(path, "cpu", strip_prefix="module.")) == pickled(made("", ""))


def test_a_prefix_that_hides_another_name_is_refused(tmp_path):
    pairs = [(text("w"), tensor("0", CPU, 2)), (text("module.w"), tensor("0", CPU, 2))]
    path = checkpoint(tmp_path / "a.pth", table(*pairs))
    with pytest.raises(Diagnostic, match=r'both "module\.w" and "w"'):
        plan(path, Request("cpu", strip_prefix="module."))


def test_code_in_a_pickle_is_not_run_and_is_named(tmp_path):
    marker = tmp_path / "ran"
    bad = b"cos\nsystem\n(" + text(f"touch {marker}") + b"tR"
    path = checkpoint(tmp_path / "a.pth", table((text("bad"), bad), (text("w"), tensor("0", GPU, 2))))
    made = plan(path, Request("cpu"))
    assert any("os.system" in note for note in made.notes)
    assert bad in content(moved(path))
    assert not marker.exists()


def test_a_device_that_is_no_string_is_refused(tmp_path):
    path = checkpoint(tmp_path / "a.pth", table((text("w"), tensor("0", b"K\x01", 2))))
    with pytest.raises(Diagnostic) as refusal:
        plan(path, Request("cpu"))
    assert refusal.value.code == "not-a-checkpoint"


def test_a_strange_persistent_id_is_refused(tmp_path):
    path = checkpoint(tmp_path / "a.pth", table((text("w"), text("strange") + b"Q")))
    with pytest.raises(Diagnostic) as refusal:
        plan(path, Request("cpu"))
    assert refusal.value.code == "not-a-checkpoint"


def test_an_old_file_keeps_everything_behind_the_pickle(tmp_path):
    numbers = bytes(range(8))
    path = legacy(tmp_path / "a.pth", table((text("w"), tensor("7", GPU, 2, tail=b"N"))), [("7", 2, numbers)])
    there = moved(path)
    assert there.read_bytes() == path.read_bytes().replace(GPU, CPU)
    assert moved(there, "cuda:0").read_bytes() == path.read_bytes()


def test_old_checkpoints_one_behind_the_other_move_together(tmp_path):
    one = legacy(tmp_path / "a.pth", table((text("w"), tensor("7", GPU, 2, tail=b"N"))), [("7", 2, bytes(8))])
    both = tmp_path / "b.pth"
    both.write_bytes(one.read_bytes() * 2)
    assert plan(both, Request("cpu")).after == {"cpu": 2}


def test_an_old_file_with_the_source_text_of_a_module_moves(tmp_path):
    module = b"(" + text("module") + b"cmine\nNet\n" + text("net.py") + text("device = 'cuda:0'") + b"tQ"
    body = table((text("net"), module), (text("w"), tensor("7", GPU, 2, tail=b"N")))
    path = legacy(tmp_path / "a.pth", body, [("7", 2, bytes(8))])
    assert plan(path, Request("cpu")).after == {"cpu": 1}
    assert b"device = 'cuda:0'" in moved(path).read_bytes()


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_no_truncation_is_accepted_or_a_fault_of_ours(tmp_path, kind):
    body = table((text("w"), tensor("0", GPU, 2, tail=b"N" if kind == "legacy" else b"")))
    whole = checkpoint(tmp_path / "a", body) if kind == "zip" else legacy(tmp_path / "a", body, [("0", 2, bytes(8))])
    raw, cut = whole.read_bytes(), tmp_path / "cut.pth"
    for length in range(len(raw)):
        cut.write_bytes(raw[:length])
        with pytest.raises(Diagnostic) as refusal:
            plan(cut, Request("cpu"))
        assert refusal.value.exit_status == 3


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_no_flipped_byte_is_a_fault_of_ours(tmp_path, kind):
    body = table((text("w"), tensor("0", GPU, 2, tail=b"N" if kind == "legacy" else b"")))
    whole = checkpoint(tmp_path / "a", body) if kind == "zip" else legacy(tmp_path / "a", body, [("0", 2, bytes(8))])
    raw, bad = whole.read_bytes(), tmp_path / "bad.pth"
    for at in range(len(raw)):
        bad.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        with suppress(Diagnostic):
            plan(bad, Request("cpu"))


def test_torchscript_constants_in_code_change_and_strings_do_not(tmp_path):
    code = b'x = torch.to(y, torch.device("cuda:0"))\ns = "torch.device(\\"cuda:0\\")"\n' * 20
    device = b"ctorch\ndevice\n" + text("cuda:0") + b"\x85R"
    body = b"c__torch__\nM\n)\x81" + table((text("w"), tensor("0", GPU, 2)), (text("dev"), device)) + b"b"
    entries = [
        Entry("m/data/0", bytes(8)), Entry("m/data.pkl", pickled(body)), Entry("m/code/m.py", code, method=8),
        Entry("m/constants.pkl", pickled(b"(" + tensor("0", GPU, 2) + b"t")), Entry("m/version", b"3\n"),
    ]  # fmt: skip
    import zipfile

    there = moved(Zip(tmp_path / "m.pt").write(entries))
    with zipfile.ZipFile(there) as archive:
        assert archive.testzip() is None
        assert archive.read("m/code/m.py") == code.replace(b'torch.device("cuda:0")', b'torch.device("cpu")')
        assert b"cuda" not in archive.read("m/data.pkl") + archive.read("m/constants.pkl")


def test_a_tensor_without_bytes_stays_where_it_is(tmp_path):
    path = checkpoint(tmp_path / "a.pth", table((text("w"), tensor("0", text("meta"), 2))))
    assert plan(path, Request("cpu")).after == {"meta": 1}


def test_a_bare_storage_moves_too(tmp_path):
    path = checkpoint(tmp_path / "a.pth", table((text("w"), storage("0", GPU, 2))))
    assert content(moved(path)) == pickled(table((text("w"), storage("0", CPU, 2))))
