"""The serialisation: what the real Torch7 wrote is read as it was meant, and broken files are refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from torch7_goldens import ROOT, Case, cases

from converters.diagnostic import Diagnostic
from converters.torch7 import numbers, t7
from converters.torch7.objects import Function, Object, Storage, Table, Tensor, Value

goldens = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")
DATA = [case for case in cases("data") if not case.expect]
BROKEN = [case for case in cases("data") if case.expect]


@goldens
@pytest.mark.parametrize("case", DATA, ids=lambda case: case.name)
def test_reads_what_the_real_torch7_wrote(case: Case):
    Comparison(case.path).same(t7.read(case.path).value, case.expected_objects())


@goldens
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_refuses_what_the_real_torch7_cannot_read(case: Case):
    with pytest.raises(Diagnostic):
        t7.read(case.path)


@goldens
@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("ser_ascii_cnn", "ascii"),
        ("ser_long32", "binary, longs of 4 bytes"),
        ("ser_bigendian", "binary, big-endian"),
        ("ser_double_cnn", "binary"),
    ],
)
def test_the_spelling_of_a_file_is_found_out(name, spelling):
    assert t7.read(ROOT / name / "model.t7").spelling == spelling


class Comparison:
    """Compares values with expected.json, identities included."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[int, Value] = {}

    def same(self, value: Value, expected: dict) -> None:
        if "ref" in expected:
            assert value is self.known[expected["ref"]]
            return
        COMPARE[expected["type"]](self, value, expected)

    def table(self, value: Value, expected: dict) -> None:
        table = value.fields if isinstance(value, Object) else value
        assert isinstance(table, Table)
        self.known[expected["id"]] = value
        if "class" in expected:
            assert isinstance(value, Object)
            assert value.kind == expected["class"]
        assert len(table) == len(expected["items"])
        left = list(table.items())
        for key, item in sorted(expected["items"], key=lambda entry: "ref" in entry[0]):
            found = next((pair for pair in left if self.is_key(pair[0], key)), None)
            assert found is not None, key
            left.remove(found)
            self.same(found[1], item)

    def is_key(self, key: Value, expected: dict) -> bool:
        if "ref" in expected:
            return key is self.known.get(expected["ref"])
        if expected["type"] in ("table", "object", "tensor"):
            return isinstance(key, Table | Object | Tensor)
        return type(key) is SCALARS[expected["type"]] and key == scalar(expected)

    def tensor(self, value: Value, expected: dict) -> None:
        assert isinstance(value, Tensor)
        self.known[expected["id"]] = value
        assert value.kind.replace("Cuda", "") in (expected["class"], "torch.Tensor")
        assert list(value.size) == expected["size"]
        if not value.size:
            return
        assert list(value.stride) == expected["stride"]
        assert value.offset + 1 == expected["offset_1based"]
        storage = expected["storage"]
        if "ref" not in storage:
            assert value.storage is not None
            assert value.storage.count == storage["size"]
            assert self.known.setdefault(-storage["id"], value.storage) is value.storage
        self.numbers(numbers.weight(value, self.path).array(), expected["data"])

    def storage(self, value: Value, expected: dict) -> None:
        assert isinstance(value, Storage)
        self.known[expected["id"]] = value
        assert value.count == expected["size"]
        if "data" in expected:
            self.numbers(numbers.run(value, self.path, 0, value.count).array(), expected["data"])

    def numbers(self, found: np.ndarray, expected: list) -> None:
        wanted = np.array([float(item) for item in expected])
        np.testing.assert_array_equal(found.reshape(-1)[: len(wanted)].astype(np.float64), wanted)

    def function(self, value: Value, _expected: dict) -> None:
        assert isinstance(value, Function)

    def scalar(self, value: Value, expected: dict) -> None:
        assert type(value) is SCALARS[expected["type"]]
        wanted = scalar(expected)
        assert value == wanted or (value != value and wanted != wanted)  # noqa: PLR0124 - NaN


COMPARE = {
    "table": Comparison.table,
    "object": Comparison.table,
    "tensor": Comparison.tensor,
    "storage": Comparison.storage,
    "function": Comparison.function,
    **dict.fromkeys(("number", "string", "boolean", "nil"), Comparison.scalar),
}
SCALARS = {"number": float, "string": str, "boolean": bool, "nil": type(None)}


def scalar(expected: dict) -> object:
    if expected["type"] == "string":
        return bytes.fromhex(expected["hex"]).decode("utf-8", "surrogateescape")
    if expected["type"] == "number":
        return float(expected["value"])
    return expected.get("value")


def integer(value: int) -> bytes:
    return struct.pack("<i", value)


def text(value: bytes) -> bytes:
    return integer(len(value)) + value


def tensor(size: tuple[int, ...], stride: tuple[int, ...], offset: int, count: int) -> bytes:
    """A FloatTensor over a storage of `count` zeros."""
    body = integer(4) + integer(1) + text(b"V 1") + text(b"torch.FloatTensor") + integer(len(size))
    body += struct.pack(f"<{len(size) + len(stride) + 1}q", *size, *stride, offset)
    body += integer(4) + integer(2) + text(b"V 1") + text(b"torch.FloatStorage") + struct.pack("<q", count)
    return body + bytes(4 * count)


def read(tmp_path: Path, content: bytes) -> Value:
    path = tmp_path / "x.t7"
    path.write_bytes(content)
    return t7.read(path).value


def test_nesting_far_deeper_than_pythons_stack_is_read(tmp_path):
    depth = 50_000
    content = b"".join(
        integer(3) + integer(number) + integer(1) + integer(2) + text(b"x") for number in range(1, depth)
    )
    value = read(tmp_path, content + integer(0))
    for _ in range(depth - 1):
        assert isinstance(value, Table)
        value = value.strings["x"]
    assert value is None


@pytest.mark.parametrize(
    ("size", "stride", "offset", "count"),
    [
        ((2, 3), (3, 1), 2, 6),
        ((2, 3), (100, 1), 1, 6),
        ((2, 3), (3, 1), 0, 6),
        ((2, 3), (-3, 1), 4, 6),
        ((-2, 3), (3, 1), 1, 6),
        ((1 << 40, 1 << 40), (0, 0), 1 << 62, 6),
        ((2,), (1 << 62,), 1, 6),
    ],
    ids=["offset", "stride", "offset 0", "negative stride", "negative size", "huge offset", "huge stride"],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(tmp_path, size, stride, offset, count):
    with pytest.raises(Diagnostic, match="a tensor of size"):
        read(tmp_path, tensor(size, stride, offset, count))


def test_a_view_that_shows_few_numbers_very_often_is_not_expanded(tmp_path):
    path = tmp_path / "x.t7"
    path.write_bytes(tensor((1 << 20, 1 << 20), (0, 0), 1, 1))
    value = t7.read(path).value
    assert isinstance(value, Tensor)
    with pytest.raises(Diagnostic, match="again and again"):
        numbers.weight(value, path)


@pytest.mark.parametrize(
    "content",
    [
        integer(3) + integer(1) + integer(2_000_000_000) + bytes(100),
        integer(3) + integer(1) + integer(-1),
        integer(2) + integer(2_000_000_000),
        integer(4) + integer(1) + text(b"V 1") + integer(1 << 30),
        integer(4) + integer(1) + text(b"V 1") + text(b"torch.FloatStorage") + struct.pack("<q", 1 << 61),
        integer(4) + integer(1) + text(b"V 1") + text(b"torch.FloatTensor") + integer(1_000_000),
        integer(8) + integer(1) + integer(-7),
        integer(3) + integer(1) + integer(1) + integer(0) + integer(0),
    ],
    ids=[
        "billion entries",
        "minus one entry",
        "long string",
        "long name",
        "huge storage",
        "dims",
        "function",
        "nil key",
    ],
)
def test_sizes_that_the_file_cannot_hold_are_refused(tmp_path, content):
    with pytest.raises(Diagnostic) as refusal:
        read(tmp_path, content)
    assert refusal.value.code == "damaged-file"


def small_files() -> list[Path]:
    chosen = ("linear", "ser_ascii_mlp", "data_cycles", "data_functions", "cudnn_conv_groups2", "ser_long32", "profile")
    return [ROOT / name / "model.t7" for name in chosen] if ROOT.is_dir() else []


@goldens
@pytest.mark.parametrize("source", small_files(), ids=lambda path: path.parent.name)
def test_a_file_cut_anywhere_is_refused_and_never_crashes(tmp_path, source):
    content = source.read_bytes()
    step = max(1, len(content) // 250)
    for end in range(0, len(content), step):
        with pytest.raises(Diagnostic):
            read(tmp_path, content[:end])


@goldens
@pytest.mark.parametrize("source", small_files(), ids=lambda path: path.parent.name)
def test_flipped_bits_are_refused_or_read_and_never_crash(tmp_path, source):
    content = source.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for position in rng.integers(0, len(content) * 8, 400):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << int(position % 8)
        path = tmp_path / "flipped.t7"
        path.write_bytes(flipped)
        try:
            value = t7.read(path).value
            for found in tensors(value):
                numbers.weight(found, path).array()
        except Diagnostic:
            refused += 1
    assert refused


def tensors(value: Value) -> list[Tensor]:
    """Every tensor that the value holds."""
    found, waiting, known = [], [value], set()
    while waiting:
        item = waiting.pop()
        if id(item) in known:
            continue
        known.add(id(item))
        if isinstance(item, Tensor):
            found.append(item)
        elif isinstance(item, Object):
            waiting.extend(item.payload)
        elif isinstance(item, Table):
            waiting.extend(part for pair in item.items() for part in pair)
    return found
