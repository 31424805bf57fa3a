"""Runs in the torch backend's interpreter: python -I torch_graphs.py FOLDER writes graph files and what they compute.

Beside FILE lie FILE.in.npz and FILE.out.npz. Kernels, pads and inputs are not square.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

SOURCE = '''
import torch
from torch import nn


class Net(nn.Module):
    """Convolution, batch normalisation with statistics of its own, pooling, a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(1, 2), bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d((2, 3), ceil_mode=True)
        self.fc = nn.Linear(8, 5)

    def forward(self, data):
        x = self.pool(torch.relu(self.bn1(self.conv1(data))))
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)).softmax(1)


class Pair(nn.Module):
    """Two inputs, a dict of results."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, left, right):
        return {"total": self.fc(left) + self.fc(right), "right": torch.tanh(right)}


class Both(nn.Module):
    """Two inputs, a tuple of results."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, left, right):
        return self.fc(left) + self.fc(right), torch.tanh(right)


class Single(nn.Module):
    """Reshapes to a batch of one: no other batch is possible."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 5)

    def forward(self, data):
        return self.fc(data.reshape(1, 12))


def drawn():
    torch.manual_seed(3)
    net = Net()
    net.bn1.running_mean.uniform_(-1, 1)
    net.bn1.running_var.uniform_(0.5, 1.5)
    return net.eval()
'''


def main(folder: Path) -> None:
    package = folder / "mynets"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text(SOURCE)
    sys.path.insert(0, str(folder))
    from mynets import small

    net = small.drawn()
    x = torch.randn(2, 3, 11, 14)
    keep(
        folder,
        "net.pth",
        net,
        {"data": x},
        lambda path: torch.save({"state_dict": nn.DataParallel(net).state_dict()}, path),
    )
    torch.save(
        {f"{key}.old" if key == "fc.bias" else key: one for key, one in net.state_dict().items()}, folder / "old.pth"
    )
    keep(folder, "script.pt", net, {"data": x}, lambda path: torch.jit.save(torch.jit.script(net), path))
    keep(folder, "trace.pt", net, {"data": x}, lambda path: torch.jit.save(torch.jit.trace(net, x), path))
    batch = {0: torch.export.Dim("batch")}
    free = torch.export.export(net, (x,), dynamic_shapes={"data": batch})
    keep(folder, "free.pt2", net, {"data": x}, lambda path: torch.export.save(free, path))
    keep(folder, "fixed.pt2", net, {"data": x}, lambda path: torch.export.save(torch.export.export(net, (x,)), path))
    pair, pairs = small.Pair().eval(), {"left": torch.randn(3, 4), "right": torch.randn(3, 4)}
    named = torch.export.export(pair, (), pairs, dynamic_shapes=dict.fromkeys(pairs, batch))
    keep(folder, "pair.pt2", pair, pairs, lambda path: torch.export.save(named, path))
    both = small.Both().eval()
    keep(folder, "both.pt", both, pairs, lambda path: torch.jit.save(torch.jit.script(both), path))
    torch.jit.save(torch.jit.script(pair), str(folder / "dict.pt"))
    single, one = small.Single().eval(), torch.randn(1, 3, 4)
    keep(folder, "single.pt", single, {"data": one}, lambda path: torch.jit.save(torch.jit.trace(single, one), path))


def keep(folder: Path, name: str, module: nn.Module, fed: dict, save: object) -> None:
    with torch.no_grad():
        result = module(**fed)
    several = {f"output_{index}": tensor for index, tensor in enumerate(result)} if isinstance(result, tuple) else None
    results = several or (result if isinstance(result, dict) else {"output": result})
    results = {f"output_{key}" if key in fed else key: tensor for key, tensor in results.items()}
    np.savez(folder / f"{name}.in.npz", **{key: tensor.numpy() for key, tensor in fed.items()})
    np.savez(folder / f"{name}.out.npz", **{key: tensor.numpy() for key, tensor in results.items()})
    save(str(folder / name))


main(Path(sys.argv[1]))
