"""Arrays of any element type, and which of those types are floating-point ones (numpy does not know bfloat16)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
WIDE = np.dtype(np.float64)


def floating(dtype: np.dtype[Any]) -> bool:
    """True for numpy's floats and for those that ml_dtypes adds."""
    return dtype.kind == "f" or "float" in dtype.name
