"""Caffe to ONNX at full size: each at most `cp` of the weights + 1.0 s and 300 MB; exits with 1 when one is not.

Run: python benchmarks/convert_caffe.py [runs [network...]]
The files are made once in ZOO_BENCH (default: the system's temporary folder) with seeded weights; the SSD detector is
the published one. Where `zoo backends install caffe2onnx` has been run, or ZOO_PYTHON_CAFFE2ONNX names its Python, the
peer runs beside it, in the same run; a conversion of its own that fails is told in its place.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from measure import CommandFailed, Figures, measure, report

SECONDS_OVER_CP, PEAK_BYTES = 1.0, 300_000_000  # issue 1/8, "Speed and memory"
NETWORKS = (
    "vgg16",
    "resnet50",
    "googlenet",
    "inception_v3",
    "squeezenet",
    "densenet121",
    "mobilenet",
    "res10-ssd-face@caffe",
)
_PEER = "caffe2onnx 2.0.1"


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    peer = os.environ.get("ZOO_PYTHON_CAFFE2ONNX") or _installed()
    missed = [name for name in sys.argv[2:] or NETWORKS if not _within(name, runs, folder, peer)]
    print(f"over the bar: {', '.join(missed) or 'none'}")
    return int(bool(missed))


def _within(name: str, runs: int, folder: Path, peer: str | None) -> bool:
    """Measure one network, print the table, and say whether zoo keeps the bar."""
    script = [sys.executable, str(Path(__file__).with_name("networks_caffe.py")), name, str(folder)]
    graph, weights = subprocess.run(script, check=True, capture_output=True, text=True).stdout.split()
    out = folder / "out"
    out.mkdir(exist_ok=True)
    zoo = [sys.executable, "-m", "zoo", "convert", graph, weights, "--to", "onnx", "-o"]
    figures = {
        "cp": measure(fresh(out / "copy", ["cp", weights]), runs),
        "zoo convert": measure(fresh(out / "zoo.onnx", zoo), runs, env=_compiled(folder)),
        **_beside(peer, graph, weights, out / "peer.onnx"),
    }
    print(f"{name}, {Path(weights).stat().st_size / 1e6:.1f} MB\n{report(figures)}")
    over, peak = figures["zoo convert"].wall - figures["cp"].wall, figures["zoo convert"].rss_bytes
    print(f"zoo - cp = {over:.2f} s (limit {SECONDS_OVER_CP}), peak {peak / 1e6:.0f} MB ({PEAK_BYTES / 1e6:.0f})\n")
    return over <= SECONDS_OVER_CP and peak <= PEAK_BYTES


def _beside(peer: str | None, graph: str, weights: str, out: Path) -> Mapping[str, Figures]:
    """The peer's single run, because it takes so long; nothing where it is not here or does not convert."""
    if peer is None:
        return {}
    arguments = [peer, "-m", "caffe2onnx.convert", "--prototxt", graph, "--caffemodel", weights, "--onnx"]
    try:
        figures = measure(fresh(out, arguments), runs=1, warmup=0)
    except CommandFailed as fault:
        print(f"{_PEER} fails: {str(fault).strip().splitlines()[-1]}")
        return {}
    if not out.exists():
        print(f"{_PEER} writes nothing and ends with status 0")
        return {}
    return {_PEER: figures}


def _compiled(folder: Path) -> dict[str, str]:
    """Where the warm-up run leaves the compiled modules that an installed package has from the start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def _installed() -> str | None:
    """The Python of the environment that `zoo backends install caffe2onnx` makes, asked for in a process of its own."""
    ask = "from zoo.backends import discovery as d; print(d.probe(d.find('caffe2onnx')).interpreter or '')"
    done = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    return done.stdout.strip() or None


def fresh(target: Path, argv: list[str]) -> list[str]:
    """The command, writing `target`, which is removed first: writing over a file costs other time than a new one."""
    return ["sh", "-c", 'rm -f "$0" && exec "$@"', str(target), *argv, str(target)]


if __name__ == "__main__":
    sys.exit(main())
