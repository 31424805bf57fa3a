"""The script that --bisect writes beside its files: it needs onnxruntime and numpy, and nothing of zoo."""

SCRIPT = '''"""Runs candidate.onnx and reference.onnx on the inputs of case.npz; status 1 while the candidate differs.

Written by zoo check-parity --bisect. Needs numpy and onnxruntime.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
CASE = np.load(HERE / "case.npz", allow_pickle=False)
EXACT, (FLOOR_RMS, FLOOR_MAX), K = CASE["exact"], CASE["floor"], float(CASE["k"])
VALUE = str(CASE["value"])


def ratio(file):
    """How far the result lies from float64, in units of the rounding noise there."""
    session = onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])
    (got,) = session.run([VALUE], {port.name: CASE["in:" + port.name] for port in session.get_inputs()})
    if got.shape != EXACT.shape:
        return np.inf
    error = np.abs(got.astype(np.float64) - EXACT)
    if not error.any():
        return 0.0
    rms = np.sqrt(np.mean(error**2))
    return max(share(rms, FLOOR_RMS), share(error.max(), FLOOR_MAX))


def share(error, floor):
    return float(error / floor) if floor else np.inf


found = {file: ratio(file) for file in ("reference.onnx", "candidate.onnx")}
for file, times in found.items():
    print(f"{file}: {VALUE} lies {times:.3g} x the floor from float64 (at most {K:g} passes)")
sys.exit(found["candidate.onnx"] > K)
'''
