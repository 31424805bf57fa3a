"""How many planted faults the parity check sees, and how often it cries wolf: writes docs/parity-score.md.

    python benchmarks/parity_score.py [--seed 0] [--networks vgg,ssd] [--doctor 4] [--inputs 3] [--jobs 2]

Every kind of fault of tests/support/planting/faults early, in the middle and late in every network; every harmless
rewriting and every setting of the runtime on several sets of inputs. `--doctor N` lets the doctor see every Nth mutant.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: the threads would wait for each other

from planting.faults import FAULTS  # noqa: E402 - the path is set above
from planting.harmless import REWRITINGS  # noqa: E402 - the path is set above
from planting.networks import FAMILIES  # noqa: E402 - the path is set above
from planting.scoring import Alarms, Score, alarms, score  # noqa: E402 - the path is set above
from planting.telling import told  # noqa: E402 - the path is set above
from planting.trained import available  # noqa: E402 - the path is set above


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", default=",".join((*FAMILIES, *available())))
    parser.add_argument("--doctor", type=int, default=4)
    parser.add_argument("--inputs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "parity-score.md")
    options = parser.parse_args()
    names, start = options.networks.split(","), time.monotonic()
    scored, harmless = Score(), Alarms()
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(one, name, options.seed, options.doctor, options.inputs) for name in names]
        for name, task in zip(names, tasks, strict=True):
            faults, runs = task.result()
            scored.rows += faults.rows
            harmless.add(runs)
            print(f"{name}: {len(scored.rows)} faults, {harmless.runs} harmless runs,", end=" ")
            print(f"{time.monotonic() - start:.0f} s", flush=True)
    options.out.write_text(told(scored, harmless, options.seed, names, len(FAULTS), len(REWRITINGS)), encoding="utf-8")
    print(f"{options.out} written")


def one(name: str, seed: int, every: int, inputs: int) -> tuple[Score, Alarms]:
    """A network's faults and harmless changes, in a process of their own."""
    scored, harmless = Score(), Alarms()
    with tempfile.TemporaryDirectory() as folder:
        score(scored, name, seed, Path(folder) / "faults", every=every)
        for number in range(inputs):
            alarms(harmless, name, seed + number, Path(folder) / f"harmless-{number}")
    return scored, harmless


if __name__ == "__main__":
    main()
