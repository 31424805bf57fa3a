"""What a result follows from besides files, inputs and backends: zoo's own code, the packages, the machine."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import converters
import zoo
from converters.outputs import sha256

_PACKAGES = ("numpy", "onnx", "onnx-ir", "pillow")  # they take part in conversion and inputs


def surroundings() -> dict[str, object]:
    """As plain values, to be part of a digest."""
    return {
        "code": code(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": [platform.platform(), platform.machine(), platform.python_version()],
    }


@cache
def code() -> str:
    """The sha256 of zoo's own source: a change of the program makes every result a new one."""
    total = hashlib.sha256()
    for package in (zoo, converters):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            total.update(
                f"{path.relative_to(root).as_posix()} {sha256(path) if path.stat().st_size else ''}\n".encode()
            )
    return total.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
