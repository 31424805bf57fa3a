"""Runs in the torch backend's interpreter: layers of real PyTorch, and checkpoints that real PyTorch writes.

python -I torch_layers.py FOLDER: FOLDER/request.json lists {"kind", "attrs", "label", "inputs", "weights", "outputs"},
arrays are FOLDER/<label>.npz in, FOLDER/<label>.out.npz out. The checkpoints go to FOLDER as <name>.pth beside
truth.npz, the state_dict of all of them.
"""

import argparse
import ast
import collections
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

FUNCTIONS = {
    "cat": lambda inputs, _, dim: torch.cat(inputs, dim),
    "chunk": lambda inputs, _, chunks, dim: torch.chunk(inputs[0], chunks, dim),
    "add": lambda inputs, _: inputs[0] + inputs[1],
    "mul": lambda inputs, _: inputs[0] * inputs[1],
    "Permute": lambda inputs, _, dims: inputs[0].permute(dims),
    "Rows": lambda inputs, _, width: inputs[0].reshape(inputs[0].shape[0], -1, width),
    "LayerScale": lambda inputs, weights: inputs[0] * weights[0],
    "TransformInput": lambda inputs, _, factors, shifts: torch.cat(
        [inputs[0][:, n : n + 1] * factors[n] + shifts[n] for n in range(3)], 1
    ),
}


def arguments(text):
    call = ast.parse(f"f({text})", mode="eval").body
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def run(job, folder):
    given = np.load(folder / f"{job['label']}.npz")
    inputs = [torch.from_numpy(given[f"in{n}"]) for n in range(job["inputs"])]
    weights = [torch.from_numpy(given[f"w{n}"]) for n in range(job["weights"])]
    attrs = arguments(job["attrs"])
    if job["kind"] in FUNCTIONS:
        result = FUNCTIONS[job["kind"]](inputs, weights, **attrs)
    else:
        module = getattr(nn, job["kind"])(**attrs).eval()
        names = [name for name in module.state_dict() if name != "num_batches_tracked"]
        module.load_state_dict(dict(zip(names, weights, strict=True)), strict=False)
        result = module(*inputs)
    results = [result] if isinstance(result, torch.Tensor) else list(result)
    arrays = {f"out{n}": tensor.numpy() for n, tensor in enumerate(results)}
    np.savez(folder / f"{job['label']}.out.npz", **arrays)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, (3, 2), bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)
        self.tied = nn.Linear(4, 2)
        self.tied.weight = self.fc.weight

    def forward(self, x):
        x = self.norm(self.conv(x)).mean([2, 3])
        return self.fc(x) + self.tied(x)


def checkpoints(folder):
    torch.manual_seed(0)
    net = Net().eval()
    state = net.state_dict()
    np.savez(folder / "truth.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.ones(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    net.load_state_dict(state)
    whole = {
        "epoch": 3,
        "best": np.float64(0.5),
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1),
    }
    # the step above moved the weights that `state` shares: what is saved is what they are now
    np.savez(folder / "truth.npz", **{name: tensor.numpy() for name, tensor in state.items()})

    def save(value, name, **options):
        torch.save(value, folder / name, **options)

    save(state, "zip.pth")
    save(state, "legacy.pth", _use_new_zipfile_serialization=False)
    save(whole, "whole.pth")
    save(whole, "whole_legacy.pth", _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        save(state, f"protocol{protocol}.pth", pickle_protocol=protocol)
    save(collections.OrderedDict((f"module.{name}", tensor) for name, tensor in state.items()), "module.pth")
    save({"model": dict(net.named_parameters())}, "parameters.pth")
    torch.jit.script(net).save(folder / "script.pth")
    typed = {
        "bfloat16": torch.arange(6.0).bfloat16(),
        "half": torch.arange(6.0).half(),
        "double": torch.arange(6.0).double(),
        "complex": torch.arange(6.0).to(torch.complex64),
        "bool": torch.tensor([True, False]),
        "uint16": torch.arange(6).to(torch.uint16),
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "spread": torch.arange(3.0).expand(4, 3),
        "part": torch.arange(9.0)[2:8:2],
        "float8": torch.arange(6.0).to(torch.float8_e4m3fn),
        "quantised": torch.quantize_per_tensor(torch.arange(4.0), 0.5, 1, torch.quint8),
    }
    save(typed, "typed.pth")
    save(
        {name: tensor for name, tensor in typed.items() if name not in ("uint16", "float8")},
        "typed_legacy.pth",
        _use_new_zipfile_serialization=False,
    )
    save(net, "module_object.pth")


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(2)
    torch.manual_seed(0)
    with (folder / "request.json").open() as request:
        jobs = json.load(request)
    with torch.no_grad():
        for job in jobs:
            run(job, folder)
    checkpoints(folder)


main()
