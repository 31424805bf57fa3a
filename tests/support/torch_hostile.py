"""A corpus of hostile checkpoints: each function makes one file. `python torch_hostile.py FOLDER` writes them all."""

from __future__ import annotations

import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch_files import (
    Call,
    Name,
    Pool,
    Raw,
    Refer,
    body,
    dumps,
    state,
    write_legacy,
    write_safetensors,
    write_tar,
    write_zip,
)

ONES = np.ones((4, 3), np.float32)
SIGN = "/tmp/zoo-hostile-ran"
Made = tuple[str, str]
"""The expected code and words of the refusal."""
CORPUS: dict[str, Callable[[Path], Made]] = {}


def _case(function: Callable[[Path], Made]) -> Callable[[Path], Made]:
    CORPUS[function.__name__.strip("_")] = function
    return function


def _zip(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)


def _tree(path: Path, tree: object) -> None:
    pool = Pool()
    pool.tensor(ONES)
    write_zip(path, tree, pool)


def _tensor(path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], count: int = 12) -> None:
    identity = ("storage", Name("torch", "FloatStorage"), "0", "cpu", count)
    call = Call(Name("torch._utils", "_rebuild_tensor_v2"), (Refer(identity), offset, shape, strides, False, {}))
    _tree(path, {"weight": call})


@_case
def os_system_in_zip(path: Path) -> Made:
    _tree(path, {"a": Call(Name("os", "system"), (f"touch {SIGN}",))})
    return "pickle-forbidden", "names os.system"


@_case
def os_system_in_legacy(path: Path) -> Made:
    write_legacy(path, Call(Name("posix", "system"), (f"touch {SIGN}",)), Pool())
    return "pickle-forbidden", "names posix.system"


@_case
def os_system_in_tar(path: Path) -> Made:
    write_tar(path, {"a": ONES})
    data = path.read_bytes()
    bad = dumps(Call(Name("os", "system"), (f"touch {SIGN}",)))
    start = data.rindex(b"\x80\x02}(")
    path.write_bytes(data[:start] + bad + data[start + len(bad) :])
    return "pickle-forbidden", "names os.system"


@_case
def eval_of_builtins(path: Path) -> Made:
    _tree(path, Call(Name("builtins", "eval"), (f"open('{SIGN}', 'w')",)))
    return "pickle-forbidden", "names builtins.eval"


@_case
def chain_of_getattr(path: Path) -> Made:
    _tree(path, Call(Call(Name("builtins", "getattr"), (Name("os", "path"), "os")), ("system",)))
    return "pickle-forbidden", "names builtins.getattr"


@_case
def torch_load_inside(path: Path) -> Made:
    _tree(path, Call(Name("torch", "load"), ("other.pth",)))
    return "pickle-forbidden", "names torch.load"


@_case
def allowed_name_with_a_dot(path: Path) -> Made:
    _tree(path, Call(Name("torch._utils", "_rebuild_tensor_v2.__globals__"), ()))
    return "pickle-forbidden", "__globals__"


@_case
def dtype_is_called(path: Path) -> Made:
    _tree(path, Call(Name("torch", "float32"), ()))
    return "damaged-file", "does not make sense"


@_case
def parameter_calls_a_function(path: Path) -> Made:
    arguments = (Name("torch", "float32"), Name("torch", "Tensor"), (), {})
    _tree(path, Call(Name("torch._tensor", "_rebuild_from_type_v2"), arguments))
    return "damaged-file", "does not make sense"


@_case
def huge_string(path: Path) -> Made:
    _tree(path, Raw(b"\x8d" + struct.pack("<Q", 1 << 60)))
    return "damaged-file", "bytes are announced here"


@_case
def huge_number(path: Path) -> Made:
    _tree(path, Raw(b"\x8b" + struct.pack("<i", 1 << 20) + b"\x01" * (1 << 20)))
    return "damaged-file", "a number of 1048576 bytes"


@_case
def shared_lists_without_end(path: Path) -> Made:
    """Forty lists, each holding the one before it twice: 2 ** 40 paths, eighty objects."""
    code = b"]q\x00" + b"".join(b"](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1]) for n in range(40))
    _tree(path, Raw(code))
    return "no-weights", "no table of tensors"


@_case
def shared_tables_without_end(path: Path) -> Made:
    steps = b"".join(
        b"}(" + body("a") + b"h" + bytes([n]) + body("b") + b"h" + bytes([n]) + b"uq" + bytes([n + 1])
        for n in range(40)
    )
    _tree(path, Raw(b"}q\x00" + steps))
    return "no-weights", "no table of tensors"


@_case
def table_that_holds_itself(path: Path) -> Made:
    _tree(path, Raw(b"}q\x00" + body("self") + b"h\x00s"))
    return "no-weights", "no table of tensors"


@_case
def nested_beyond_recursion(path: Path) -> Made:
    _tree(path, Raw(b"]" * 100_000 + b"a" * 99_999))
    return "no-weights", "no table of tensors"


@_case
def storage_shorter_than_its_tensor(path: Path) -> Made:
    _tensor(path, 0, (4, 4), (4, 1))
    return "damaged-file", "needs 64 bytes of a storage of 48"


@_case
def storage_member_shorter_than_said(path: Path) -> Made:
    _tensor(path, 0, (5, 4), (4, 1), count=20)
    return "damaged-file", "is not in the file, or not whole"


@_case
def offset_beyond_the_storage(path: Path) -> Made:
    _tensor(path, 10, (4,), (1,))
    return "damaged-file", "needs 56 bytes of a storage of 48"


@_case
def negative_offset(path: Path) -> Made:
    _tensor(path, -1, (4,), (1,))
    return "damaged-file", "does not make sense"


@_case
def negative_stride(path: Path) -> Made:
    _tensor(path, 3, (4,), (-1,))
    return "damaged-file", "does not make sense"


@_case
def negative_size(path: Path) -> Made:
    _tensor(path, 0, (-4,), (1,))
    return "damaged-file", "does not make sense"


@_case
def stride_of_zero_makes_a_terabyte(path: Path) -> Made:
    _tensor(path, 0, (1 << 38,), (0,))
    return "damaged-file", "numbers of a storage of 48 bytes"


@_case
def strides_that_wrap_around(path: Path) -> Made:
    _tensor(path, 0, (2, 2), (1 << 62, 1 << 62))
    return "damaged-file", "bytes of a storage of 48"


@_case
def storage_key_with_a_path(path: Path) -> Made:
    identity = ("storage", Name("torch", "FloatStorage"), "../../../etc/passwd", "cpu", 1)
    _tree(path, {"a": Call(Name("torch._utils", "_rebuild_tensor_v2"), (Refer(identity), 0, (1,), (1,), False, {}))})
    return "damaged-file", "is not in the file"


@_case
def member_with_dots(path: Path) -> Made:
    _zip(path, ("net/data.pkl", dumps({})), ("net/../../evil", b"x"))
    return "path-escape", "points outside of the archive"


@_case
def member_with_an_absolute_name(path: Path) -> Made:
    _zip(path, ("net/data.pkl", dumps({})), ("/etc/evil", b"x"))
    return "path-escape", "points outside of the archive"


@_case
def member_with_a_drive(path: Path) -> Made:
    _zip(path, ("net/data.pkl", dumps({})), ("C:evil", b"x"))
    return "path-escape", "points outside of the archive"


@_case
def zip_bomb(path: Path) -> Made:
    _zip(path, ("net/data.pkl", b"\0" * (50 << 20)), method=zipfile.ZIP_DEFLATED)
    return "zip-bomb", "would unpack from"


@_case
def two_members_of_one_name(path: Path) -> Made:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _zip(path, ("net/data.pkl", dumps({})), ("net/data.pkl", dumps({"a": 1})))
    return "damaged-file", "two members are called"


def _patched(path: Path, *changes: tuple[int, bytes]) -> None:
    """Change bytes of the last entry of the central directory, counted from its start."""
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    for offset, new in changes:
        data[entry + offset : entry + offset + len(new)] = new
    path.write_bytes(data)


@_case
def overlapping_members(path: Path) -> Made:
    """Two members of the directory share the bytes of one."""
    pool = Pool()
    write_zip(path, state({"a": ONES, "b": ONES}, pool), pool)
    with zipfile.ZipFile(path) as archive:
        first = archive.getinfo("net/data/0").header_offset
    _patched(path, (42, struct.pack("<I", first)))
    return "damaged-file", "reaches into what follows it"


@_case
def member_reaches_into_the_directory(path: Path) -> Made:
    pool = Pool()
    write_zip(path, state({"a": ONES}, pool), pool)
    _patched(path, (20, struct.pack("<II", 4000, 4000)))
    return "damaged-file", "reaches into what follows it"


@_case
def encrypted_member(path: Path) -> Made:
    pool = Pool()
    write_zip(path, state({"a": ONES}, pool), pool)
    _patched(path, (8, b"\x01\0"))
    return "damaged-file", "a member is encrypted"


@_case
def strange_compression(path: Path) -> Made:
    pool = Pool()
    write_zip(path, state({"a": ONES}, pool), pool)
    _patched(path, (10, b"\x0e\0"))
    return "damaged-file", "packed by method 14"


@_case
def truncated_zip(path: Path) -> Made:
    pool = Pool()
    write_zip(path, state({"a": ONES}, pool), pool)
    path.write_bytes(path.read_bytes()[:-30])
    return "damaged-file", "it is truncated"


@_case
def zip_without_a_pickle(path: Path) -> Made:
    _zip(path, ("net/byteorder", b"little"))
    return "unsupported-format", "without a data.pkl"


@_case
def exported_program(path: Path) -> Made:
    _zip(path, ("net/archive_format", b"pt2"), ("net/models/model.json", b"{}"))
    return "unsupported-format", "is an ExportedProgram"


@_case
def legacy_storage_of_negative_size(path: Path) -> Made:
    pool = Pool(view=True)
    write_legacy(path, state({"a": ONES}, pool), pool)
    data = path.read_bytes()
    path.write_bytes(data[:-56] + struct.pack("<q", -5) + data[-48:])
    return "damaged-file", "bytes are announced here"


@_case
def legacy_truncated(path: Path) -> Made:
    pool = Pool(view=True)
    write_legacy(path, state({"a": ONES}, pool), pool)
    path.write_bytes(path.read_bytes()[:-1])
    return "damaged-file", "47 are left"


@_case
def safetensors_of_a_huge_header(path: Path) -> Made:
    path.write_bytes(struct.pack("<Q", 90 << 20) + b"{}")
    return "damaged-file", "bytes are announced here"


@_case
def safetensors_overlap(path: Path) -> Made:
    entry = {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}
    write_safetensors(path, {"a": ONES}, {"a": entry, "b": entry})
    return "damaged-file", "overlap or leave a gap"


@_case
def safetensors_outside(path: Path) -> Made:
    write_safetensors(path, {"a": ONES}, {"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}})
    return "damaged-file", "lies outside of it"


@_case
def safetensors_of_negative_shape(path: Path) -> Made:
    write_safetensors(path, {"a": ONES}, {"a": {"dtype": "F32", "shape": [-4, -3], "data_offsets": [0, 48]}})
    return "damaged-file", "makes no sense"


@_case
def safetensors_twice_the_same_name(path: Path) -> Made:
    text = b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return "damaged-file", "a name stands twice"


@_case
def index_that_points_elsewhere(path: Path) -> Made:
    path.write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    return "path-escape", "is not beside it"


@_case
def index_of_absent_files(path: Path) -> Made:
    path.write_text('{"weight_map": {"a": "absent.safetensors"}}')
    return "file-missing", "names absent.safetensors"


@_case
def web_page(path: Path) -> Made:
    path.write_text("<!DOCTYPE html><html>quota exceeded</html>")
    return "not-a-model", "an HTML"


@_case
def git_lfs_pointer(path: Path) -> Made:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    return "not-a-model", "Git LFS pointer"


if __name__ == "__main__":
    for _name, _make in CORPUS.items():
        _make(Path(sys.argv[1]) / f"{_name}.pth")
