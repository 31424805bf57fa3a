"""`python -m zoo.parity.engine FOLDER`: measures one graph as `request.json` asks and leaves `reply.json`.

A process of its own, because the threads of numpy's matrix products are fixed when a process starts: one each, and as
many runs side by side as there are processors.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from zoo.parity.engine.arrays import Array
from zoo.parity.engine.constants import Signs
from zoo.parity.engine.graph import load
from zoo.parity.engine.lockstep import Made, lockstep
from zoo.parity.engine.measuring import measured
from zoo.parity.engine.statistics import distance


def main(folder: Path) -> None:
    """Answer the request; a fault of the graph or of an operator is an answer too."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    try:
        reply = _answer(folder, request)
    except Exception as fault:  # noqa: BLE001 - whatever an operator raises is told, and another floor is taken
        reply = {"error": f"{type(fault).__name__}: {fault}"}
    part = folder / "reply.json.part"
    part.write_text(json.dumps(reply), encoding="utf-8")
    part.replace(folder / "reply.json")


def _answer(folder: Path, request: Mapping[str, Any]) -> dict[str, object]:
    graph = load(Path(request["model"]))
    feeds = {name: np.load(file, mmap_mode="r") for name, file in request["inputs"].items()}
    signs = [Signs.drawn(seed) for seed in range(request["seeds"])]
    forced, against, keep = request["forced"], request["against"], request["keep"]
    values, files, lanes = list[dict[str, object]](), dict[str, str](), dict[str, list[str]]()
    errors: dict[str, dict[str, tuple[float, float, int]]] = {label: {} for label in against}

    def give(name: str) -> Array | None:
        return np.load(forced[name], mmap_mode="r") if name in forced else None

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for made in lockstep(graph, feeds, signs, pool, give, noise=request["noise"]):
            values.append(measured(made, pool.map).plain())
            if keep is None or made.name in keep:
                files[made.name] = _keep(folder, f"value-{len(files)}.npy", made.wide)
            if made.name in request["lanes"]:
                runs = [array for array in (made.native, *made.others) if array is not None]
                lanes[made.name] = [_keep(folder, f"lane-{len(lanes)}-{at}.npy", run) for at, run in enumerate(runs)]
            for label in against:
                if made.name in against[label]:
                    errors[label][made.name] = _error(made, against[label][made.name])
    return {"values": values, "kept": files, "errors": errors, "outputs": list(graph.outputs), "lanes": lanes}


def _keep(folder: Path, file: str, array: Array) -> str:
    np.save(folder / file, array, allow_pickle=False)
    return file


def _error(made: Made, file: str) -> tuple[float, float, int]:
    """RMS, maximum and number of odd elements of another engine's value against float64; NaN for another shape."""
    other = np.load(file, mmap_mode="r")
    if other.shape != made.wide.shape:
        return float("nan"), float("nan"), 0
    found = distance(other, made.wide)
    return found.rms, found.max, found.odd


def _die_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
