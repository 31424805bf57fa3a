"""The text of model.py: imports, the functions that are needed, the module, and how to load it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import onnx_ir as ir

from converters.pytorch.code import Code
from converters.pytorch.identifiers import identifier
from converters.pytorch.library import needed

_HEAD = '''"""{title}: a PyTorch module with no dependency but torch, written by zoo {version} from an ONNX network.

    from {stem} import load
    model = load("{stem}.safetensors")

It computes as trained, for any batch that the network allows; .double(), .to("cuda"), torch.jit.script and
torch.export take it.
"""

{imports}
INPUTS = {inputs}
OUTPUTS = {outputs}
'''
_MODEL = '''

class Model(nn.Module):
    """{title}."""

    def __init__(self):
        super().__init__()
{members}

    def forward(self{arguments}) -> {result}:
{lines}
'''
_LOAD = '''

def load(path) -> Model:
    """The network with its trained weights, which are mapped from the file."""
    with torch.device("meta"):
        model = Model()
    model.load_state_dict(weights(path), assign=True)
    return model.eval()


def weights(path) -> dict:
    """The tensors of a safetensors file by their names."""
    data = torch.from_file(str(path), shared=False, size=os.path.getsize(path), dtype=torch.uint8)
    start = 8 + int.from_bytes(bytes(data[:8].tolist()), "little")
    header = json.loads(bytes(data[8:start].tolist()))
    header.pop("__metadata__", None)
    types = {
        "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "U16": torch.uint16,
        "I32": torch.int32, "U32": torch.uint32, "I64": torch.int64, "U64": torch.uint64, "F16": torch.float16,
        "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64, "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
    }  # fmt: skip
    found = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        found[name] = data[start + first : start + last].view(types[entry["dtype"]]).reshape(entry["shape"])
    return found
'''


def text(
    code: Code,
    *,
    title: str,
    stem: str,
    version: str,
    inputs: Sequence[tuple[str, ir.Value]],
    results: Mapping[str, str],
) -> str:
    """The whole file. `inputs` are the arguments' names; `results` maps expressions... see `_return`."""
    word = identifier(title, "Network")
    functions = needed(code.called)
    body = "\n".join(functions + code.members + code.lines)
    imports = ["import json", *(["import math"] if "math." in body else []), "import os"]
    typing = [
        name for name in ("Dict", "List", "Optional", "Tuple") if f"{name}[" in body + _signature(inputs, code, results)
    ]
    if typing:
        imports.append(f"from typing import {', '.join(typing)}")
    imports += ["", "import torch"]
    imports += ["import torch.nn.functional as F"] if "F." in body else []
    imports += ["from torch import Tensor, nn", ""]
    head = _HEAD.format(
        title=word,
        version=version,
        stem=stem,
        imports="\n".join(imports),
        inputs=_names(value.name for _, value in inputs),
        outputs=_names(results),
    )
    members = "\n".join(f"        {member}" for member in code.members) or "        pass"
    model = _MODEL.format(
        title=word,
        members=members.replace("        pass", "").rstrip() if not code.members else members,
        arguments="".join(f", {name}: {annotation(value)}" for name, value in inputs),
        result=_result(results, code),
        lines="\n".join(f"        {line}" for line in [*code.lines, f"return {', '.join(results.values())}"]),
    )
    return head + "".join(f"\n\n{function}\n" for function in functions) + model + _LOAD


def annotation(value: ir.Value) -> str:
    """The type of an argument, as TorchScript reads it."""
    return _typed(value.type)


def _typed(kind: ir.TypeProtocol | None) -> str:
    if isinstance(kind, ir.SequenceType):
        return f"List[{_typed(kind.elem_type)}]"
    if isinstance(kind, ir.OptionalType):
        return f"Optional[{_typed(kind.elem_type)}]"
    return "Tensor"


def _signature(inputs: Sequence[tuple[str, ir.Value]], code: Code, results: Mapping[str, str]) -> str:
    return "".join(annotation(value) for _, value in inputs) + _result(results, code)


def _result(results: Mapping[str, str], code: Code) -> str:
    kinds = [code.kinds.get(name, "Tensor") for name in results]
    return kinds[0] if len(kinds) == 1 else f"Tuple[{', '.join(kinds)}]"


def _names(names: Iterable[str | None]) -> str:
    """A tuple of the network's own names; whatever they hold, each is one string literal."""
    return "(" + "".join(f"{str(name)!a}, " for name in names).rstrip() + ")"
