"""Where a GPU is at hand: what it wrote loads on the CPU after relocation, and on the GPU after the way back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from frameworks import framework

from zoo.backends import discovery
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan

pytestmark = [pytest.mark.framework, pytest.mark.gpu]

MAKE = """
import sys, torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).cuda()
torch.save(net.state_dict(), sys.argv[1])
torch.save({name: tensor.cpu() for name, tensor in net.state_dict().items()}, sys.argv[2])
"""
COMPARE = """
import sys, torch
device = sys.argv[3]
one, two = (torch.load(path, weights_only=True) for path in sys.argv[1:3])
assert list(one) == list(two)
assert all(tensor.device.type == device for tensor in one.values())
assert all(torch.equal(one[name].cpu(), two[name].cpu()) for name in one)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of PyTorch; skips where it has no GPU."""
    interpreter = discovery.probe(framework("torch")).interpreter
    assert interpreter is not None
    check = [interpreter, "-c", "import sys, torch; sys.exit(not torch.cuda.is_available())"]
    if subprocess.run(check, check=False, capture_output=True).returncode:
        pytest.skip("no CUDA device here, or a PyTorch without CUDA")
    return interpreter


def test_a_checkpoint_of_a_real_gpu_goes_to_the_cpu_and_back(python, tmp_path):
    made, twin = tmp_path / "gpu.pth", tmp_path / "cpu.pth"
    subprocess.run([python, "-c", MAKE, made, twin], check=True)
    there, back = tmp_path / "there.pth", tmp_path / "back.pth"
    apply(plan(made, Request("cpu")), made, there, durable=False)
    apply(plan(there, Request("cuda:0")), there, back, durable=False)
    subprocess.run([python, "-c", COMPARE, there, twin, "cpu"], check=True)
    subprocess.run([python, "-c", COMPARE, back, made, "cuda"], check=True)
    assert back.read_bytes() == made.read_bytes()
