"""ResNet-50 and VGG-16 beside the peers, in one run: .pth -> ONNX and ONNX -> PyTorch, time and peak memory as ratios.

python benchmarks/torch_side_by_side.py PEERS SITE [runs]

PEERS is a Python with torch 2.13, onnx, onnxscript, onnx2torch 1.5.15 and onnx2pytorch 0.6.0 (pip install --no-deps
for the last two); SITE a folder with torchvision 0.28 and its pillow (pip install --no-deps --target). The files are
those of convert_torch.py, made when missing. Bars (issue 6/8, "Speed"): 5 times faster and a third of the memory of
torch.onnx.export, twice as fast and half the memory of onnx2torch and onnx2pytorch.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from convert_torch import fresh, made
from measure import measure_in_turn, report

_VISION = """
import re, sys
from pathlib import Path
import torch
site = sys.argv[1]
sys.path.insert(0, site)
keep = torch.library.Library("torchvision", "DEF")
text = Path(site, "torchvision", "_meta_registrations.py").read_text()
for name in dict.fromkeys(re.findall(r'register_(?:meta|fake)\\("(?:torchvision::)?(\\w+)"', text)):
    keep.define(f"{name}(Tensor x) -> Tensor")
"""
"""torchvision's wheel beside the CPU build of torch: operators that no classification network uses are declared."""
_EXPORT = (
    _VISION
    + """
import torchvision
net = getattr(torchvision.models, sys.argv[2])()
net.load_state_dict(torch.load(sys.argv[3], weights_only=True, map_location="cpu"))
torch.onnx.export(net.eval(), (torch.zeros(1, 3, 224, 224),), sys.argv[4], dynamo=sys.argv[5] == "dynamo")
"""
)
_ONNX2TORCH = _VISION + "import onnx2torch\nonnx2torch.convert(sys.argv[2])\n"
_ONNX2PYTORCH = _VISION + "import onnx, onnx2pytorch\nonnx2pytorch.ConvertModel(onnx.load(sys.argv[2]))\n"
_READ_BARS, _WRITE_BARS = (5.0, 3.0), (2.0, 2.0)


def main() -> int:
    peers, site = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    return max([both(name, folder, [peers, "-W", "ignore", "-c"], site, runs) for name in ("resnet50", "vgg16")])


def both(name: str, folder: Path, peer: list[str], site: str, runs: int) -> int:
    """The two directions of one network; 1 when a bar is missed."""
    weights, out = made(folder / f"{name}.pth"), folder / "out"
    out.mkdir(exist_ok=True)
    onnx, theirs, written = out / f"{name}.pth.onnx", out / "theirs.onnx", out / "written"
    zoo = [sys.executable, "-m", "zoo", "convert"]
    read = {
        f"zoo {name}.pth -> ONNX": fresh(onnx, [*zoo, str(weights), "--to", "onnx", "-o", str(onnx)]),
        "torch.onnx.export": [*peer, _EXPORT, site, name, str(weights), str(theirs), "dynamo"],
        "torch.onnx.export, legacy": [*peer, _EXPORT, site, name, str(weights), str(theirs), "script"],
    }
    missed = compare(read, runs, *_READ_BARS)
    write = {
        f"zoo {name}.onnx -> torch": [*zoo, str(onnx), "--to", "torch", "-o", str(written)],
        "onnx2torch": [*peer, _ONNX2TORCH, site, str(onnx)],
        "onnx2pytorch": [*peer, _ONNX2PYTORCH, site, str(onnx)],
    }
    return max(missed, compare(write, runs, *_WRITE_BARS))


def compare(commands: dict[str, list[str]], runs: int, faster: float, leaner: float) -> int:
    """The first command beside the others; 1 when it is not so many times faster and leaner than each."""
    figures = measure_in_turn(commands, runs, before=os.sync)  # nobody pays for what another one wrote
    print(report(figures))
    ours, *others = figures.items()
    missed = 0
    for title, taken in others:
        time, memory = taken.wall / ours[1].wall, taken.rss_bytes / ours[1].rss_bytes
        print(f"{title}: {time:.1f} x the time (bar {faster:g}), {memory:.1f} x the memory (bar {leaner:g})")
        missed |= time < faster or memory < leaner
    print()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
