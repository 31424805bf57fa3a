"""One weight as a .npy file: NumPy's format, version 1, little-endian, C order."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from numpy.lib import format as npy

from converters.outputs import whole
from converters.weights import Weight, cast


def save(weight: Weight, out: Path) -> dict[str, str]:
    """Write it, whole or not at all, without loading it; returns file name -> sha256."""
    weight = cast(weight, weight.dtype.newbyteorder("<"))
    header = BytesIO()
    npy.write_array_header_1_0(
        header, {"descr": npy.dtype_to_descr(weight.dtype), "fortran_order": False, "shape": weight.shape}
    )
    with whole(out) as sink:
        sink.write(header.getvalue())
        for chunk in weight.chunks():
            sink.write(chunk)
    return {out.name: sink.digest()}
