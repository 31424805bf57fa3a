"""Torch7: VGG-16 (553 MB) to ONNX in at most `cp` + 1.0 s and 300 MB; a 1.1 GB file listed in 0.5 s and 100 MB.

Run: python benchmarks/convert_torch7.py [runs]; exits with 1 when a limit is passed. The files are made once in
ZOO_BENCH (default: the system's temporary folder). With ZOO_PYTHON_TORCHFILE naming a Python that has torchfile==0.1.0,
that reader, which converts nothing, runs beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Figures, measure, report

SECONDS_OVER_CP, PEAK_BYTES = 1.0, 300_000_000  # issue 1/8, "Speed and memory"
LIST_SECONDS, LIST_BYTES = 0.5, 100_000_000  # issue 4/8


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("torch7_files.py")), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    model, training = made.stdout.split()
    out = folder / "out"
    out.mkdir(exist_ok=True)
    zoo = [sys.executable, "-m", "zoo"]
    converting = [*zoo, "convert", model, "--to", "onnx", "--input", "1,3,224,224", "-o", str(out / "zoo.onnx")]
    commands = {
        "cp": fresh(out / "copy", ["cp", model, str(out / "copy")]),
        "zoo convert": fresh(out / "zoo.onnx", converting),
        "zoo inspect (1.1 GB)": [*zoo, "inspect", training],
    }
    peer = os.environ.get("ZOO_PYTHON_TORCHFILE")
    if peer:
        commands["torchfile (1.1 GB)"] = [peer, "-c", f"import torchfile; torchfile.load({training!r})"]
    figures = {name: measure(argv, runs=runs, warmup=1) for name, argv in commands.items()}
    print(report(figures))
    return int(over(figures))


def over(figures: dict[str, Figures]) -> bool:
    """Whether a limit is passed; prints both sides."""
    convert, listing = figures["zoo convert"], figures["zoo inspect (1.1 GB)"]
    seconds = convert.wall - figures["cp"].wall
    print(f"zoo convert - cp = {seconds:.2f} s (limit {SECONDS_OVER_CP}), peak {convert.rss_bytes / 1e6:.0f} MB")
    print(f"zoo inspect = {listing.wall:.2f} s (limit {LIST_SECONDS}), peak {listing.rss_bytes / 1e6:.0f} MB")
    return (
        seconds > SECONDS_OVER_CP
        or convert.rss_bytes > PEAK_BYTES
        or listing.wall > LIST_SECONDS
        or listing.rss_bytes > LIST_BYTES
    )


def fresh(target: Path, argv: list[str]) -> list[str]:
    """The command with its output removed first: writing over a file costs other time than writing a new one."""
    return ["sh", "-c", 'rm -f "$0" && exec "$@"', str(target), *argv]


if __name__ == "__main__":
    sys.exit(main())
