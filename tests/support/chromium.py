"""A page as a real browser shows it: headless Chromium takes a picture, or gives the document that it made of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def _chromium(page: Path, folder: Path, *options: str) -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium on PATH ({', '.join(NAMES)}); Debian's package is called chromium")
    common = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
    ]
    done = subprocess.run(
        [found, *common, *options, page.as_uri()], capture_output=True, text=True, timeout=180, check=True
    )
    return done.stdout


def picture(page: Path, folder: Path, *, dark: bool, width: int = 1200, height: int = 1600) -> np.ndarray:
    """The page's pixels, height x width x RGB."""
    shot = folder / f"{page.stem}-{'dark' if dark else 'light'}-{width}.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    _chromium(page, folder, scheme, f"--window-size={width},{height}", f"--screenshot={shot}")
    with Image.open(shot) as image:
        return np.asarray(image.convert("RGB"))


def dom(page: Path, folder: Path) -> str:
    """The document after scripts, if it had any, have run."""
    return _chromium(page, folder, "--dump-dom")
