"""The script that --bisect writes beside its files: it needs onnxruntime and numpy, and nothing of zoo."""

SCRIPT = '''"""Runs candidate.onnx (and reference.onnx) on the inputs of case.npz; status 1 while the candidate differs.

Written by zoo check-parity --bisect. Needs numpy and onnxruntime.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
CASE = np.load(HERE / "case.npz", allow_pickle=False)
EXACT, (FLOOR_RMS, FLOOR_MAX), K = CASE["exact"], CASE["floor"], float(CASE["k"])
VALUE, OF = str(CASE["value"]), str(CASE["of"])  # whose result it is: that of float64, or of a framework
FILES = ("reference.onnx", "candidate.onnx") if OF == "float64" else ("candidate.onnx",)


def ratio(file):
    """How far the result lies from the expected one, in units of the rounding noise there."""
    session = onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])
    (got,) = session.run([VALUE], {port.name: CASE["in:" + port.name] for port in session.get_inputs()})
    if got.shape != EXACT.shape:
        return np.inf
    wanted, got, finite = EXACT.astype(np.float64), got.astype(np.float64), np.isfinite(EXACT)
    if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return np.inf
    error = np.where(finite, np.abs(np.where(finite, got, 0) - np.where(finite, wanted, 0)), 0)
    if not error.any():
        return 0.0
    rms = np.sqrt(np.mean(error**2))
    return max(share(rms, FLOOR_RMS), share(error.max(), FLOOR_MAX))


def share(error, floor):
    return float(error / floor) if floor else np.inf


found = {file: ratio(file) for file in FILES}
for file, times in found.items():
    print(f"{file}: {VALUE} lies {times:.3g} x the floor from {OF} (at most {K:g} passes)")
sys.exit(found["candidate.onnx"] > K)
'''
