"""The tar of PyTorch before 0.1.10: three members of pickles, storages and tensors between them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zoo.relocate.pickles import Global, Tuple, Walk, walk
from zoo.relocate.plan import Copy, Patch, Piece, Plan, Request, joined, pieces, size
from zoo.relocate.pytorch import element_size
from zoo.relocate.source import Source, Stream
from zoo.relocate.strings import Use
from zoo.relocate.tensors import Storage, Tally

_BLOCK = 512
_GPU_CLASS = re.compile(r"torch\.cuda (\w+(?:Tensor|Storage))\Z")
_MAX_MEMBERS = 1000


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    header: int
    size: int

    @property
    def start(self) -> int:
        return self.header + _BLOCK

    @property
    def end(self) -> int:
        return self.start + -(-self.size // _BLOCK) * _BLOCK


def plan(origin: Source, request: Request) -> Plan:
    """The plan for one file; the header of a member that grows says so, and its padding follows."""
    members = {member.name: member for member in _members(origin)}
    if not {"storages", "tensors", "pickle"} <= members.keys():
        origin.refuse("this tar archive is no checkpoint of PyTorch", code="unsupported-checkpoint")
    tally = Tally()
    patches = _storages(origin, members["storages"], request, tally) + _tensors(origin, members["tensors"], request)
    made: list[Piece] = []
    position = 0
    for member in sorted(members.values(), key=lambda member: member.header):
        mine = [patch for patch in patches if member.start <= patch.start < member.end]
        body = pieces(mine, member.start, member.start + member.size)
        length = sum(map(size, body))
        made.append(Copy(position, member.header))
        made.append(Copy(member.header, member.start) if not mine else _header(origin, member, length))
        made += body
        made.append(bytes(-length % _BLOCK) if mine else Copy(member.start + member.size, member.end))
        position = member.end
    made.append(Copy(position, origin.size))
    notes = ("a tar of PyTorch before 0.1.10: load it with weights_only=False",)
    return Plan("PyTorch checkpoint (tar)", origin.size, joined(made), dict(tally.before), dict(tally.after), notes)


def _members(origin: Source) -> list[_Member]:
    found: list[_Member] = []
    position = 0
    while position + _BLOCK <= origin.size and len(found) < _MAX_MEMBERS:
        head = origin.read(position, _BLOCK)
        if not head.strip(b"\0"):
            return found
        try:
            length = int(head[124:136].strip(b" \0") or b"0", 8)
        except ValueError:
            origin.refuse("a size in the tar archive is no number", position + 124)
        member = _Member(head[:100].rstrip(b"\0").decode("utf-8", "replace").removeprefix("./"), position, length)
        if member.end > origin.size:
            origin.refuse(f'the member "{member.name}" is longer than the file; it is truncated', position)
        found.append(member)
        position = member.end
    return found


def _header(origin: Source, member: _Member, length: int) -> bytes:
    head = bytearray(origin.read(member.header, _BLOCK))
    head[124:136] = b"%011o\0" % length
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def _storages(origin: Source, member: _Member, request: Request, tally: Tally) -> list[Patch]:
    """A count, then for each storage the pickle of (key, device, class) and the numbers after their own count."""
    stream = origin.stream(member.start, member.start + member.size)
    patches: list[Patch] = []
    for _ in range(_count(stream)):
        found = walk(stream)
        parts = found.value.items if isinstance(found.value, Tuple) else []
        if len(parts) != 3 or not isinstance(parts[1], Use) or not isinstance(parts[2], Global):
            stream.fail("a storage should begin here and does not")
        tag = parts[1]
        new = request.device(tag.value)
        tally.before[tag.value] += 1
        tally.after[new] += 1
        if new != tag.value:
            tag.wanted = new
        patches += found.patches() + _classes(found, new)
        width = element_size(origin, Storage(parts[2].name, "", tag))
        stream.skip(int.from_bytes(stream.take(8), "little") * width)
    return patches


def _tensors(origin: Source, member: _Member, request: Request) -> list[Patch]:
    """A count, then for each tensor the pickle of (key, storage, class), sizes, strides and an offset."""
    stream = origin.stream(member.start, member.start + member.size)
    patches: list[Patch] = []
    for _ in range(_count(stream)):
        patches += _classes(walk(stream), request.device("cuda:0"))
        dims = int.from_bytes(stream.take(4), "little")
        stream.skip(4 + 16 * dims + 8)
    return patches


def _classes(found: Walk, device: str) -> list[Patch]:
    """`torch.cuda.FloatTensor` is `torch.FloatTensor` on the CPU; the way back keeps the class of the CPU."""
    if device != "cpu":
        return []
    made = []
    for name in found.globals:
        match = _GPU_CLASS.match(name.name)
        if match:
            made.append(Patch(name.start, name.end, b"ctorch\n" + match[1].encode() + b"\n"))
    return made


def _count(stream: Stream) -> int:
    found = walk(stream).value
    if not isinstance(found, int) or not 0 <= found <= stream.left():
        stream.fail("a number of storages or tensors should stand here and does not")
    return found
