"""caffe2onnx 2.0.1, another converter: what it makes of a Caffe network, for a second opinion beside ours."""

import contextlib
import io
from pathlib import Path

NAME = "caffe2onnx"
READS = []
CONVERTS = {"caffe": "onnx"}
NEEDS = ["caffe2onnx", "onnx"]
ENV = {
    # It pins onnx 1.6.0, of which later Pythons have no wheel; forced onto them it writes invalid files.
    "pythons": ["3.7", "3.6"],
    # Its generated code predates protobuf's new runtime (3.21).
    "requirements": ["caffe2onnx==2.0.1", "protobuf<3.21"],
}

_OUT = "model.onnx"
_SAID = 3  # lines of what it printed that a failure shows


def load(kind: str, files: dict, options: dict) -> dict:
    """Remember what to convert; it cannot do without weights."""
    if "weights" not in files:
        raise ValueError("caffe2onnx converts a prototxt together with its caffemodel")
    return files


def inputs(files: dict) -> list:
    """Nothing is fed: it converts."""
    return []


def run(files: dict, fed: dict, outputs: list) -> dict:
    """The bytes of the ONNX file that its own command writes, as `model`; ValueError with its last words otherwise.

    It ends with exit(-1) where it gives up, and without a file, but with status 0, where saving fails.
    """
    import numpy as np
    from caffe2onnx import convert
    from caffe2onnx.src.args_parser import parse_args

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), _arguments(files):
            convert.main(parse_args())
    except SystemExit as end:
        raise ValueError(f"it ended with status {end.code}: {_last(said)}") from None
    except Exception as fault:
        raise ValueError(f"{type(fault).__name__}: {fault} (after: {_last(said)})") from fault
    if not Path(_OUT).is_file() or not Path(_OUT).stat().st_size:
        raise ValueError(f"it wrote no file and did not say so in its status: {_last(said)}")
    return {"model": np.fromfile(_OUT, dtype=np.uint8)}


@contextlib.contextmanager
def _arguments(files: dict) -> object:
    """Its command line; there is no other documented way in."""
    import sys

    before = sys.argv
    sys.argv = ["caffe2onnx", "--prototxt", files["graph"], "--caffemodel", files["weights"], "--onnx", _OUT]
    try:
        yield
    finally:
        sys.argv = before


def _last(said: io.StringIO) -> str:
    lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
    return " | ".join(lines[-_SAID:]) or "it said nothing"


def versions() -> dict:
    """The version that was installed: the package does not tell it itself; and onnx's."""
    import onnx
    import pkg_resources

    return {"caffe2onnx": pkg_resources.get_distribution("caffe2onnx").version, "onnx": onnx.__version__}
