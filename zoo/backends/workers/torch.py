"""PyTorch: ONNX networks through the modules that zoo writes; graph files when their code is trusted."""

import importlib.util
import zipfile

NAME = "torch"
READS = ["torch", "onnx"]
VIA = {"onnx": "torch"}  # zoo writes model.py and model.safetensors first; this worker runs those
NEEDS = ["torch"]
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10"],
    "requirements": ["torch>=2.6,<2.14", "numpy>=1.26", "onnx>=1.18", "onnxscript>=0.5"],  # the last two: _exporter.py
}
OPTIONS = {"trust": False, "dtype": "float32", "device": "cpu"}
DEVICES = {"cuda": {"device": "cuda"}}
VARIANTS = {"float64": {"dtype": "float64"}}


def load(kind: str, files: dict, options: dict) -> object:
    """Open a module that zoo wrote, a TorchScript archive, or an ExportedProgram, in evaluation mode."""
    if options["dtype"] not in ("float32", "float64"):
        raise ValueError(f"dtype is {options['dtype']}, expected float32 or float64")
    if "code" not in files:
        _demand_trust(next(iter(files.values())), options)
    import torch

    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if options["device"] != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"PyTorch has no device {options['device']} here")
    if "code" in files:
        loaded = _written(files, options)
    else:
        path = next(iter(files.values()))
        loaded = _archive(files, options) if _is_torchscript(path) else _program(path, options)
    loaded["device"] = options["device"]
    return loaded


def inputs(handle: object) -> list:
    """Names of the inputs: as the written module states them, or the arguments of forward() without a default."""
    return handle["inputs"]


def run(handle: object, fed: dict, outputs: list) -> dict:
    """Run forward without gradients."""
    import numpy as np
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in fed.items()}
    if handle["double"]:
        tensors = {name: one.double() if one.dtype == torch.float32 else one for name, one in tensors.items()}
    tensors = {name: one.to(handle["device"]) for name, one in tensors.items()}
    with torch.inference_mode():
        if handle["outputs"] is None:
            result = _tensors(handle["module"](**tensors))
        else:
            result = handle["module"](*[tensors[name] for name in handle["inputs"]])
            several = isinstance(result, tuple) and len(handle["outputs"]) > 1
            result = dict(zip(handle["outputs"], result if several else [result]))
    unknown = [name for name in outputs or () if name not in result]
    if unknown:
        raise ValueError(f"no output named {', '.join(unknown)}; the module gives {', '.join(result)}")
    return {name: result[name].cpu().numpy() for name in outputs or result}


def versions() -> dict:
    """PyTorch's version and numpy's."""
    import numpy as np
    import torch

    return {"torch": torch.__version__, "numpy": np.__version__}


def _written(files: dict, options: dict) -> dict:
    """The module of a model.py that zoo wrote, with its weights."""
    spec = importlib.util.spec_from_file_location("written_model", files["code"])
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    double = options["dtype"] == "float64"
    module = source.load(files["weights"])
    _round(module)
    module = (module.double() if double else module).to(options["device"])
    return {"module": module, "inputs": list(source.INPUTS), "outputs": list(source.OUTPUTS), "double": double}


def _round(module: object) -> None:
    """Constants such as a BatchNorm's eps as a float32 network adds them, so that float64 differs by rounding alone."""
    import numpy as np

    for part in module.modules():
        if isinstance(getattr(part, "eps", None), float):
            part.eps = float(np.float32(part.eps))


def _archive(files: dict, options: dict) -> dict:
    """A TorchScript archive; its results are named `output`, `output_0` ... or by the keys of a dict."""
    import torch

    double = options["dtype"] == "float64"
    module = torch.jit.load(next(iter(files.values())), map_location="cpu").eval()
    module = (module.double() if double else module).to(options["device"])
    arguments = module.forward.schema.arguments[1:]
    names = [argument.name for argument in arguments if not argument.has_default_value()]
    return {"module": module, "inputs": names, "outputs": None, "double": double}


def _program(path: str, options: dict) -> dict:
    """An ExportedProgram; its results are named as those of a TorchScript archive."""
    import torch

    if options["dtype"] != "float32" or options["device"] != "cpu":
        raise ValueError("an ExportedProgram computes in the types and on the device that it was exported with")
    program = torch.export.load(path)
    names = list(program.graph_signature.user_inputs)
    module, keywords = program.module(), list(program.example_inputs[1]) if program.example_inputs else []

    def call(**fed: object) -> object:
        values, count = [fed[name] for name in names], len(names) - len(keywords)
        return module(*values[:count], **dict(zip(keywords, values[count:])))

    return {"module": call, "inputs": names, "outputs": None, "double": False}


def _demand_trust(path: str, options: dict) -> None:
    """Refuses what is no network, and code that nobody trusts, before torch is imported."""
    if not _is_torchscript(path) and not _is_program(path):
        raise ValueError(
            "a state_dict holds weights, not a graph: nothing in it says how to run them; "
            "export the model to ONNX or TorchScript where its code is"
        )
    if not options["trust"]:
        raise ValueError("a graph file holds code that would run here: say --trust when you trust its author")


def _tensors(result: object) -> dict:
    if isinstance(result, dict):
        return {str(name): tensor for name, tensor in result.items()}
    if isinstance(result, (list, tuple)):
        return {f"output_{index}": tensor for index, tensor in enumerate(result)}
    return {"output": result}


def _is_torchscript(path: str) -> bool:
    """A zip archive with a `code/` folder; a plain checkpoint has none."""
    return any("/code/" in name for name in _members(path))


def _is_program(path: str) -> bool:
    """A zip archive with a serialised graph."""
    marks = ("archive_format", "serialized_exported_program.json", "models/model.json")
    return any(name.endswith(marks) for name in _members(path))


def _members(path: str) -> list:
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()
