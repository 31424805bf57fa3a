"""PyTorch, on the CPU: TorchScript archives, and those only when their code is trusted."""

import zipfile

NAME = "torch"
READS = ["torch"]
NEEDS = ["torch"]
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10"],
    "requirements": ["torch>=2.6,<2.14", "numpy>=1.26"],
}
OPTIONS = {"trust": False}


def load(kind: str, files: dict, options: dict) -> object:
    """Open a TorchScript archive in evaluation mode."""
    path = next(iter(files.values()))
    if not _is_torchscript(path):
        raise ValueError(
            "a state_dict holds weights, not a graph: nothing in it says how to run them; "
            "export the model to ONNX or TorchScript where its code is"
        )
    if not options["trust"]:
        raise ValueError("a TorchScript archive holds code that would run here: say --trust when you trust its author")
    import torch

    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    return torch.jit.load(path, map_location="cpu").eval()


def inputs(module: object) -> list:
    """Names of the arguments of forward() that have no default; the first argument is the module itself."""
    return [argument.name for argument in module.forward.schema.arguments[1:] if not argument.has_default_value()]


def run(module: object, fed: dict, outputs: list) -> dict:
    """Run forward without gradients; results are named `output`, `output_0` ... or by the keys of a dict."""
    import numpy as np
    import torch

    with torch.inference_mode():
        result = module(**{name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in fed.items()})
    named = {name: tensor.numpy() for name, tensor in _tensors(result).items()}
    unknown = [name for name in outputs or () if name not in named]
    if unknown:
        raise ValueError(f"no output named {', '.join(unknown)}; the module gives {', '.join(named)}")
    return named if outputs is None else {name: named[name] for name in outputs}


def versions() -> dict:
    """PyTorch's version and numpy's."""
    import numpy as np
    import torch

    return {"torch": torch.__version__, "numpy": np.__version__}


def _tensors(result: object) -> dict:
    if isinstance(result, dict):
        return {str(name): tensor for name, tensor in result.items()}
    if isinstance(result, (list, tuple)):
        return {f"output_{index}": tensor for index, tensor in enumerate(result)}
    return {"output": result}


def _is_torchscript(path: str) -> bool:
    """A zip archive with a `code/` folder; a plain checkpoint has none."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())
