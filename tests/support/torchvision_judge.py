"""Runs in the torch backend's interpreter: real torchvision makes checkpoints with seeded weights and runs them.

python -I torchvision_judge.py SITE REQUEST.json, where SITE holds torchvision and the request lists
{"name", "seed", "classes", "weights" (path to write), "inputs" (.npy), "outputs" (.npy to write), "legacy"}.
torchvision's wheel looks for compiled operators that the CPU build of torch lacks; no classification network uses
them, so they are declared here, without a true signature, and nothing can call them.
"""

import json
import re
import sys

import numpy as np
import torch


def vision(site: str) -> object:
    sys.path.insert(0, site)
    declared = torch.library.Library("torchvision", "DEF")
    wanted = re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', _registrations(site))
    for name in dict.fromkeys(wanted):
        declared.define(f"{name}(Tensor x) -> Tensor")
    import torchvision

    return torchvision.models, declared


def _registrations(site: str) -> str:
    with open(f"{site}/torchvision/_meta_registrations.py") as source:
        return source.read()


def seeded(models: object, name: str, seed: int, classes: int) -> torch.nn.Module:
    """The model in evaluation mode; its batch statistics are drawn too, so that a mistaken one shows."""
    torch.manual_seed(seed)
    transform = {"transform_input": True, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = getattr(models, name)(num_classes=classes, **transform).eval()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            last = key.rsplit(".", 1)[-1]
            if last == "running_mean":
                tensor.normal_(0, 0.1)
            elif last == "running_var":
                tensor.uniform_(0.5, 1.5)
            elif last in ("weight", "bias") and tensor.ndim == 1:
                tensor.add_(torch.randn_like(tensor) * 0.1)
            elif last == "layer_scale":
                tensor.uniform_(0.1, 0.3)
    return model


def main() -> None:
    torch.set_num_threads(2)
    site, request = sys.argv[1:]
    models, _keep = vision(site)
    for job in json.loads(open(request).read()):
        model = seeded(models, job["name"], job["seed"], job["classes"])
        torch.save(model.state_dict(), job["weights"], _use_new_zipfile_serialization=not job["legacy"])
        with torch.inference_mode():
            result = model(torch.from_numpy(np.load(job["inputs"])))
        np.save(job["outputs"], result.numpy())


main()
