"""Runs in the torch backend's interpreter: the real networks make checkpoints with seeded weights and run them.

python -I torchvision_judge.py SITE REQUEST.json, where SITE holds torchvision and the request lists
{"name", "seed", "classes", "weights" (path to write), "inputs" (.npy), "outputs" (.npy to write), "legacy"}, or, for
networks outside of torchvision, {"name", "weights" (path to load), "inputs", "outputs" (.npz to write)}.
torchvision's wheel looks for compiled operators that the CPU build of torch lacks; no classification network uses
them, so they are declared here, without a true signature, and nothing can call them.
"""

import json
import re
import sys
from pathlib import Path

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
    return Path(site, "torchvision", "_meta_registrations.py").read_text()


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


def mtcnn(site: str, name: str) -> torch.nn.Module:
    """One of facenet-pytorch's three networks; the file's other half needs image libraries and is left out."""
    source = Path(site, "facenet_pytorch", "models", "mtcnn.py").read_text()
    networks = source.partition("class MTCNN")[0].replace("from .utils.detect_face", "# ")
    found = {}
    exec(networks, found)
    return found[{"pnet": "PNet", "rnet": "RNet", "onet": "ONet"}[name]](pretrained=False)


def lite(site: str) -> torch.nn.Module:
    sys.path.insert(0, site)
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")


def given(site: str, job: dict) -> None:
    """Run published weights."""
    name = job["name"].partition("-")[2]
    model = lite(site) if name == "lite0" else mtcnn(site, name)
    model.load_state_dict(torch.load(job["weights"], weights_only=True))
    with torch.inference_mode():
        result = model.eval()(torch.from_numpy(np.load(job["inputs"])))
    results = [result] if isinstance(result, torch.Tensor) else result
    np.savez(job["outputs"], **{f"out{number}": tensor.numpy() for number, tensor in enumerate(results)})


def drawn(models: object, job: dict) -> None:
    model = seeded(models, job["name"], job["seed"], job["classes"])
    torch.save(model.state_dict(), job["weights"], _use_new_zipfile_serialization=not job["legacy"])
    with torch.inference_mode():
        result = model(torch.from_numpy(np.load(job["inputs"])))
    np.save(job["outputs"], result.numpy())


def main() -> None:
    torch.set_num_threads(2)
    site, request = sys.argv[1:]
    jobs = json.loads(Path(request).read_text())
    models, _keep = vision(site) if any("seed" in job for job in jobs) else (None, None)
    for job in jobs:
        if "seed" in job:
            drawn(models, job)
        else:
            given(site, job)


main()
