"""Conversions of a check are made once, and what is refused is tried again in a place of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.catalog.artifact import Artifact
from zoo.diagnostics import Diagnostic
from zoo.parity.conversions import once


def test_a_refused_conversion_is_tried_again_and_refused_again(tmp_path):
    """The folder of the first attempt was met by the second: status 70 instead of the refusal."""
    places: list[Path] = []

    def convert(source: Artifact, folder: Path) -> Artifact:
        folder.mkdir()
        places.append(folder)
        if source.label == "bad":
            raise Diagnostic("unsupported-layer", "no")
        return source

    made = once(convert, tmp_path)
    good, bad = (Artifact(name, "torch7", {"model": tmp_path / name}, None, {}) for name in ("good", "bad"))
    for _ in range(2):
        with pytest.raises(Diagnostic, match="no"):
            made(bad, tmp_path)
    assert made(good, tmp_path) is made(good, tmp_path)
    assert len(set(places)) == 3
