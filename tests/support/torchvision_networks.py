"""Real torchvision (and the packages of the other networks) beside the torch backend, without their own torch.

`python tests/support/torchvision_networks.py` compares every architecture; the suite does one of each family.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from filelock import FileLock
from frameworks import framework

import converters
from converters.pytorch.architectures import architectures
from converters.pytorch.network import Network
from zoo.backends import discovery, environments

PACKAGES = (
    "torchvision==0.28.0", "pillow>=10", "facenet-pytorch==2.6.0", "efficientnet-lite-pytorch==0.1.0",
)  # fmt: skip
"""torchvision 0.28 is the one for torch 2.13, the newest that the torch backend takes."""
JUDGE = Path(__file__).with_name("torchvision_judge.py")
LARGEST = 300  # pixels; larger networks are compared on inputs of 224


def python() -> Path:
    """The torch backend's interpreter."""
    found = discovery.probe(framework("torch")).interpreter
    assert found is not None
    return found


@cache
def site() -> Path:
    """A folder with the packages, made once for all test processes."""
    interpreter = python()
    folder = environments.root() / "torchvision-0.28.0"
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            command = [str(interpreter), "-I", "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
            subprocess.run([*command, *PACKAGES], check=True, capture_output=True, text=True)
            (folder / "complete").touch()
    return folder


def judge(jobs: list[dict[str, object]], folder: Path) -> None:
    """Let the real networks make their weights (or load given ones) and run."""
    request = folder / "request.json"
    request.write_text(json.dumps(jobs))
    command = [str(python()), "-I", str(JUDGE), str(site()), str(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]


def size(name: str) -> int:
    """The pixels of a side that the comparison uses."""
    network = Network({})
    architectures()[name].build(network)
    (shape,) = network.inputs.values()
    declared = shape[2]
    return declared if isinstance(declared, int) and declared <= LARGEST else 224


def job(name: str, number: int, folder: Path, side: int | None = None) -> dict[str, object]:
    """Seeded weights in the container that the number says, and an input of batch 2."""
    rng = np.random.default_rng(number)
    inputs = folder / f"{name}.x.npy"
    side = side or size(name)
    np.save(inputs, rng.standard_normal((2, 3, side, side)).astype(np.float32))
    return {
        "name": name, "seed": number, "classes": 1000 if number % 2 else 37, "legacy": number % 3 == 0,
        "weights": str(folder / f"{name}.pth"), "inputs": str(inputs), "outputs": str(folder / f"{name}.y.npy"),
    }  # fmt: skip


def convert(made: dict[str, object], out: Path) -> str:
    """Convert what the judge saved; returns the architecture that was recognised."""
    side = np.load(str(made["inputs"]), mmap_mode="r").shape[-1]
    options = converters.Options(inputs={"x": ("N", 3, side, side)})
    report = converters.convert([Path(str(made["weights"]))], "onnx", out, options=options)
    return report.notes[0].removeprefix("the architecture is ").removesuffix(", by its tensors")


def difference(mine: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference over the largest value."""
    assert mine.shape == theirs.shape
    return float(np.max(np.abs(mine - theirs)) / np.max(np.abs(theirs)))


def main() -> None:
    from zoo.backends import host

    names = sys.argv[1:] or [name for name, card in architectures().items() if card.implied and name in _torchvision()]
    for number, name in enumerate(names):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            made = job(name, number, folder)
            judge([made], folder)
            known = convert(made, folder / "o.onnx")
            fed = {"x": np.load(str(made["inputs"]))}
            card = discovery.find("onnxruntime")
            reply = host.run(card, "onnx", {"model": folder / "o.onnx"}, fed, timeout=300)
            assert isinstance(reply, host.Reply), reply
            far = difference(reply.outputs["logits"], np.load(str(made["outputs"])))
            print(f"{name:24} recognised as {known:24} {far:.1e}{'' if far < 1e-5 else '  <-- differs'}", flush=True)  # noqa: T201 - a script's result


def _torchvision() -> set[str]:
    source = site() / "torchvision" / "models"
    text = "".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
    return {name for name in architectures() if f"def {name}(" in text}


if __name__ == "__main__":
    main()
