"""PyTorch checkpoints: the zip archive of today, the pickle of 0.1.10 to 1.5, the tar before it, and TorchScript."""

from __future__ import annotations

import re

from zoo.relocate import zips
from zoo.relocate.pickles import Tuple, Walk, walk
from zoo.relocate.plan import Patch, Piece, Plan, Request, pieces, whole
from zoo.relocate.source import Source, Stream
from zoo.relocate.strings import Use
from zoo.relocate.tensors import Storage, Tally, move, read

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of a file of torch.save before 1.6: a number that stands for PyTorch (torch/serialization.py)."""
_PICKLE_LIMIT = 256 << 20
_CODE_LIMIT = 64 << 20
_CODE_DEVICE = re.compile(rb'torch\.device\("([a-z]+(?::\d+)?)"\)')
_SIZES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexDouble": 16, "ComplexFloat": 8, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1,
    "Untyped": 1,
}  # fmt: skip


def zipped(origin: Source, request: Request) -> Plan:
    """The plan for a zip archive of torch.save or torch.jit.save."""
    archive = zips.read(origin)
    names = {member.name.partition("/")[2]: member for member in archive.members}
    if "data.pkl" not in names:
        old = "model.json" in names
        what = "TorchScript of before 1.4 (model.json)" if old else "no checkpoint of PyTorch (it has no data.pkl)"
        origin.refuse(f"this zip archive is {what}", code="unsupported-checkpoint")
    tally, contents = Tally(), {}
    script = any(name.startswith("code/") for name in names)
    for name, member in names.items():
        content = None
        if name.endswith(".pkl") and "/" not in name:
            content = _pickle(origin, member, request, tally, script=script)
        elif script and name.startswith("code/") and name.endswith(".py"):
            content = _code(origin, member, request, tally)
        if content is not None:
            contents[member.name] = content
    made = zips.relaid(origin, archive, contents) if contents else whole(origin.size)
    title = "TorchScript archive" if script else "PyTorch checkpoint (zip)"
    return _plan(title, origin, made, tally)


def _plan(title: str, origin: Source, made: tuple[Piece, ...], tally: Tally) -> Plan:
    return Plan(title, origin.size, made, dict(tally.before), dict(tally.after), tuple(dict.fromkeys(tally.notes)))


def _pickle(
    origin: Source, member: zips.Member, request: Request, tally: Tally, *, script: bool
) -> zips.Content | None:
    if member.method == zips.STORED:
        start, end = member.data, member.data + member.packed
        zips.checked(origin, member)
        found = walk(origin.stream(start, end))
        move(origin, found, request, tally, script=script)
        patches = found.patches()
        return zips.stored(origin, pieces(patches, start, end)) if patches else None
    raw = zips.unpacked(origin, member, _PICKLE_LIMIT)
    found = walk(Stream(raw, 0, len(raw), origin))
    move(origin, found, request, tally, script=script)
    patches = found.patches()
    return zips.packed(member, _patched(raw, patches)) if patches else None


def _patched(raw: bytes, patches: list[Patch]) -> bytes:
    """The same for bytes at hand."""
    made, position = bytearray(), 0
    for patch in sorted(patches, key=lambda patch: (patch.start, patch.end)):
        made += raw[position : patch.start] + patch.new
        position = patch.end
    return bytes(made + raw[position:])


def _code(origin: Source, member: zips.Member, request: Request, tally: Tally) -> zips.Content | None:
    """TorchScript's source text: `torch.device("cuda:0")` is a constant there and nothing else looks like it.

    Inside a string literal the quotes would have backslashes before them.
    """
    raw = zips.unpacked(origin, member, _CODE_LIMIT)
    moved = 0

    def new(match: re.Match[bytes]) -> bytes:
        nonlocal moved
        old = match[1].decode()
        device = request.device(old)
        moved += device != old
        return f'torch.device("{device}")'.encode()

    text = _CODE_DEVICE.sub(new, raw)
    for call in sorted({match.decode() for match in re.findall(rb"\btorch\.cuda\(|\.cuda\(", text)}):
        tally.notes.append(f"{member.name} calls {call}...): it needs a GPU when it runs; change the model's source")
    if not moved:
        return None
    tally.notes.append(f"{moved} device constants in {member.name} change")
    return zips.packed(member, text)


def pickled(origin: Source, request: Request) -> Plan:
    """The plan for a file of torch.save before 1.6: five pickles, then each storage's count and bytes."""
    tally, patches = Tally(), list[Patch]()
    stream = origin.stream()
    while stream.left():
        found = [walk(stream) for _ in range(5)]
        _, _, _, content, keys = found
        move(origin, content, request, tally)
        patches += content.patches()
        _skip_storages(origin, stream, content, keys)
        if stream.left() and origin.read(stream.position, len(MAGIC)) != MAGIC:
            stream.fail(f"{stream.left():,} bytes follow the last storage")
    return _plan("PyTorch checkpoint (pickle)", origin, pieces(patches, 0, origin.size), tally)


def _skip_storages(origin: Source, stream: Stream, content: Walk, keys: Walk) -> None:
    known = {storage.key: storage for identity in content.identities if (storage := read(origin, identity))}
    order = keys.value.items if isinstance(keys.value, Tuple) else []
    if len(order) != len(known):
        stream.fail(f"{len(order)} storages follow, the pickle names {len(known)}")
    for key in order:
        storage = known.get(key.value) if isinstance(key, Use) else None
        if storage is None:
            stream.fail("a storage follows that the pickle does not name")
        count = int.from_bytes(stream.take(8), "little")
        stream.skip(count * element_size(origin, storage))


def element_size(origin: Source, storage: Storage) -> int:
    """Bytes of one number in a storage, by its class."""
    kind = storage.kind.rpartition(" ")[2].removesuffix("Storage")
    if kind not in _SIZES:
        origin.refuse(f"a storage is of the unknown class {storage.kind.replace(' ', '.')}", code="not-a-checkpoint")
    return _SIZES[kind]
