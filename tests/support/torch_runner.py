"""Runs written modules in PyTorch's own interpreter: `python -I torch_runner.py FOLDER` (standard library and torch).

FOLDER/cases.json lists case folders; each holds model.py, model.safetensors, case.json and data.bin. The verdicts go
to FOLDER/verdicts.json: case -> "pass" or what went wrong.
"""

import importlib.util
import json
import sys
import traceback
from pathlib import Path

import torch


def tensor(entry, data):
    if entry is None:
        return None
    if "list" in entry:
        return [tensor(item, data) for item in entry["list"]]
    kind = getattr(torch, entry["dtype"])
    first, size = entry["offset"], entry["size"]
    flat = (
        torch.frombuffer(bytearray(data[first : first + size]), dtype=torch.uint8)
        if size
        else torch.zeros(0, dtype=torch.uint8)
    )
    return flat.view(kind).reshape(entry["shape"])


def differs(found, wanted, rtol, atol):
    """What differs, or nothing."""
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return next((fault for pair in zip(found, wanted, strict=True) if (fault := differs(*pair, rtol, atol))), None)
    if not isinstance(wanted, torch.Tensor) or not isinstance(found, torch.Tensor):
        return None if wanted is found else f"a {type(found).__name__} instead of a {type(wanted).__name__}"
    if (found.dtype, found.shape) != (wanted.dtype, wanted.shape):
        return f"{found.dtype} {tuple(found.shape)} instead of {wanted.dtype} {tuple(wanted.shape)}"
    one, other = widened(found.detach().cpu()), widened(wanted)
    if torch.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True):
        return None
    return f"numbers differ by up to {float((one - other).abs().nan_to_num().max()):.3g}"


def widened(tensor):
    """In a type in which any two numbers can be compared."""
    if tensor.dtype.is_complex:
        return tensor.to(torch.complex128)
    return tensor.float().double() if "float8" in str(tensor.dtype) else tensor.double()


def load(path):
    spec = importlib.util.spec_from_file_location("written_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdict(folder, also):
    case = json.loads((folder / "case.json").read_text())
    data = (folder / "data.bin").read_bytes()
    module = load(folder / "model.py")
    model = module.load(folder / "model.safetensors")
    if "script" in also:
        model = torch.jit.script(model)
    for entry in case["sets"]:
        fed = [tensor(item, data) for item in entry["inputs"]]
        with torch.no_grad():
            result = model(*fed)
        results = list(result) if isinstance(result, tuple) and len(module.OUTPUTS) > 1 else [result]
        for name, found, wanted in zip(module.OUTPUTS, results, entry["outputs"], strict=True):
            fault = differs(found, tensor(wanted, data), case["rtol"], case["atol"])
            if fault:
                return f"mismatch: {name}: {fault}"
    return "pass"


def main(root, also):
    torch.set_num_threads(1)
    verdicts = {}
    for name in json.loads((root / "cases.json").read_text()):
        try:
            verdicts[name] = verdict(root / name, also)
        except Exception as fault:  # whatever the module raises is its verdict
            last = traceback.extract_tb(fault.__traceback__)[-1]
            verdicts[name] = f"run-fail: {type(fault).__name__}: {str(fault).strip()[:300]} [{last.name}:{last.lineno}]"
    (root / "verdicts.json").write_text(json.dumps(verdicts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
