"""VGG-16 (553 MB) from Caffe to ONNX: at most `cp` of the weights + 1.0 s and 300 MB; exits with 1 when it is not.

Run: python benchmarks/convert_caffe.py [runs]
The file is made once in ZOO_BENCH (default: the system's temporary folder) with seeded weights. With
ZOO_PYTHON_CAFFE2ONNX naming a Python 3.7 that has caffe2onnx==2.0.1 and protobuf<3.21, the peer runs beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import measure, report

SECONDS_OVER_CP, PEAK_BYTES = 1.0, 300_000_000  # issue 1/8, "Speed and memory"


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("networks.py")), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    graph, weights = made.stdout.split()
    out = folder / "out"
    out.mkdir(exist_ok=True)
    commands = {
        "cp": fresh(out / "copy", ["cp", weights, str(out / "copy")]),
        "zoo convert": fresh(
            out / "zoo.onnx",
            [sys.executable, "-m", "zoo", "convert", graph, weights, "--to", "onnx", "-o", str(out / "zoo.onnx")],
        ),
    }
    peer = os.environ.get("ZOO_PYTHON_CAFFE2ONNX")
    if peer:
        arguments = ["-m", "caffe2onnx.convert", "--prototxt", graph, "--caffemodel", weights, "--onnx"]
        commands["caffe2onnx 2.0.1"] = fresh(out / "peer.onnx", [peer, *arguments, str(out / "peer.onnx")])
    figures = {
        name: measure(argv, runs=runs if "2onnx" not in name else 1, warmup=1) for name, argv in commands.items()
    }
    print(report(figures))
    over, peak = figures["zoo convert"].wall - figures["cp"].wall, figures["zoo convert"].rss_bytes
    print(
        f"zoo convert - cp = {over:.2f} s (limit {SECONDS_OVER_CP}), peak {peak / 1e6:.0f} MB ({PEAK_BYTES / 1e6:.0f})"
    )
    return int(over > SECONDS_OVER_CP or peak > PEAK_BYTES)


def fresh(target: Path, argv: list[str]) -> list[str]:
    """The command with its output removed first: writing over a file costs other time than writing a new one."""
    return ["sh", "-c", 'rm -f "$0" && exec "$@"', str(target), *argv]


if __name__ == "__main__":
    sys.exit(main())
