"""PyTorch's own exporters in a process of their own: code and graph files become ONNX, written modules become .pt2.

No backend: zoo/export asks it, with the interpreter of the torch backend. Whatever it opens runs code of the file's
author; that somebody trusts it is settled before this process starts. `run` leaves the exported file at
options["out"] and gives back what the model itself makes of seeded examples: `in0/x` -> `out0/y`, and once more with
another batch (`in1/x`, `out1/y`) where the batch is dynamic.
"""

import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDS = ["torch", "onnx", "onnxscript"]
OPSET = 18  # the hub's; a test compares them


def load(kind: str, files: dict, options: dict) -> object:
    """The opened model: a callable module, the names of its inputs and its examples; a program where it is one."""
    import torch

    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    opened = _OPENERS[kind](files, options)
    return dict(opened, kind=kind, options=options)


def run(handle: dict, fed: dict, outputs: list) -> dict:
    """Run the model on its examples, then export it; a fault of the exporter is a refusal in its own words."""
    import torch

    found = {}
    with torch.no_grad():
        for number, example in enumerate(handle["examples"]):
            results = [(f"output_{name}" if name in example else name, one) for name, one in _forward(handle, example)]
            found.update({f"in{number}/{name}": tensor.numpy().copy() for name, tensor in example.items()})
            found.update({f"out{number}/{name}": _array(tensor) for name, tensor in results})
            names = [name for name, _ in results]
        with _saying("PyTorch's exporter refuses it"):
            _EXPORTERS[handle["kind"]](handle, names)
        if handle["kind"] == "written":
            again = torch.export.load(handle["options"]["out"]).module()
            for number, example in enumerate(handle["examples"]):
                results = _flat("output", again(*example.values()))
                found.update({f"again{number}/{name}": _array(tensor) for name, tensor in results})
    return found


def versions() -> dict:
    """PyTorch's version and those of the packages that write ONNX for it."""
    import onnx
    import onnxscript
    import torch

    return {"torch": torch.__version__, "onnx": onnx.__version__, "onnxscript": onnxscript.__version__}


def _script(files: dict, options: dict) -> dict:
    """A TorchScript archive, on the CPU."""
    import torch

    module = torch.jit.load(files["model"], map_location="cpu").eval()
    known = [one.name for one in module.forward.schema.arguments[1:]]
    needed = [one.name for one in module.forward.schema.arguments[1:] if not one.has_default_value()]
    return {"module": module, "known": known, "examples": _examples(options["inputs"], known, needed)}


def _code(files: dict, options: dict) -> dict:
    """What `package.module:name` names: an nn.Module, or what returns one when it is called without arguments."""
    import torch

    sys.path[:0] = options["path"]
    made = _imported(options["address"], options["path"])
    with _saying(f"{options['address']}() fails"):
        module = made if isinstance(made, torch.nn.Module) else made()
    if not isinstance(module, torch.nn.Module):
        raise ValueError(  # noqa: TRY004 - a refusal in words is a ValueError
            f"{options['address']} gives a {type(module).__name__}, no torch.nn.Module"
        )
    if "weights" in files:
        _fill(module, _tensors(files["weights"]))
    taken = [
        one for one in inspect.signature(module.forward).parameters.values() if one.kind == one.POSITIONAL_OR_KEYWORD
    ]
    known, needed = [one.name for one in taken], [one.name for one in taken if one.default is one.empty]
    return {"module": module.eval(), "known": known, "examples": _examples(options["inputs"], known, needed)}


def _imported(address: str, folders: list) -> object:
    package, _, name = address.partition(":")
    with _saying(f"looked for in {', '.join(folders)} and among the packages of {sys.prefix}"):
        found = importlib.import_module(package)
        for part in name.split("."):
            found = getattr(found, part)
    return found


def _program(files: dict, options: dict) -> dict:
    """An ExportedProgram; its inputs are those that it was exported with, sizes that are free in it among them."""
    import torch

    program = torch.export.load(files["model"])
    values = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    names = list(program.graph_signature.user_inputs)
    if not all(isinstance(values.get(name), torch.Tensor) for name in names):
        raise ValueError("it takes something else than tensors")
    kept = program.example_inputs or ((), {})
    kept = dict(zip(names, [*kept[0], *kept[1].values()]))
    shapes = {name: values[name].shape for name in names}
    free = any(isinstance(size, torch.SymInt) for shape in shapes.values() for size in shape)
    examples = []
    for more in range(2 if free else 1):
        example = {}
        for name in names:
            sizes = [size.node.hint + more if isinstance(size, torch.SymInt) else size for size in shapes[name]]
            example[name] = _drawn(sizes, values[name].dtype, more, kept.get(name))
        examples.append(example)
    module, keywords = program.module(), list(program.example_inputs[1]) if program.example_inputs else []

    def call(**given: object) -> object:
        values, count = list(given.values()), len(given) - len(keywords)
        return module(*values[:count], **dict(zip(keywords, values[count:])))

    return {"program": program, "module": call, "examples": examples}


def _written(files: dict, options: dict) -> dict:
    """A model.py that zoo wrote, with its weights."""
    spec = importlib.util.spec_from_file_location("written_model", files["code"])
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    module = source.load(files["weights"])
    own = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(own, assign=True)  # a mapped weight would be saved with the whole file around it
    names = list(inspect.signature(module.forward).parameters)
    asked = [[name, shape, kind] for name, (_, shape, kind) in zip(names, options["inputs"])]
    return {"module": module, "known": names, "examples": _examples(asked, names, names)}


_OPENERS = {"script": _script, "program": _program, "code": _code, "written": _written}


def _to_onnx_by_script(handle: dict, names: list) -> None:
    """The exporter for TorchScript. TrainingMode.PRESERVE leaves batch normalisation a layer; the mode is `eval`."""
    import torch

    example = handle["examples"][0]
    if list(example) != handle["known"][: len(example)]:
        raise ValueError("TorchScript is exported with its first inputs, in their order")
    axes = {name: {0: "N"} for name in example} if len(handle["examples"]) > 1 else None
    torch.onnx.export(
        handle["module"], tuple(example.values()), handle["options"]["out"], dynamo=False, opset_version=OPSET,
        input_names=list(example), output_names=names, dynamic_axes=axes, do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )  # fmt: skip


def _to_onnx(handle: dict, names: list) -> None:
    """The exporter for programs: its own optimiser merges batch normalisation, so all but that is done here."""
    import torch

    program = handle.get("program") or _traced(handle)
    made = torch.onnx.export(
        program, (), dynamo=True, optimize=False, verbose=False, opset_version=OPSET, output_names=names
    )
    _tidy(made.model)
    _call_the_batch_n(made.model, len(handle["examples"]))
    made.save(handle["options"]["out"])


def _to_program(handle: dict, names: list) -> None:
    """An ExportedProgram, saved; what it computes when it is loaded again is compared by the one who asked."""
    import torch

    program = _traced(handle)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folder in which zoo wrote the module for a moment
    torch.export.save(program, handle["options"]["out"])


_EXPORTERS = {"script": _to_onnx_by_script, "code": _to_onnx, "program": _to_onnx, "written": _to_program}


def _traced(handle: dict) -> object:
    """torch.export of a module; sizes in which the two examples differ are free."""
    import torch

    example, shapes = handle["examples"][0], None
    if len(handle["examples"]) > 1:
        batch, other = torch.export.Dim("N"), handle["examples"][1]
        shapes = {name: {0: batch} if one.shape != other[name].shape else None for name, one in example.items()}
    if list(example) == handle["known"][: len(example)]:  # in their order: the program is called without names too
        shapes = shapes and tuple(shapes.values())
        return torch.export.export(handle["module"], tuple(example.values()), dynamic_shapes=shapes)
    return torch.export.export(handle["module"], (), dict(example), dynamic_shapes=shapes)


def _tidy(model: object) -> None:
    """Fold constants and drop what nothing reads; forget where on its author's machine each node came from."""
    from onnx_ir.passes import common
    from onnxscript import optimizer, rewriter

    known = getattr(rewriter, "_DEFAULT_REWRITE_RULES", ())  # the optimiser's own choice has no public name
    rules = [rule for rule in known if "BatchNorm" not in str(rule.name)]
    common.InlinePass()(model)
    for _ in range(2):
        optimizer.fold_constants(model)
        if rules:
            rewriter.RewritePass(rules)(model)
        common.RemoveUnusedNodesPass()(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    for step in (common.RemoveUnusedFunctionsPass, common.RemoveUnusedOpsetsPass, common.NameFixPass):
        step()(model)
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for value in _values(model):
        value.metadata_props.clear()


def _call_the_batch_n(model: object, examples: int) -> None:
    """Rename the one free size that leads all inputs, which PyTorch calls s1 or so."""
    import onnx_ir as ir

    leading = {value.shape[0] for value in model.graph.inputs if value.shape}
    symbol = next(iter(leading)) if examples > 1 and len(leading) == 1 else None
    if not isinstance(symbol, ir.SymbolicDim):
        return
    for value in _values(model):
        if value.shape is not None:
            value.shape = ir.Shape([ir.SymbolicDim("N") if size == symbol else size for size in value.shape])


def _values(model: object) -> list:
    made = [one for node in model.graph.all_nodes() for one in node.outputs]
    return [*model.graph.inputs, *model.graph.initializers.values(), *made]


def _examples(asked: list, known: list, needed: list) -> list:
    """Seeded inputs of the asked shapes: two of them, of different batch, where the first size is a name."""
    import torch

    if len(asked) == 1 and not asked[0][0]:
        asked = [[(needed or known or [""])[0], *asked[0][1:]]]
    asked = sorted(asked, key=lambda one: known.index(one[0]) if one[0] in known else len(known))
    names = [name for name, _, _ in asked]
    strange = [name for name in names if name not in known]
    missing = [name for name in needed if name not in names]
    if strange or missing:
        given = ", ".join(name or "(unnamed)" for name in names) or "none"
        raise ValueError(f"the inputs of its forward() are {', '.join(known)}; shapes are given for: {given}")
    examples = []
    for more in range(2 if any(isinstance(size, str) for _, shape, _ in asked for size in shape) else 1):
        sizes = {name: [2 + more if isinstance(size, str) else size for size in shape] for name, shape, _ in asked}
        examples.append({name: _drawn(sizes[name], getattr(torch, kind), more) for name, _, kind in asked})
    return examples


def _drawn(shape: list, dtype: object, seed: int, kept: object = None) -> object:
    """A seeded tensor; whole numbers are the example's own, or zeros: any other could be out of a table's range."""
    import numpy as np
    import torch

    if dtype.is_floating_point:
        return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32)).to(dtype)
    if kept is not None and list(kept.shape) == list(shape):
        return kept
    return torch.zeros(shape, dtype=dtype)


def _flat(name: str, result: object) -> list:
    """Every tensor of a result with its name: `output`, `output_0` ..., or the keys of a dict."""
    import torch

    if isinstance(result, torch.Tensor):
        return [(name, result)]
    if isinstance(result, dict):
        pairs = [(str(key), item) for key, item in result.items()]
    elif isinstance(result, (list, tuple)):
        pairs = [(f"{name}_{index}", item) for index, item in enumerate(result)]
    else:
        raise ValueError(  # noqa: TRY004 - a refusal in words is a ValueError
            f"its result holds a {type(result).__name__}, expected tensors"
        )
    return [one for key, item in pairs for one in _flat(key, item)]


def _forward(handle: dict, example: dict) -> list:
    shapes = ", ".join(f"{name}: {list(tensor.shape)}" for name, tensor in example.items())
    with _saying(f"the model does not run on an example ({shapes})"):
        return _flat("output", handle["module"](**example))


def _array(tensor: object) -> object:
    import torch

    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().cpu().numpy().copy()


def _fill(module: object, tensors: dict) -> None:
    """Every weight is used once or named: nothing stays as it was drawn."""
    with _saying("the weights do not fit the module"):
        missing, unexpected = module.load_state_dict(tensors, strict=False)
    if missing or unexpected:
        raise ValueError(
            f"the weights do not fit the module: it lacks {', '.join(missing[:9]) or 'none'} of its own, "
            f"and has no place for {', '.join(unexpected[:9]) or 'none'}"
        )


def _tensors(path: str) -> dict:
    """The tensors of the safetensors file that zoo wrote from the user's weights."""
    import numpy as np
    import torch

    with Path(path).open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size).decode("utf-8"))
    data = torch.from_numpy(np.fromfile(path, np.uint8))
    header.pop("__metadata__", None)
    kinds = {
        "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "I32": torch.int32,
        "I64": torch.int64, "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
    }  # fmt: skip
    found = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        part = data[8 + size + first : 8 + size + last]
        found[name] = part.clone().view(kinds[entry["dtype"]]).reshape(entry["shape"])
    return found


@contextmanager
def _saying(what: str) -> Iterator:
    """Whatever code that is not ours raises becomes a refusal that says where."""
    try:
        yield
    except Exception as fault:
        raise ValueError(f"{what}: {_root(fault)}") from fault


def _root(fault: BaseException) -> str:
    """The first cause, which names the operator or the line; the exporters wrap it in pages of advice."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return f"{type(fault).__name__}: {' '.join(lines[:3])[:600]}"
