"""Which sources hold code instead of weights, and that nobody runs it unasked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.diagnostics import Diagnostic, UsageFault, Where

_ADDRESS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WHAT = {
    "script": "a TorchScript archive",
    "program": "an ExportedProgram",
    "code": "Python code",
}


@dataclass(frozen=True, slots=True)
class Coded:
    """A source whose graph is code.

    kind     script | program | code, as zoo/backends/workers/_exporter.py knows them
    label    what a person typed
    files    the source's own files by role
    path     code: the folders that `import` looks into first
    """

    kind: str
    label: str
    files: Mapping[str, Path]
    path: tuple[Path, ...] = ()

    @property
    def stem(self) -> str:
        """What a file made from it is called."""
        return self.label.rpartition(":")[2] if self.kind == "code" else Path(self.label).name.split(".")[0]


def address(sources: Sequence[str]) -> str | None:
    """`package.module:name`, when that is all there is and no file is called so."""
    if len(sources) != 1 or not _ADDRESS.fullmatch(sources[0]) or Path(sources[0]).exists():
        return None
    return sources[0]


def module(name: str, weights: Path | None, path: Sequence[Path]) -> Coded:
    """A module in a person's own code; imports look into the named folders, or into the current one."""
    folders = tuple(folder.absolute() for folder in path or (Path(),))
    for folder in folders:
        if not folder.is_dir():
            raise UsageFault("import-path", f"--import-path {folder} is no folder")
    return Coded("code", name, {} if weights is None else {"weights": weights}, folders)


def graph_file(files: Mapping[str, Path]) -> Coded | None:
    """The one file of a network when it is a graph in code; None when it holds weights."""
    from converters.pytorch.graphs import kind

    path = files.get("weights")
    found = kind(path) if path is not None and len(files) == 1 else None
    return None if path is None or found is None else Coded(found, str(path), {"model": path})


def demand_trust(source: Coded, *, trusted: bool) -> None:
    """Refuses code that nobody vouches for."""
    if trusted:
        return
    others = (
        " or, if it has a known architecture, --arch NAME to read its weights alone" if source.kind == "script" else ""
    )
    raise Diagnostic(
        "untrusted-code",
        f"it is {_WHAT[source.kind]}: to convert it, code of its author must run here",
        where=Where(file=source.label),
        hint=f"--trust when you trust its author{others}",
    )


def warning(source: Coded) -> str:
    """What is said before the code runs."""
    where = f", imported from {', '.join(map(str, source.path))}" if source.path else ""
    return f"{source.label} is {_WHAT[source.kind]}{where}: its code runs now, because --trust is given"
