"""Published networks with trained weights, where the folder of them is there: converted to the hub's form."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

import converters
from planting.building import free_batch

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "models"
FILES = {
    "samplenet": ("samplenet/SampLeNet.prototxt", "samplenet/SampLeNet.caffemodel"),
    "rfb320": ("rfb320/RFB-320.prototxt", "rfb320/RFB-320.caffemodel"),
}


INPUTS = {"rfb320": {"input": (4, 3, 96, 128)}}  # smaller than published, and the batch that is fed


def available() -> tuple[str, ...]:
    """Those whose files are there."""
    return tuple(name for name, files in FILES.items() if all((FOLDER / file).is_file() for file in files))


def network(name: str) -> onnx.ModelProto:
    """The network in the hub's form, any batch size."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "model.onnx"
        options = converters.Options(inputs=INPUTS.get(name, {}))
        converters.convert([FOLDER / file for file in FILES[name]], "onnx", out, options=options)
        model = onnx.load(out)
        return model if name in INPUTS else free_batch(model)
