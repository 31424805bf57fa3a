"""How many planted faults the parity check sees, and how often it cries wolf: writes docs/parity-score.md.

    python benchmarks/parity_score.py [--seed 0] [--networks vgg,ssd] [--doctor 4] [--inputs 3] [--jobs 2]
                                      [--large FOLDER] [--conversions] [--work FOLDER]

Every kind of fault of tests/support/planting/faults early, in the middle and late in every network; every harmless
rewriting and every setting of the runtime on several sets of inputs. `--doctor N` lets the doctor see every Nth mutant.
`--conversions` plants mistakes in the converters too and checks them against the real Caffe, MXNet and, where `th` is
on PATH, Torch7; against what Torch7 recorded where the goldens lie in the shared folder. `--large` takes every pair of
.prototxt and .caffemodel in a folder (benchmarks/networks_caffe.py makes some).

Each part is kept in `--work` as it ends: the same command goes on where it was stopped. What was found by other code
of the check or of the suite is not taken up.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: the threads would wait for each other

from planting.conversions import MISTAKES, NETS, told  # noqa: E402 - the path is set above
from planting.conversions.recorded import RECORDED, there  # noqa: E402 - the path is set above
from planting.conversions.result import Converted  # noqa: E402 - the path is set above
from planting.detectors import NETWORKS as DETECTORS  # noqa: E402 - the path is set above
from planting.detectors import Detected, detected  # noqa: E402 - the path is set above
from planting.faults import FAULTS  # noqa: E402 - the path is set above
from planting.harmless import REWRITINGS  # noqa: E402 - the path is set above
from planting.keeping import Part, keep, kept  # noqa: E402 - the path is set above
from planting.large import measured  # noqa: E402 - the path is set above
from planting.networks import FAMILIES  # noqa: E402 - the path is set above
from planting.scoring import Alarms, Score, alarms, score  # noqa: E402 - the path is set above
from planting.telling import Whole, page  # noqa: E402 - the path is set above
from planting.trained import available  # noqa: E402 - the path is set above

from zoo.backends import discovery  # noqa: E402 - behind the suite's own

Task = tuple[str, ...]
"""What to do: `faults` or `harmless` of a network, a `conversion`'s mistake or a `recorded` one, a `large` net..."""


def main() -> None:
    options = arguments()
    names, start = options.networks.split(","), time.monotonic()
    tasks = list(planned(options, names))
    place = options.work / digest(options)
    place.mkdir(parents=True, exist_ok=True)
    parts = {task: part for task in tasks if (part := kept(place, task)) is not None}
    missing = [task for task in tasks if task not in parts]
    print(f"{len(tasks)} parts, {len(parts)} of them kept in {place}", flush=True)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(one, task, options.seed, options.doctor): task for task in missing}
        for done in as_completed(running):
            task = running[done]
            parts[task] = done.result()
            keep(place, task, parts[task])
            print(f"{len(parts)} of {len(tasks)}: {' '.join(task)}: {parts[task].said}, "
                  f"{time.monotonic() - start:.0f} s", flush=True)  # fmt: skip
    options.out.write_text(page(whole([parts[task] for task in tasks], options.seed, names)), encoding="utf-8")
    print(f"{options.out} written")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", default=",".join((*FAMILIES, *available())))
    parser.add_argument("--doctor", type=int, default=4)
    parser.add_argument("--inputs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--large", type=Path)
    parser.add_argument("--conversions", action="store_true")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "zoo-parity-score")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "parity-score.md")
    return parser.parse_args()


def planned(options: argparse.Namespace, names: list[str]) -> Iterator[Task]:
    """The longest parts first, so that no worker is left with one at the end."""
    if options.large:
        graphs = sorted(options.large.glob("*.prototxt"))
        yield from (("large", str(graph)) for graph in graphs if graph.with_suffix(".caffemodel").is_file())
    yield from (("faults", name) for name in names)
    yield from (("harmless", name, str(number)) for name in names for number in range(options.inputs))
    yield from (("detector", name, str(number)) for name in DETECTORS for number in range(options.inputs))
    if options.conversions:
        absent = missing()
        yield from (("conversion", str(n)) for n, one in enumerate(MISTAKES) if one.framework not in absent)
        yield from (("converter", str(n)) for n, one in enumerate(NETS) if one.framework not in absent)
        yield from (("recorded", str(RECORDED.index(one))) for one in there())


def missing() -> set[str]:
    """The frameworks of planted mistakes that are not here; they are told."""
    names = {one.framework for one in MISTAKES}
    found = {name: discovery.probe(discovery.find(name)) for name in sorted(names)}
    absent = {name for name, status in found.items() if not status.available}
    for name in sorted(absent):
        print(f"no mistakes in the reader of {name}: {found[name].why_not}", flush=True)
    return absent


def digest(options: argparse.Namespace) -> str:
    """Of everything that decides what a part finds: seed, doctor, and the code of check, converters and suite."""
    found = sha256(f"{options.seed} {options.doctor}".encode())
    for folder in (ROOT / "zoo" / "parity", ROOT / "converters", ROOT / "tests" / "support"):
        for path in sorted(folder.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def one(task: Task, seed: int, every: int) -> Part:
    """A part, in a process of its own."""
    kind, name = task[:2]
    if kind == "large":
        graph = Path(name)
        return Part(*measured(graph.stem, (graph, graph.with_suffix(".caffemodel")), seed), large=True)
    if kind == "conversion":
        return Part(converted=[Converted.of(told(MISTAKES[int(name)]))])
    if kind == "converter":
        return Part(converted=[Converted.of(told(NETS[int(name)], plant=False), planted=False)])
    if kind == "recorded":
        return Part(converted=[Converted.at_outputs(RECORDED[int(name)], planted=planted) for planted in (True, False)])
    if kind == "detector":
        return Part(detected=detected(name, seed + int(task[2])))
    scored, harmless = Score(), Alarms()
    with tempfile.TemporaryDirectory() as folder:
        if kind == "faults":
            score(scored, name, seed, Path(folder) / "faults", every=every)
        else:
            alarms(harmless, name, seed + int(task[2]), Path(folder) / "harmless")
    return Part(scored, harmless)


def whole(parts: list[Part], seed: int, names: list[str]) -> Whole:
    """All parts in one, in the order of the plan."""
    small, great, harmless, quiet = Score(), Score(), Alarms(), Alarms()
    for part in parts:
        (great if part.large else small).rows += part.score.rows
        (quiet if part.large else harmless).add(part.alarms)
    converted, found = [one for part in parts for one in part.converted], Detected()
    for part in parts:
        found.add(part.detected)
    return Whole(small, harmless, great, quiet, converted, found, seed, names, len(FAULTS), len(REWRITINGS))


if __name__ == "__main__":
    main()
