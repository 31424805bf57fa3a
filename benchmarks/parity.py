"""What a parity check costs beside the bare runs, the noise floor beside a float32 run, and figures beside numpy.

    python benchmarks/parity.py [resnet50.onnx] [--only comparison,floor,check,polygraphy] [--elements 100000000]

Every line is a ratio of two things that were timed in this run; seconds are shown, and mean little elsewhere. Without a
model `comparison` alone runs. Polygraphy is measured where it is installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
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

SAMPLES = 3
BACKENDS = ("onnxruntime", "opencv")
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--only", default="comparison,floor,check,polygraphy")
    parser.add_argument("--elements", type=int, default=100_000_000)
    options = parser.parse_args()
    wanted = options.only.split(",")
    unknown = set(wanted) - {"comparison", *PIECES}
    if unknown:
        parser.error(f"no piece is named {', '.join(sorted(unknown))}; there are comparison, {', '.join(PIECES)}")
    if "comparison" in wanted:
        comparison(options.elements)
    for name, piece in PIECES.items() if options.model else ():
        if name in wanted:
            piece(options.model)


def comparison(elements: int) -> None:
    """All figures of two arrays against one numpy expression over them, and the memory that they take."""
    rng = np.random.default_rng(0)
    reference = rng.standard_normal(elements, dtype=np.float32)
    candidate = reference + np.float32(1e-6)
    plain = _processor(lambda: np.abs(candidate - reference).max())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = _processor(lambda: figures(reference, candidate, DEFAULT, Floor(1e-6, 4e-6)))
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _UNIT
    print(f"comparison of {elements:.0e} numbers: {ours:.2f} s of processor, {ours / plain:.1f} x np.abs(a - b).max() "
          f"({plain:.2f} s), {more / 2**20:.0f} MiB more at the peak", flush=True)  # fmt: skip


def floor(model: Path) -> None:
    """Every value of the graph in five runs against one float32 run of ONNX Runtime, by processor time of children."""
    feeds, before = _feeds(model), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with TemporaryDirectory() as folder:
        wall, cpu = _children(lambda: measure(model, feeds, Path(folder)))
    peak = (
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _UNIT
    )  # of all children so far: no runtime before it
    said = (
        "unknown: another child took more"
        if before * _UNIT == peak
        else f"{peak / model.stat().st_size:.1f} x the model"
    )
    bare = _runs("onnxruntime", model, feeds)
    print(f"floor of {model.name}, {SAMPLES} samples: {cpu:.2f} s of processor ({wall:.2f} s), {cpu / bare:.1f} x one "
          f"float32 run ({bare:.2f} s); memory at most {said}", flush=True)  # fmt: skip


def check(model: Path) -> None:
    """`zoo check-parity` of two backends, first with an empty store and then with the floor remembered."""
    feeds = _feeds(model)
    bare = [
        _children(lambda name=name: host.run_many(discovery.find(name), [Job("onnx", {"model": model}, feeds)], 600))
        for name in BACKENDS
    ]
    wall, cpu = (sum(numbers) for numbers in zip(*bare, strict=True))
    print(f"bare runs of {', '.join(BACKENDS)}: {wall:.2f} s, {cpu:.2f} s of processor", flush=True)
    with TemporaryDirectory() as home:
        for state in ("nothing remembered", "floor remembered"):
            seen = _children(lambda: _zoo(home, model))
            print(f"check, {state}: {seen[0]:.2f} s, {seen[1]:.2f} s of processor: the bare runs x 1.2 and "
                  f"{seen[0] - 1.2 * wall:+.2f} s, {seen[1] - 1.2 * cpu:+.2f} s of processor", flush=True)  # fmt: skip


def polygraphy(model: Path) -> None:
    """The same model in two runners of Polygraphy, outputs alone and all values marked."""
    script = shutil.which("polygraphy", path=str(Path(sys.executable).parent)) or shutil.which("polygraphy")
    if script is None:
        print("polygraphy: not installed here (pip install polygraphy)", flush=True)
        return
    for said, more in (("outputs alone", ()), ("all values", ("--onnx-outputs", "mark", "all"))):
        shapes = ("--input-shapes", *(_shape(name, array) for name, array in _feeds(model).items()))
        command = [script, "run", str(model), "--onnxrt", "--onnxrt", *shapes, *more]
        wall, cpu = _children(lambda command=command: _silent(command))
        print(f"polygraphy, two runners, {said}: {wall:.2f} s, {cpu:.2f} s of processor", flush=True)


PIECES: Mapping[str, Callable[[Path], None]] = {"floor": floor, "check": check, "polygraphy": polygraphy}


def _silent(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _feeds(model: Path) -> dict[str, np.ndarray]:
    return {
        name: seeded(name, (SAMPLES, *[size if isinstance(size, int) else 1 for size in shape[1:]]), 0)
        for name, shape in load(model).inputs.items()
    }


def _shape(name: str, array: np.ndarray) -> str:
    return f"{name}:[{','.join(map(str, array.shape))}]"


def _zoo(home: str, model: Path) -> None:
    subjects = [f"{model}::{name}" for name in BACKENDS]
    command = [sys.executable, "-m", "zoo", "check-parity", *subjects, "--batch", str(SAMPLES)]
    done = subprocess.run(command, env={**os.environ, "ZOO_HOME": home}, capture_output=True, check=False, text=True)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])


def _runs(backend: str, model: Path, feeds: Mapping[str, np.ndarray]) -> float:
    """Processor seconds of one run, without what starting and loading cost."""
    card, job = discovery.find(backend), Job("onnx", {"model": model}, dict(feeds))
    few = _children(lambda: host.run_many(card, [job] * 2, 600))[1]
    return max((_children(lambda: host.run_many(card, [job] * 6, 600))[1] - few) / 4, 1e-3)


def _processor(act: Callable[[], object], runs: int = 2) -> float:
    """The least processor time of several runs, which others on the machine disturb less than the clock."""
    found = []
    for _ in range(runs):
        begun = time.process_time()
        act()
        found.append(time.process_time() - begun)
    return min(found)


def _children(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor in the processes that were started."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    act()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
