"""Small PyTorch checkpoints of every generation, by an encoder that shares nothing with the reader it tests."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CLASSES = {
    "float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage",
    "int32": "IntStorage", "uint8": "ByteStorage", "bool": "BoolStorage", "int8": "CharStorage",
}  # fmt: skip
MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class Name:
    """A global: pickle's `c`."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """pickle's `R`."""

    function: object
    arguments: object


@dataclass(frozen=True)
class Refer:
    """A persistent id: pickle's `Q`."""

    identity: object


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    code: bytes


def body(value: object) -> bytes:  # noqa: PLR0911 - one line a kind
    """The opcodes that push a value."""
    if isinstance(value, Raw):
        return value.code
    if isinstance(value, Name):
        return b"c" + f"{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        return body(value.function) + body(value.arguments) + b"R"
    if isinstance(value, Refer):
        return body(value.identity) + b"Q"
    if isinstance(value, dict):
        return b"}(" + b"".join(body(key) + body(item) for key, item in value.items()) + b"u"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(body, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(body, value)) + b"e"
    if isinstance(value, bool) or value is None:
        return {True: b"\x88", False: b"\x89", None: b"N"}[value]
    if isinstance(value, int):
        size = (value.bit_length() + 8) // 8
        return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
    assert isinstance(value, str), value
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def dumps(value: object) -> bytes:
    return b"\x80\x02" + body(value) + b"."


@dataclass
class Pool:
    """Storages by key; `tensor` refers to one of them."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    view: bool = False  # the sixth field of identities before 1.6

    def tensor(self, array: np.ndarray) -> Call:
        key = str(len(self.arrays))
        self.arrays[key] = array.reshape(-1)
        strides = tuple(step // array.itemsize for step in array.strides)
        return self.part(key, 0, array.shape, strides)

    def part(self, key: str, offset: int, shape: Sequence[int], strides: Sequence[int]) -> Call:
        array = self.arrays[key]
        identity: tuple[object, ...] = (
            "storage", Name("torch", CLASSES[array.dtype.name]), key, "cuda:0", array.size
        )  # fmt: skip
        identity += (None,) if self.view else ()
        ordered = Call(Name("collections", "OrderedDict"), ())
        arguments = (Refer(identity), offset, tuple(shape), tuple(strides), False, ordered)
        return Call(Name("torch._utils", "_rebuild_tensor_v2"), arguments)


def write_zip(
    path: Path, tree: object, pool: Pool, *, packed: bool = False, big: bool = False, extra: Mapping[str, bytes] = {}
) -> Path:
    """A checkpoint of 1.6 and later; `extra` members come last."""
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("net/data.pkl", dumps(tree))
        archive.writestr("net/byteorder", "big" if big else "little")
        archive.writestr("net/version", "3\n")  # PyTorch itself reads no archive without it
        for key, array in pool.arrays.items():
            archive.writestr(f"net/data/{key}", array.astype(array.dtype.newbyteorder(">" if big else "<")).tobytes())
        for name, data in extra.items():
            archive.writestr(name, data)
    return path


def write_legacy(path: Path, tree: object, pool: Pool, *, big: bool = False) -> Path:
    """A checkpoint of 0.1.10 to 1.5."""
    order = ">" if big else "<"
    parts = [dumps(MAGIC), dumps(1001), dumps({"protocol_version": 1001, "little_endian": not big, "type_sizes": {}})]
    parts += [dumps(tree), dumps(list(pool.arrays))]
    for array in pool.arrays.values():
        parts += [struct.pack(f"{order}q", array.size), array.astype(array.dtype.newbyteorder(order)).tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def write_tar(path: Path, arrays: Mapping[str, np.ndarray], views: Sequence[tuple[int, int, int, int]] = ()) -> Path:
    """A checkpoint before 0.1.10: tensor n is 100 + n, on storage 200 + n."""
    storages = dumps(len(arrays))
    tensors = dumps(len(arrays))
    for number, array in enumerate(arrays.values()):
        kind = CLASSES[array.dtype.name]
        storages += dumps((200 + number, "cpu", Name("torch", kind))) + struct.pack("<q", array.size) + array.tobytes()
        tensors += dumps((100 + number, 200 + number, Name("torch", kind.replace("Storage", "Tensor"))))
        strides = [step // array.itemsize for step in array.strides]
        tensors += struct.pack(f"<iixxxx{2 * array.ndim}qq".replace("ii", "i"), array.ndim, *array.shape, *strides, 0)
    storages += dumps(list(views))
    tree = dumps({name: Refer(str(100 + number)) for number, name in enumerate(arrays)})
    with tarfile.open(path, "w") as archive:
        for name, data in (("sys_info", dumps({})), ("storages", storages), ("tensors", tensors), ("pickle", tree)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, object] | None = None) -> Path:
    """A safetensors file; `header` replaces the true one."""
    codes = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        entries[name] = {"dtype": codes[array.dtype.name], "shape": array.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries if header is None else header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))
    return path


def state(arrays: Mapping[str, np.ndarray], pool: Pool) -> dict[str, object]:
    return {name: pool.tensor(array) for name, array in arrays.items()}


def weights(name: str, classes: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of an architecture by tensor name."""
    from converters.pytorch.architectures import architectures
    from converters.pytorch.network import Network

    head = {"fc.weight": (classes, 1), "classifier.1.weight": (classes, 1), "classifier.6.weight": (classes, 1)}
    network = Network(head)
    architectures()[name].build(network)
    rng = np.random.default_rng(seed)
    made = {}
    for key, shape in network.wanted.items():
        values = rng.standard_normal(shape).astype(np.float32)
        made[key] = (
            np.abs(values) + 1 if key.endswith("running_var") else values / np.float32(max(1, values[:1].size) ** 0.5)
        )
    return made
