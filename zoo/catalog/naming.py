"""What a name on the command line means: an id, a name in other spelling, a pin (docs/registry.md, "Names")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.diagnostics import IntegrityFault, UsageFault

if TYPE_CHECKING:
    from zoo.catalog.entries import Entries
    from zoo.catalog.schema import Algorithm, Entry, File

# Which publisher a bare name means: who trained the network first, then the format that is read most widely.
PRECEDENCE = (
    "caffe", "torchvision", "onnx", "torch", "keras", "mxnet", "gluon", "torch7", "lasagne",
    "gluoncv", "cadene", "qubvel", "functional-zoo", "jcjohnson",
    "keras-0.2", "keras-theano", "titu1994", "flyyufelix", "rcmalli", "opencv-extra",
)  # fmt: skip
_SEPARATORS = str.maketrans("", "", "-_ ")
_PIN = re.compile(r"^(?P<id>.+)@sha256:(?P<sha256>[0-9a-f]{8,64})$")


@dataclass(frozen=True)
class Choice:
    """The entry that a name means, the others that bear it, and whether the name itself said which."""

    entry: Entry
    others: tuple[Entry, ...]
    exact: bool


def plain(name: str) -> str:
    """The name without case and separators: `ResNet-50`, `resnet_50` and `resnet50` are the same."""
    return name.lower().translate(_SEPARATORS)


def order(entry: Entry) -> tuple[str, int, str]:
    """Sorts entries by name, then by the precedence of their publishers."""
    place = PRECEDENCE.index(entry.source) if entry.source in PRECEDENCE else len(PRECEDENCE)
    return entry.name, place, entry.source


def choose(entries: Entries, text: str) -> Choice:
    """The entry that `text` means: `name@source`, `name@format`, `name`, each in any spelling, perhaps with a pin.

    Raises:
        UsageFault: `unknown-model`, with the nearest names.
        IntegrityFault: `pin`: the published sha256 is another.
    """
    pinned = _PIN.match(text)
    wanted = pinned["id"] if pinned else text
    name, _, source = wanted.partition("@")
    bearing = sorted((entries[id_] for id_, names in entries.names() if _bears(names, name)), key=order)
    fitting = [entry for entry in bearing if source.lower() in ("", entry.source)]
    fitting = fitting or [entry for entry in bearing if source.lower() == entry.format]
    if not fitting:
        raise _unknown(tuple(entries.values()), wanted, bearing)
    entry = fitting[0]
    others = tuple(other for other in fitting[1:] if other is not entry)
    return Choice(_with_pin(entry, pinned["sha256"]) if pinned else entry, others, exact=not others)


def siblings(choice: Choice) -> tuple[Entry, ...]:
    """The chosen entry and those of the same name that hold the same weights and give outputs of the same kinds."""
    entry = choice.entry
    kinds = [output.kind for output in entry.outputs]
    return (
        entry,
        *(
            other
            for other in choice.others
            if other.id in entry.provenance.same_weights_as and [output.kind for output in other.outputs] == kinds
        ),
    )


def main_file(entry: Entry) -> File:
    """The file that holds the trained numbers: a pin is its sha256."""
    found = {file.role: file for file in entry.files}
    return next((found[role] for role in ("weights", "model", "archive") if role in found), entry.files[0])


def demanding(entry: Entry, wanted: dict[str, str], origin: str) -> Entry:
    """The entry with one more sha256 (file name -> hex, or the beginning of it) that its files must have.

    Raises:
        IntegrityFault: `pin`: a published sha256 is another.
    """
    from zoo.catalog.schema import HEX_DIGITS, Checksum

    files = []
    for file in entry.files:
        value = wanted.get(file.name)
        if value is None or file.sha256 == value:
            files.append(file)
            continue
        if file.sha256 is not None and not file.sha256.startswith(value):
            raise IntegrityFault(
                "pin",
                f"{entry.id}: {file.name} has the published sha256 {file.sha256}, {origin} says {value}",
                hint="names are never given to other bytes: look where the pin came from",
            )
        alg: Algorithm = "sha256" if len(value) == HEX_DIGITS["sha256"] else "sha256-prefix"
        more = Checksum(alg=alg, value=value, origin=origin)
        files.append(replace(file, checksums=(*file.checksums, more), unverified=None))
    return replace(entry, files=tuple(files))


def _with_pin(entry: Entry, sha256: str) -> Entry:
    return demanding(entry, {main_file(entry).name: sha256}, "the pin")


def _bears(names: Iterable[str], name: str) -> bool:
    wanted = plain(name)
    return any(wanted == plain(known) for known in names)


def _unknown(entries: Sequence[Entry], wanted: str, bearing: Sequence[Entry]) -> UsageFault:
    from difflib import get_close_matches

    if bearing:
        ids = [entry.id for entry in bearing]
        meant = get_close_matches(wanted.lower(), ids, n=1, cutoff=0.85)
        hint = f"did you mean {meant[0]}? " if meant else ""
        hint += f"there are {', '.join(ids)}"
        return UsageFault("unknown-model", f'the registry has no model "{wanted}"', hint=hint)
    names = {plain(known): known for entry in entries for known in (entry.id, entry.name, *entry.aliases)}
    near = [names[found] for found in get_close_matches(plain(wanted), names, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "zoo ls shows every model"
    return UsageFault("unknown-model", f'the registry has no model "{wanted}"', hint=hint)
