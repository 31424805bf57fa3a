"""A 528 MB checkpoint from GPU to CPU: at most `cp` + 0.2 s and 60 MB; one of 4.2 GB at most 1.2 x `cp`; else 1.

Run: python benchmarks/relocate.py [runs]
The files are made once in ZOO_BENCH (default: the system's temporary folder). With ZOO_PYTHON_TORCH naming a Python
that has torch, torch.load(map_location) + torch.save runs beside it. Set ZOO_BENCH_LARGE=1 for the 4.2 GB file.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Figures, measure, report

SECONDS_OVER_CP, PEAK_BYTES = 0.2, 60_000_000  # issue 8/8, "How well"
TIMES_CP_LARGE = 1.2
_STORAGES = {"528": (33, 16 << 20), "4200": (33, 128 << 20)}  # MB -> number of storages and bytes of each
_TORCH = "import sys, torch; torch.save(torch.load(sys.argv[1], map_location='cpu', weights_only=True), sys.argv[2])"


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    folder.mkdir(parents=True, exist_ok=True)
    figures = _compare(folder, "528", runs)
    over, peak = figures["zoo relocate"].wall - figures["cp"].wall, figures["zoo relocate"].rss_bytes
    print(f"zoo relocate - cp = {over:.3f} s (limit {SECONDS_OVER_CP}), peak {peak / 1e6:.1f} MB (limit 60)")
    failed = over > SECONDS_OVER_CP or peak > PEAK_BYTES
    if os.environ.get("ZOO_BENCH_LARGE"):
        figures = _compare(folder, "4200", 3)
        times, peak = figures["zoo relocate"].wall / figures["cp"].wall, figures["zoo relocate"].rss_bytes
        print(f"zoo relocate / cp = {times:.2f} (limit {TIMES_CP_LARGE}), peak {peak / 1e6:.1f} MB (limit 60)")
        failed = failed or times > TIMES_CP_LARGE or peak > PEAK_BYTES
    return int(failed)


def _compare(folder: Path, size: str, runs: int) -> dict[str, Figures]:
    source, out = str(_made(folder / f"gpu-{size}.pth", size)), folder / "out.pth"
    commands = {
        "cp": ["cp", source, str(out)],
        "zoo relocate": [sys.executable, "-m", "zoo", "relocate", source, "--to", "cpu", "-o", str(out)],
    }
    peer = os.environ.get("ZOO_PYTHON_TORCH")
    if peer and size == "528":
        commands["torch.load + torch.save"] = [peer, "-c", _TORCH, source, str(out)]
    fresh = {name: ["sh", "-c", 'rm -f "$0" && exec "$@"', str(out), *argv] for name, argv in commands.items()}
    figures = {name: measure(argv, runs=runs) for name, argv in fresh.items()}
    out.unlink()
    print(f"{size} MB")
    print(report(figures))
    return figures


def _made(path: Path, size: str) -> Path:
    """The checkpoint, made by another process: a child that is measured counts this one's memory as its own."""
    if not path.exists():
        subprocess.run([sys.executable, __file__, "--make", str(path), *map(str, _STORAGES[size])], check=True)
    return path


def make(path: Path, count: int, size: int) -> None:
    """Write a checkpoint as torch.save does, all storages on cuda:0; random numbers, the same in each storage."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
    from checkpoints import Entry, Zip, pickled, table, tensor, text

    body = random.Random(0).randbytes(size)
    pairs = [(text(f"layer{index}.weight"), tensor(str(index), text("cuda:0"), size // 4)) for index in range(count)]
    storages = [Entry(f"archive/data/{index}", body) for index in range(count)]
    part = path.with_suffix(".part")
    Zip(part).write([Entry("archive/data.pkl", pickled(table(*pairs))), *storages, Entry("archive/version", b"3\n")])
    part.replace(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        sys.exit()
    sys.exit(main())
