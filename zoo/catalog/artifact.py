"""An artifact: the files of one network on disk, with their format, from the registry or from bare paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from zoo.diagnostics import Diagnostic
from zoo.supply.checksums import sha256_of

if TYPE_CHECKING:
    from zoo.catalog.naming import Choice
    from zoo.catalog.registry import Registry
    from zoo.catalog.schema import Entry
    from zoo.console import Console
    from zoo.supply.store import Store

_SUFFIXES = (
    ".prototxt",
    ".caffemodel",
    ".onnx",
    ".t7",
    ".pth",
    ".pt",
    ".pt2",
    ".json",
    ".params",
    ".mar",
    ".h5",
    ".npz",
)


@dataclass(frozen=True)
class Artifact:
    """Files by role, of one format; `digests` gives the sha256 of each in hex, read when it is asked for."""

    label: str
    format: str
    files: Mapping[str, Path]
    entry: Entry | None
    digests: Mapping[str, str]


def from_entry(
    entry: Entry,
    store: Store,
    *,
    offline: bool = False,
    trust_first_use: bool = False,
    console: Console,
) -> Artifact:
    """The entry's files, verified; they are pulled when the store lacks them.

    Raises:
        TransferFault: a file could not be brought.
        IntegrityFault: a file could not be verified or stored.
    """
    from zoo.supply.download import apply, plan

    brought = apply(plan(entry, store), store, console=console, offline=offline, trust_first_use=trust_first_use)
    return Artifact(
        label=entry.id,
        format=entry.format,
        files=MappingProxyType({item.file.role: item.path for item in brought}),
        entry=entry,
        digests=MappingProxyType({item.file.role: item.record.sha256 for item in brought}),
    )


def from_paths(paths: Sequence[Path]) -> Artifact:
    """The files of one artifact, paired by what is in them.

    Raises:
        Diagnostic: `no-file`, `not-a-model`, `mixed-formats` or `same-role`; every file is named for what it is.
    """
    from converters import sniff

    found = {path: sniff(path) for path in _expanded(paths)}
    told = [f"{path}: {what.what}" for path, what in found.items()]
    if not found or any(what.format is None for what in found.values()):
        raise Diagnostic("not-a-model", "a file is no model that zoo knows", details=told)
    names = sorted({str(what.format) for what in found.values()})
    if len(names) > 1:
        raise Diagnostic("mixed-formats", f"{' and '.join(names)} files are not one network", details=told)
    files = {str(what.role): path for path, what in found.items()}
    if len(files) < len(found):
        raise Diagnostic("same-role", "two files have the same role in one network", details=told)
    whole = MappingProxyType(files)
    return Artifact(",".join(str(path) for path in found), names[0], whole, None, _Digests(whole))


def resolve(
    source: str | Sequence[str],
    *,
    console: Console,
    store: Store | None = None,
    registry: Registry | None = None,
    offline: bool = False,
    trust_first_use: bool = False,
    every: bool = False,
) -> tuple[Artifact, ...]:
    """The artifacts that SOURCE names: a registry id, a name, or the files of one artifact.

    A string is split at commas; several strings are the files of one artifact. A file of that name comes first,
    then the registry. A bare name means its default publisher, which is said; with `every`, the same weights in every
    other format too.

    Raises:
        UsageFault: `unknown-model`: neither a file nor a name of the registry.
    """
    parts = source.split(",") if isinstance(source, str) else [part for item in source for part in item.split(",")]
    if len(parts) != 1 or is_path(parts[0]):
        return (from_paths([Path(part) for part in parts]),)
    from zoo.catalog.naming import siblings
    from zoo.catalog.registry import load
    from zoo.supply.store import Store, default_root

    choice = (registry or load()).pick(parts[0])
    entries = siblings(choice) if every else (choice.entry,)
    say_default(choice, parts[0], console)
    place = store or Store(default_root())
    return tuple(
        from_entry(entry, place, offline=offline, trust_first_use=trust_first_use, console=console) for entry in entries
    )


def say_default(choice: Choice, name: str, console: Console) -> None:
    """Say which entry a name without a publisher was taken for, and what else it could mean."""
    if not choice.exact:
        others = ", ".join(other.id for other in choice.others)
        console.note(f"{name} means {choice.entry.id}; there are also {others}")


def is_path(text: str, folder: Path = Path()) -> bool:
    """Whether a lone SOURCE means a file: it is one, it has a folder or a model's suffix, or it is an MXNet prefix."""
    path = folder / text
    return path.is_file() or "/" in text or "\\" in text or path.suffix in _SUFFIXES or bool(_mxnet(path))


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    """The paths with an MXNet prefix written out.

    Raises:
        Diagnostic: `no-file`, with everything that is none.
    """
    missing = []
    for path in paths:
        pair = () if path.is_file() else _mxnet(path)
        if pair:
            yield from pair
        elif path.is_file():
            yield path
        else:
            missing.append(path)
    if missing:
        kinds = [f"{path}: {'a folder' if path.is_dir() else 'no such file'}" for path in missing]
        raise Diagnostic("no-file", f"{len(missing)} path(s) are not files", details=kinds)


def _mxnet(prefix: Path) -> tuple[Path, ...]:
    """`m` means m-symbol.json and the m-NNNN.params of the last epoch; nothing where they are not there.

    The report of a conversion says which epoch it was where there are several.
    """
    graph = prefix.with_name(f"{prefix.name}-symbol.json") if prefix.name else prefix
    if not prefix.name or not graph.is_file():
        return ()
    from converters.mxnet.epochs import newest

    weights = newest(prefix)
    return (graph, weights) if weights else (graph,)


class _Digests(Mapping[str, str]):
    """The sha256 of each file, computed when first asked for: hashing 500 MB is not free."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._known: dict[str, str] = {}

    def __getitem__(self, role: str) -> str:
        if role not in self._known:
            self._known[role] = sha256_of(self._files[role])
        return self._known[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
