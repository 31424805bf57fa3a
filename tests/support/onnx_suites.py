"""The models that ONNX's own package ships with inputs and outputs, as cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from torch_cases import Case

from converters.onnxfile.loading import load

ROOT = Path(onnx.__file__).parent / "backend" / "test" / "data"


def suite(name: str) -> list[Case]:
    """`simple`, `pytorch-converted` or `pytorch-operator`: each folder is a model and its sets of data."""
    cases = []
    for folder in sorted(path.parent for path in (ROOT / name).glob("*/model.onnx")):
        ports = onnx.load(folder / "model.onnx").graph
        sets = [
            (_values(place, "input", ports.input), _values(place, "output", ports.output))
            for place in sorted(folder.glob("test_data_set_*"))
        ]
        cases.append(Case(folder.name, load(folder / "model.onnx"), sets))
    return cases


def light() -> list[Case]:
    """The nine networks of `light` as shipped; the input is the one that ONNX's own runner gives them."""
    cases = []
    for path in sorted((ROOT / "light").glob("*.onnx")):
        graph = onnx.load(path).graph
        stored = {tensor.name for tensor in graph.initializer}
        fed = [_ramp(port) for port in graph.input if port.name not in stored]
        wanted = path.with_name(f"{path.stem}_output_0.pb")
        cases.append(Case(path.stem, load(path), [(fed, [_value(wanted, graph.output[0])])]))
    return cases


def _ramp(port: onnx.ValueInfoProto) -> np.ndarray:
    """0 to 1 in equal steps, `generate_dummy_data` of onnx.backend.test.runner."""
    shape = [size.dim_value for size in port.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


def _values(folder: Path, kind: str, ports: object) -> list[object]:
    files = {path.name: path for path in folder.glob(f"{kind}_*.pb")}
    return [
        _value(files[f"{kind}_{index}.pb"], port) for index, port in enumerate(ports) if f"{kind}_{index}.pb" in files
    ]


def _value(path: Path, port: onnx.ValueInfoProto) -> object:
    data = path.read_bytes()
    if port.type.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    return numpy_helper.to_array(TensorProto.FromString(data))


def drawn(name: str, folder: Path) -> Path:
    """A network of `light` with seeded numbers in place of those of its ConstantOfShape nodes, which are all alike."""
    model = onnx.load(ROOT / "light" / f"{name}.onnx")
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    rng = np.random.default_rng(0)
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(shapes[node.input[0]])
        fan = max(1, int(np.prod(shape[1:])))
        values = rng.standard_normal(shape) / fan**0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, folder / f"{name}.onnx")
    return folder / f"{name}.onnx"
