"""The pages that are made from the tables say what the tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from converters.format import formats

ROOT = Path(__file__).resolve().parents[2]
PAGES = [card.name for card in formats().values() if card.ops or card.writers]


def test_the_pages_of_all_formats_are_up_to_date():
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n  run: python docs/generate.py"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_kind_that_its_format_reads(name):
    from converters.hub.optable import gather

    ops = formats()[name].ops
    text = (ROOT / "docs" / "formats" / f"{name}.md").read_text(encoding="utf-8")
    for kind in gather(ops) if ops else ():
        assert f"| {kind} |" in text or f"**{kind}**" in text
