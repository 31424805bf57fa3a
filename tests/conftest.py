"""Fixtures for all tests; sockets are closed except to this machine, unless a test is marked `index` or `framework`."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no fault of the code, and a failing example is to be found again by everybody.
settings.register_profile("zoo", deadline=None, print_blob=True)
settings.load_profile("zoo")

_OPEN = ("index", "framework")
_LOCAL = ("127.", "::1", "localhost")
_SETTINGS = ("ZOO_OFFLINE", "ZOO_PACKAGE_INDEX", "ZOO_REGISTRY", "ZOO_MIRROR", "ZOO_TRACEBACK")
_RUNNER = ("CI", "GITHUB_STEP_SUMMARY")


@pytest.fixture(autouse=True)
def closed_sockets(request, monkeypatch):
    if any(request.node.get_closest_marker(name) for name in _OPEN):
        return
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(original):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_LOCAL):
            pytest.fail(f"a test without the marker `index` connects to {address}")
        return original(self, address)

    return connect


@pytest.fixture(autouse=True)
def own_settings(request, monkeypatch, tmp_path):
    """No test touches the user's store or follows settings of the user or of a CI runner; `index` keeps the index's."""
    for name in (*_SETTINGS, *_RUNNER):
        monkeypatch.delenv(name, raising=False)
    if not request.node.get_closest_marker("index"):
        monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "zoo-home"))
    monkeypatch.setenv("ZOO_CONFIG", str(tmp_path / "zoo-config"))


@pytest.fixture
def shared():
    """The folder of published models and facts that lies beside the checkout; tests skip where it is absent."""
    place = Path(os.environ.get("ZOO_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not place.is_dir():
        pytest.skip(f"no folder {place} (set ZOO_SHARED)")
    return place


@pytest.fixture
def console():
    from zoo.console import Console

    return Console("human", out=io.StringIO(), err=io.StringIO())
