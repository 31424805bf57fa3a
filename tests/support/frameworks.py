"""Real frameworks for tests: a backend's environment is made when it is missing, once, and used from then on.

`run(jobs)` drives many small nets through one process of the real framework (starting one costs half a second).
Environments live where `zoo backends install` puts them: outside the checkout, shared by all test processes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from zoo.backends import discovery, environments, host
from zoo.backends.card import Card
from zoo.console import Console
from zoo.diagnostics import BackendFault


@cache
def framework(name: str) -> Card:
    """The card of a backend that can run here; skips where the machine has no Python that the framework needs.

    The installation takes a file lock: of several test processes one installs and the others wait for it.
    """
    card = discovery.find(name)
    status = discovery.probe(card)
    if not status.available:
        if card.environment is None or card.environment.build is not None:
            pytest.skip(f"{name} is compiled for minutes and is not here: {status.remedy}")
        try:
            environments.install(card, Console("quiet"))
        except BackendFault as fault:
            if fault.code == "no-python":
                pytest.skip(str(fault))
            raise
    return card


def caffe_worker(jobs: Sequence[host.Job], timeout: float = 120.0) -> list[host.Reply | host.Failed]:
    """Run the jobs, in their order, in one process of the real Caffe; a job that aborts it fails alone."""
    return host.run_many(framework("caffe"), jobs, timeout)


def shared(*parts: str) -> Path:
    """A path under the folder of real models; skips where the folder is absent."""
    root = Path(os.environ.get("ZOO_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no real models here: {path} is absent (set ZOO_SHARED)")
    return path
