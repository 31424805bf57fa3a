"""Zip archives of PyTorch that hold a graph beside the weights: TorchScript and ExportedProgram."""

from __future__ import annotations

from pathlib import Path

from converters.binary import opened
from converters.pytorch.archive import Archive, open_archive

_PROGRAM = ("archive_format", "serialized_exported_program.json", "models/model.json")


def kind(path: Path) -> str | None:
    """`script`, `program`, or None for anything else; only the archive's directory is read."""
    import os

    with opened(path) as descriptor:
        head = os.read(descriptor, 4)
    return kind_of(open_archive(path)) if head == b"PK\x03\x04" else None


def kind_of(archive: Archive) -> str | None:
    """The same of an archive that is open."""
    if any(name.endswith(_PROGRAM) for name in archive.members):
        return "program"
    code = any(len(parts := name.split("/")) > 2 and parts[1] == "code" for name in archive.members)
    return "script" if code else None
