"""What a parity check costs beside the bare runs, the noise floor beside a float32 run, and figures beside numpy.

    python benchmarks/parity.py resnet50.onnx

Every line is a ratio of two things that were timed in this run; seconds are shown, and mean little elsewhere.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from zoo.backends import discovery, host
from zoo.backends.exchange import Job
from zoo.backends.feeds import seeded
from zoo.parity.engine.graph import load
from zoo.parity.figures import figures
from zoo.parity.measure import measure
from zoo.parity.rule import DEFAULT, Floor

ELEMENTS = 100_000_000
SAMPLES = 4


def timed(act: Callable[[], object], runs: int = 3) -> float:
    """The shortest of several runs, in seconds."""
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        found.append(time.perf_counter() - begun)
    return min(found)


def comparison() -> None:
    """All figures of two arrays of 1e8 float32 numbers against one numpy expression over them."""
    rng = np.random.default_rng(0)
    reference = rng.standard_normal(ELEMENTS, dtype=np.float32)
    candidate = reference + np.float32(1e-6)
    plain = timed(lambda: np.abs(candidate - reference).max())
    ours = timed(lambda: figures(reference, candidate, DEFAULT, Floor(1e-6, 4e-6)), 2)
    print(f"comparison of 1e8 numbers   {ours:6.2f} s   {ours / plain:5.1f} x np.abs(a - b).max() ({plain:.2f} s)")


def floor(model: Path) -> None:
    """Every value of the graph in five runs against one float32 run of ONNX Runtime, by processor time of children."""
    feeds = {
        name: seeded(name, (SAMPLES, *[size if isinstance(size, int) else 1 for size in shape[1:]]), 0)
        for name, shape in load(model).inputs.items()
    }
    card = discovery.find("onnxruntime")
    run = Job("onnx", {"model": model}, feeds)
    once = _children(lambda: host.run_many(card, [run] * 2, 600))
    thrice = _children(lambda: host.run_many(card, [run] * 12, 600))
    bare = (thrice - once) / 10
    with TemporaryDirectory() as folder:
        whole = _children(lambda: measure(model, feeds, Path(folder)))
    print(
        f"floor of {model.name:18} {whole:6.2f} s   {whole / bare:5.1f} x one float32 run ({bare:.2f} s of processor)"
    )


def _children(act: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    comparison()
    for argument in sys.argv[1:]:
        floor(Path(argument))
