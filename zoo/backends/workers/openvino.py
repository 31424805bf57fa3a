"""OpenVINO on the CPU, in float32 whatever the processor would rather compute in."""

NAME = "openvino"
READS = ["onnx"]
NEEDS = ["openvino"]
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10"],
    "requirements": ["openvino>=2024.0", "numpy>=1.26"],
}
OPTIONS = {"precision": "f32", "device": "CPU"}


def load(kind: str, files: dict, options: dict) -> dict:
    """Compile the network with its precision, threads and streams pinned; another precision than asked is refused."""
    import openvino

    pins = {
        "INFERENCE_PRECISION_HINT": options["precision"],
        "EXECUTION_MODE_HINT": "ACCURACY",
        "INFERENCE_NUM_THREADS": options["threads"],
        "NUM_STREAMS": 1,
    }
    core = openvino.Core()
    if options["device"] not in core.available_devices:
        raise ValueError(f"OpenVINO has no device {options['device']} here: {', '.join(core.available_devices)}")
    path = files.get("model") or files.get("graph") or next(iter(files.values()))
    model = core.read_model(path)
    compiled = core.compile_model(model, options["device"], pins)
    kept = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if kept not in (options["precision"], {"f32": "float32"}.get(options["precision"])):
        raise ValueError(f"OpenVINO computes in {kept} here, not in {options['precision']}")
    return {"compiled": compiled, "inputs": _inputs(model, path), "outputs": [_names(port) for port in model.outputs]}


def inputs(handle: dict) -> list:
    """Names of the graph's inputs in its file."""
    return handle["inputs"]


def run(handle: dict, fed: dict, outputs: list) -> dict:
    """Run once; `outputs` names graph outputs."""
    places = {name: index for index, names in enumerate(handle["outputs"]) for name in names}
    wanted = [names[0] for names in handle["outputs"]] if outputs is None else outputs
    unknown = [name for name in wanted if name not in places]
    if unknown:
        raise ValueError(f"no output named {', '.join(unknown)}; the graph has {', '.join(places)}")
    found = handle["compiled"].create_infer_request().infer({at: fed[name] for at, name in enumerate(handle["inputs"])})
    ports = handle["compiled"].outputs
    return {name: found[ports[places[name]]].copy() for name in wanted}


def versions() -> dict:
    """OpenVINO's version and numpy's."""
    import numpy as np
    import openvino

    return {"openvino": openvino.__version__.partition("-")[0], "numpy": np.__version__}


def _inputs(model: object, path: str) -> list:
    """The inputs in the file's order and words: OpenVINO gives one that an Identity or a Dropout passes on its name."""
    names = [port.get_node().get_friendly_name() for port in model.inputs]
    if all(name in port.get_names() for name, port in zip(names, model.inputs)):
        return names
    from openvino.frontend import FrontEndManager

    told = FrontEndManager().load_by_model(path).load(path).get_inputs()
    return [port.get_names()[0] for port in told]


def _names(port: object) -> list:
    """All names of an output; the shortest first, which is the graph's own where others were made of it."""
    return sorted(port.get_names(), key=lambda name: (len(name), name))
