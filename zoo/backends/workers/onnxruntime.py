"""ONNX Runtime, on the CPU unless told otherwise."""

import os

NAME = "onnxruntime"
READS = ["onnx"]
NEEDS = ["onnxruntime"]
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10"],
    "requirements": ["onnxruntime>=1.20", "numpy>=1.26"],
}
OPTIONS = {"graph_optimization": "all", "providers": ["CPUExecutionProvider"], "tf32": False}
DEVICES = {
    "cuda": {"providers": ["CUDAExecutionProvider", "CPUExecutionProvider"]},
    "tensorrt": {"providers": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]},
}

_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


def load(kind: str, files: dict, options: dict) -> object:
    """Open a session with exactly the providers asked for: a silent fall back to the CPU is refused."""
    if not options["tf32"]:  # cuBLAS, cuDNN and TensorRT all obey it; read when their libraries load
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    import onnxruntime

    level = options["graph_optimization"]
    if level not in _LEVELS:
        raise ValueError(f"graph_optimization is {level}, expected one of {', '.join(_LEVELS)}")
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, _LEVELS[level])
    settings.intra_op_num_threads = options["threads"]
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    wanted = list(options["providers"])
    path = files.get("graph") or next(iter(files.values()))
    pinned = [(name, _pins(name, options)) for name in wanted]
    session = onnxruntime.InferenceSession(path, settings, providers=pinned)
    missing = [name for name in wanted if name not in session.get_providers()]
    if missing:
        raise ValueError(f"ONNX Runtime cannot use {', '.join(missing)} here")
    return session


def inputs(session: object) -> list:
    """Names of the graph's inputs (initializers that double as inputs are left out by the session)."""
    return [port.name for port in session.get_inputs()]


def run(session: object, fed: dict, outputs: list) -> dict:
    """Run once; `outputs` names graph outputs."""
    known = [port.name for port in session.get_outputs()]
    wanted = known if outputs is None else outputs
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no output named {', '.join(unknown)}; the graph has {', '.join(known)}")
    return _flat(dict(zip(wanted, session.run(wanted, fed))))


def _flat(outputs: dict) -> dict:
    """A sequence as one output an element: NAME[0], NAME[1]."""
    found = {}
    for name, value in outputs.items():
        several = isinstance(value, list)
        found.update({f"{name}[{at}]": one for at, one in enumerate(value)} if several else {name: value})
    return found


def versions() -> dict:
    """ONNX Runtime's version and numpy's."""
    import numpy as np
    import onnxruntime

    return {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}


def _pins(provider: str, options: dict) -> dict:
    """Full float32, and one algorithm a convolution instead of the fastest of a race."""
    if provider == "CUDAExecutionProvider":
        return {"use_tf32": str(int(options["tf32"])), "cudnn_conv_algo_search": "DEFAULT"}
    if provider == "TensorrtExecutionProvider":
        return {"trt_fp16_enable": "0", "trt_int8_enable": "0"}
    return {}
