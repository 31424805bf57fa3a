"""Registry texts and entries for files that a test made up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def file_row(body: bytes, *mirrors: dict[str, object], name: str = "net.onnx", **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "role": "model",
        "name": name,
        "size": len(body),
        "checksums": [{"alg": "sha256", "value": hashlib.sha256(body).hexdigest(), "origin": "the test"}],
        "mirrors": list(mirrors),
    }
    row |= changes
    return {key: value for key, value in row.items() if value is not None}


def entry_row(*files: dict[str, object], **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": "made-up@onnx",
        "family": "made-up",
        "architecture": "made-up",
        "task": "image-classification",
        "publisher": "a test",
        "licence": {"published": "none", "commercial": "unknown"},
        "files": list(files),
        "inputs": [{"name": "x", "shape": ["N", 3, 8, 8]}],
        "outputs": [{"name": "y", "kind": "tensor"}],
        "facts": ["the test"],
    }
    return row | changes


def registry_text(*rows: dict[str, object]) -> str:
    """JSON is YAML."""
    return json.dumps({"version": 1, "entries": list(rows)}, indent=1)


def write_registry(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text(registry_text(*rows), encoding="utf-8")
    return path


def one_entry(*files: dict[str, object], **changes: object):
    from zoo.catalog.parsing import parse

    entries, faults = parse(registry_text(entry_row(*files, **changes)))
    assert not faults, faults
    return next(iter(entries.values()))
