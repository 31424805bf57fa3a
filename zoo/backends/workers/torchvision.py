"""torchvision: files of weights in the networks that they were trained in, loaded by PyTorch itself."""

import importlib.metadata
import importlib.util
import re
from pathlib import Path

NAME = "torchvision"
READS = ["torch"]
NEEDS = ["torch"]  # torchvision itself is imported by _vision, which knows what it may lack
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10"],
    "requirements": ["torch>=2.6,<2.14", "torchvision>=0.21,<0.29", "numpy>=1.26", "safetensors>=0.4"],
}
OPTIONS = {"arch": "", "dtype": "float32", "device": "cpu"}  # zoo fills in the architecture that it recognised
DEVICES = {"cuda": {"device": "cuda"}}
VARIANTS = {"float64": {"dtype": "float64"}}
INPUT, OUTPUT = "x", "logits"  # the names that zoo's own builders give to what torchvision leaves unnamed

_NESTS = ("state_dict", "model", "model_state_dict", "ema", "net")
_DECLARED = []  # libraries of operators: what they declare goes when they do
_RENAMED = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")  # torchvision's densenet.py, of old files


def load(kind: str, files: dict, options: dict) -> object:
    """Build the network of that name, fill it with the weights of the file, strictly, and set it to evaluation."""
    if options["dtype"] not in ("float32", "float64"):
        raise ValueError(f"dtype is {options['dtype']}, expected float32 or float64")
    import torch

    models = _vision().models
    name = options["arch"]
    if name not in models.list_models(module=models):
        raise ValueError(f"torchvision has no classification network named {name!r}")
    if options["device"] != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"PyTorch has no device {options['device']} here")
    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    module = _filled(models, name, _state(next(iter(files.values()))))
    dtype = getattr(torch, options["dtype"])
    _round(module)
    return {"module": module.to(device=options["device"], dtype=dtype), "dtype": dtype, "device": options["device"]}


def inputs(handle: object) -> list:
    """The one input."""
    return [INPUT]


def run(handle: object, fed: dict, outputs: list) -> dict:
    """Run forward without gradients."""
    import numpy as np
    import torch

    unknown = [name for name in outputs or () if name != OUTPUT]
    if unknown:
        raise ValueError(f"no output named {', '.join(unknown)}; the network gives {OUTPUT}")
    tensor = torch.from_numpy(np.ascontiguousarray(fed[INPUT])).to(device=handle["device"], dtype=handle["dtype"])
    with torch.inference_mode():
        return {OUTPUT: handle["module"](tensor).cpu().numpy()}


def versions() -> dict:
    """Of torchvision, PyTorch and numpy."""
    import numpy as np
    import torch

    vision = importlib.metadata.version("torchvision")
    return {"torchvision": vision, "torch": torch.__version__, "numpy": np.__version__}


def probe() -> None:
    """Import everything that a run needs."""
    _vision()


def _vision() -> object:
    """The package; where its compiled operators do not fit this build of PyTorch they are declared without a body.

    No classification network uses them, but importing the package demands that they exist. Nothing can call them then.
    """
    import torch

    folder = Path(importlib.util.find_spec("torchvision").origin).parent
    try:
        torch.ops.load_library(str(next(folder.glob("_C.*"))))
    except (OSError, StopIteration):
        if not _DECLARED:
            _declare(torch.library.Library("torchvision", "DEF"), folder)
    import torchvision

    return torchvision


def _declare(library: object, folder: Path) -> None:
    text = (folder / "_meta_registrations.py").read_text(encoding="utf-8")
    for name in dict.fromkeys(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', text)):
        library.define(f"{name}(Tensor x) -> Tensor")
    _DECLARED.append(library)


def _round(module: object) -> None:
    """Constants such as a BatchNorm's eps as a float32 network adds them, so that float64 differs by rounding alone."""
    import numpy as np

    for part in module.modules():
        if isinstance(getattr(part, "eps", None), float):
            part.eps = float(np.float32(part.eps))


def _state(path: str) -> dict:
    """Names -> tensors, read by PyTorch's own safe loader or by the safetensors package."""
    import torch

    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(state, dict) and not any(isinstance(value, torch.Tensor) for value in state.values()):
        inner = next((state[name] for name in _NESTS if isinstance(state.get(name), dict)), None)
        if inner is None:
            raise ValueError(f"no state_dict among {', '.join(map(str, state))}")
        state = inner
    if not isinstance(state, dict):
        raise ValueError(f"this file holds a {type(state).__name__}, not a state_dict")  # noqa: TRY004 - a refusal (docs/backends.md)
    return state


def _filled(models: object, name: str, state: dict) -> object:
    """The network with as many classes as the file has, with every tensor of the file in its place."""
    state = {_RENAMED.sub(r"\1\2", key): tensor for key, tensor in state.items()}
    while len({key.partition(".")[0] for key in state}) == 1:  # what wrappers such as DataParallel put before all
        state = {key.partition(".")[2]: tensor for key, tensor in state.items()}
    extra = {}
    if name in ("googlenet", "inception_v3"):  # as torchvision itself builds them for its published weights
        aux = any(key.startswith(("aux", "AuxLogits")) for key in state)
        extra = {"transform_input": True, "init_weights": False, "aux_logits": aux}
    matrices = [key for key, tensor in models.get_model(name, **extra).state_dict().items() if tensor.ndim > 1]
    head = matrices[-1]
    if head not in state:
        raise ValueError(f"the file has no {head}, the last layer of {name}")
    module = models.get_model(name, num_classes=len(state[head]), **extra).eval()
    try:
        module.load_state_dict(state)
    except RuntimeError as fault:
        raise ValueError(str(fault)) from None
    return module
