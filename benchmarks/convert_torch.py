"""VGG-16 (553 MB; .pth and .safetensors) and ResNet-50 to ONNX: at most `cp` of the weights + 1.0 s and 300 MB.

Exits with 1 if not; on a machine that does other work the figures mean nothing.

Run: python benchmarks/convert_torch.py [runs]
The files are made once in ZOO_BENCH (default: the system's temporary folder) with seeded weights, by the encoder of
the tests: no PyTorch is needed. A benchmark imports nothing large itself (measure.py), so a child makes them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import measure_in_turn, report

SECONDS_OVER_CP, PEAK_BYTES = 1.0, 300_000_000  # issue 5/8, "Speed"
FILES = ("resnet50.pth", "vgg16.pth", "vgg16.safetensors")
MAKE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from torch_files import Pool, state, weights, write_safetensors, write_zip
path, pool, made = Path(sys.argv[1]), Pool(), weights(Path(sys.argv[1]).stem)
part = path.with_suffix(".part")
if path.suffix == ".safetensors":
    write_safetensors(part, made).replace(path)
else:
    write_zip(part, state(made, pool), pool).replace(path)
"""


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    return max([compare(folder / name, out, runs) for name in FILES])


def compare(weights: Path, out: Path, runs: int) -> int:
    """Measure one file beside `cp`; 1 when a bar is missed."""
    made(weights)
    target = out / f"{weights.name}.onnx"
    copy = out / "copy"
    commands = {
        f"cp {weights.name}": fresh(copy, ["cp", str(weights), str(copy)]),
        f"zoo convert {weights.name}": fresh(
            target, [sys.executable, "-m", "zoo", "convert", str(weights), "--to", "onnx", "-o", str(target)]
        ),
    }
    figures = measure_in_turn(commands, runs, before=os.sync)  # nobody pays for what another one wrote
    print(report(figures))
    copied, converted = figures.values()
    over, peak = converted.wall - copied.wall, converted.rss_bytes
    print(f"convert - cp = {over:.2f} s (limit {SECONDS_OVER_CP}), peak {peak / 1e6:.0f} MB ({PEAK_BYTES / 1e6:.0f})")
    return int(over > SECONDS_OVER_CP or peak > PEAK_BYTES)


def made(path: Path) -> Path:
    """The file of weights, made when it is missing."""
    if not path.exists():
        support = Path(__file__).resolve().parents[1] / "tests" / "support"
        subprocess.run([sys.executable, "-c", MAKE, str(path), str(support)], check=True)
    return path


def fresh(target: Path, argv: list[str]) -> list[str]:
    """The command with its output removed first: writing over a file costs other time than writing a new one."""
    return ["sh", "-c", 'rm -f "$0" && exec "$@"', str(target), *argv]


if __name__ == "__main__":
    sys.exit(main())
