"""VGG-16 (553 MB) from MXNet to ONNX: at most `cp` of the weights + 1.0 s and 300 MB; exits with 1 when it is not.

Run: python benchmarks/convert_mxnet.py [runs]
The files are made once in ZOO_BENCH (default: the system's temporary folder) with seeded weights. With
ZOO_PYTHON_MXNET_ONNX naming a Python that has mxnet==1.9.1, numpy<1.24, onnx<1.13 and protobuf<3.21, MXNet's own
exporter (mx.onnx.export_model) runs beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from convert_caffe import PEAK_BYTES, SECONDS_OVER_CP, fresh
from measure import measure, report

_PEER = (
    "import sys, mxnet as mx, numpy as np; prefix, out = sys.argv[1:]; "
    "mx.onnx.export_model(prefix + '-symbol.json', prefix + '-0000.params', [(1, 3, 224, 224)], np.float32, out)"
)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    maker = [sys.executable, str(Path(__file__).with_name("networks_mxnet.py")), str(folder)]
    prefix = subprocess.run(maker, check=True, capture_output=True, text=True).stdout.strip()
    out = folder / "out"
    out.mkdir(exist_ok=True)
    convert = [sys.executable, "-m", "zoo", "convert", str(prefix), "--to", "onnx", "--input", "data:1,3,224,224", "-o"]
    commands = {
        "cp": fresh(out / "copy", ["cp", f"{prefix}-0000.params"]),
        "zoo convert": fresh(out / "zoo.onnx", convert),
    }
    peer = os.environ.get("ZOO_PYTHON_MXNET_ONNX")
    if peer:
        commands["mx.onnx 1.9.1"] = fresh(out / "peer.onnx", [peer, "-c", _PEER, str(prefix)])
    figures = {name: measure(argv, runs=1 if "mx" in name else runs, warmup=1) for name, argv in commands.items()}
    print(report(figures))
    over, peak = figures["zoo convert"].wall - figures["cp"].wall, figures["zoo convert"].rss_bytes
    print(
        f"zoo convert - cp = {over:.2f} s (limit {SECONDS_OVER_CP}), peak {peak / 1e6:.0f} MB ({PEAK_BYTES / 1e6:.0f})"
    )
    return int(over > SECONDS_OVER_CP or peak > PEAK_BYTES)


if __name__ == "__main__":
    sys.exit(main())
