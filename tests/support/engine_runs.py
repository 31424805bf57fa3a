"""The measuring engine in this process, and ONNX Runtime with every value made visible, as its judge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx

from zoo.parity.engine.constants import Signs
from zoo.parity.engine.graph import load
from zoo.parity.engine.lockstep import Made, lockstep
from zoo.parity.engine.measuring import Value, measured
from zoo.parity.engine.statistics import distance
from zoo.parity.measure import ratio


def judged(path: Path, feeds: dict[str, np.ndarray], forced: bool = False) -> dict[str, tuple[float, Value]]:
    """Every value's ratio of ONNX Runtime's result, with unfused graph, to the floor; `forced`: step by step."""
    theirs = visible(path, feeds)
    found = {}

    def look(made: Made) -> None:
        value = measured(made)
        found[made.name] = (ratio(distance(theirs[made.name], made.wide), value), value)

    walk(path, feeds, look, theirs if forced else {})
    return found


def walk(path, feeds, look, forced=None, seeds=3) -> None:
    """Call `look` for every value that the engine makes."""
    with ThreadPoolExecutor(2) as pool:
        for made in lockstep(load(path), feeds, [Signs.drawn(seed) for seed in range(seeds)], pool, (forced or {}).get):
            look(made)


def visible(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every value of the graph by ONNX Runtime."""
    import onnxruntime

    model = onnx.load(path)
    known = {port.name for port in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, feeds), strict=True))
