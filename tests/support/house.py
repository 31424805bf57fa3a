"""The checkout that the house rules are checked in: its root and its files as git knows them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that belongs to the project: tracked by git, or new and not ignored; without git, all of them."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        hidden = {".git", ".venv", "__pycache__", "build", "dist"}
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.parts))
    return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())


def sources(*folders: str) -> list[Path]:
    """The Python files of the project under these folders of its root."""
    return [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
