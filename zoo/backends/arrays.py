"""Arrays as files: `.npy` from strangers is read without pickle and within bounds, results are written whole."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from converters.syntax import PARSING

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_HEADER = 10_000  # characters; numpy's own limit for files that nobody vouches for
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive knows: equal arrays give equal bytes


def read_npy(file: IO[bytes], most: int, size: int | None = None) -> np.ndarray:
    """The array of numbers in a `.npy` file of at most `most` bytes of data, native byte order, C order.

    `size` is the length of a file that the system does not know, such as a member of an archive. ValueError says what
    is wrong: another kind of file, objects, a header that promises more or less than is there.
    """
    size = os.fstat(file.fileno()).st_size if size is None else size
    shape, fortran, dtype = _header(file)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError(f"holds {dtype}, expected numbers of at most 64 bits")
    count = math.prod(shape)
    here = size - file.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize != here:
        raise ValueError(f"its header promises {list(shape)} of {dtype}, but {here:,} bytes of data follow")
    if here > most:
        raise ValueError(f"holds {here:,} bytes, more than the {most:,} that are accepted")
    flat = np.frombuffer(file.read(here), dtype=dtype)
    array = flat.reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, dtype=dtype.newbyteorder("=")).reshape(shape)


def mapped(path: Path) -> np.ndarray:
    """The array of a `.npy` file that this program wrote, mapped and read-only; threads may ask at the same time."""
    with PARSING:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        reader = _HEADERS.get(version)
        if reader:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a header written by Python 2 reads well
                with PARSING:
                    header: tuple[tuple[int, ...], bool, np.dtype] = reader(file, max_header_size=_MAX_HEADER)
            return header
        reason = f"version {version} of the format holds no plain array"
    except ValueError as fault:
        reason = str(fault).partition("\n")[0]
    except Exception as fault:  # noqa: BLE001 - numpy's header parser lets a dozen exception types through
        reason = type(fault).__name__
    raise ValueError(f"is not a .npy file of numbers: {reason}")


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `.npz` (one member an array) or, when the suffix is `.npy`, the only array; whole or not at all."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            if path.suffix == ".npy":
                (array,) = arrays.values()
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
            else:
                _write_npz(file, arrays)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
