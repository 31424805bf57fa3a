"""What a PyTorch pickle says of tensors: their storages' devices, and the names in state dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from zoo.relocate.pickles import Call, Dict, Persistent, Tuple, Walk
from zoo.relocate.plan import Request
from zoo.relocate.source import Source
from zoo.relocate.strings import Use

_FIXED = frozenset({"meta"})  # no bytes are stored for it, so there is nothing to move
_HARMLESS = (
    "torch",
    "collections ",
    "numpy",
    "__builtin__ ",
    "builtins ",
    "__torch__",
    "copy_reg ",
    "copyreg ",
    "_codecs ",
)


@dataclass(slots=True)
class Tally:
    """Devices before and after, and what the user should know."""

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Storage:
    """A persistent id: `torch FloatStorage` and the like, its key, and the use of the string that is its device."""

    kind: str
    key: str
    tag: Use


def move(origin: Source, found: Walk, request: Request, tally: Tally, *, script: bool = False) -> None:
    """Mark what the pickle's strings shall become; `script` says that it belongs to TorchScript."""
    devices: dict[int, tuple[str, str]] = {}
    for identity in found.identities:
        storage = read(origin, identity)
        if storage is None:
            continue
        old = storage.tag.value
        new = old if old in _FIXED else request.device(old)
        storage.tag.wanted = new if new != old else storage.tag.wanted
        devices[id(identity)] = (old, new)
    for call in found.calls:
        place = devices.get(id(call.arguments[0])) if call.arguments else None
        if place:
            tally.before[place[0]] += 1
            tally.after[place[1]] += 1
        elif call.function == "torch device":
            _device(call, request, tally, script=script)
    if request.strip_prefix:
        _strip(origin, found, request.strip_prefix, tally)
    _warn(found, tally)


def read(origin: Source, identity: Persistent) -> Storage | None:
    """The storage that a persistent id names; None for the source text of a module, which has no device."""
    parts = identity.identity.items if isinstance(identity.identity, Tuple) else []
    kind = parts[0].value if parts and isinstance(parts[0], Use) else None
    if kind == "module":
        return None
    if kind != "storage" or len(parts) < 5:
        origin.refuse("a persistent id is none that PyTorch writes", code="not-a-checkpoint")
    name, key, tag = parts[1:4]
    if not isinstance(tag, Use) or not isinstance(key, Use):
        origin.refuse("the device of a storage is no string of its own", code="not-a-checkpoint")
    return Storage(getattr(name, "name", "?"), key.value, tag)


def _device(call: Call, request: Request, tally: Tally, *, script: bool) -> None:
    """A `torch.device` that is data: in TorchScript code works with it, in a checkpoint it is the user's."""
    first = call.arguments[0] if call.arguments else None
    if not isinstance(first, Use):
        return
    if script and request.device(first.value) != first.value:
        first.wanted = request.device(first.value)
        tally.notes.append(f"an attribute torch.device({first.value!r}) becomes {first.wanted!r}")
    elif request.device(first.value) != first.value:
        tally.notes.append(f"a torch.device({first.value!r}) is the user's own data and stays")


def _strip(origin: Source, found: Walk, prefix: str, tally: Tally) -> None:
    """Take the prefix off the names of tensors and of the metadata that PyTorch keeps beside them."""
    metadata = {id(table) for table in _metadata(found)}
    stripped = 0
    for table in found.dicts:
        names = [
            key for key, value in table.pairs if isinstance(key, Use) and (id(table) in metadata or _is_tensor(value))
        ]
        taken = {key.value for key in names}
        for key in names:
            new = key.value.removeprefix(prefix)
            if id(table) in metadata and key.value == prefix.rstrip("."):
                new = ""
            elif new == key.value:
                continue
            elif new in taken and id(table) not in metadata:
                origin.refuse(f'it has both "{key.value}" and "{new}"', code="prefix")
            key.wanted = new
            stripped += id(table) not in metadata
    if stripped:
        tally.notes.append(f'{stripped} names lose the prefix "{prefix}"')


def _metadata(found: Walk) -> Iterator[Dict]:
    for table in found.dicts:
        if isinstance(table.state, Dict):
            for key, value in table.state.pairs:
                if isinstance(key, Use) and key.value == "_metadata" and isinstance(value, Dict):
                    yield value


def _is_tensor(value: object) -> bool:
    return isinstance(value, Call) and value.function.startswith(("torch._utils _rebuild", "torch.nn.parameter "))


def _warn(found: Walk, tally: Tally) -> None:
    strange = sorted({part.name.replace(" ", ".") for part in found.globals if not part.name.startswith(_HARMLESS)})
    if strange:
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        tally.notes.append(f"loading this file runs {', '.join(strange[:3])}{more}: left as it is, and not run here")
