"""HDF5 snapshots (.caffemodel.h5): group `data/<layer>/<position>` holds a layer's blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from converters.binary import mapped
from converters.caffe.caffemodel import StoredLayer
from converters.diagnostic import Diagnostic, Where
from converters.weights import ComputedWeight, Weight

MAGIC = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Whether the file begins with HDF5's signature."""
    with mapped(path) as cursor:
        return cursor.remaining() >= len(MAGIC) and cursor.take(len(MAGIC)) == MAGIC


def read(path: Path) -> tuple[StoredLayer, ...]:
    """The stored layers; needs h5py (extra `keras`). An HDF5 snapshot does not say how its layers hang together."""
    try:
        import h5py
    except ImportError as fault:
        raise Diagnostic(
            "extra-missing",
            "an HDF5 snapshot needs the package h5py",
            where=Where(file=str(path)),
            hint="pip install 'zoo[keras]'",
        ) from fault
    try:
        with h5py.File(path, "r") as file:
            if "data" not in file:
                raise Diagnostic(
                    "not-a-caffemodel", "has no group `data`; it is no Caffe snapshot", where=Where(file=str(path))
                )
            return tuple(_layer(path, name, group) for name, group in file["data"].items())
    except OSError as fault:
        raise Diagnostic("damaged-file", f"HDF5 cannot read it: {fault}", where=Where(file=str(path))) from fault


def _layer(path: Path, name: str, group: Any) -> StoredLayer:
    blobs = {}
    for position in group if hasattr(group, "keys") else ("",):
        dataset = group[position] if position else None
        if not position.isdecimal() or getattr(dataset, "dtype", np.dtype(object)).kind != "f":
            raise Diagnostic(
                "not-a-caffemodel",
                f"data/{name} holds no numbered blobs of real numbers; it is no Caffe snapshot",
                where=Where(file=str(path)),
            )
        blobs[int(position)] = _blob(path, dataset)
    return StoredLayer(name, (), (), tuple(blobs[position] for position in sorted(blobs)))


def _blob(path: Path, dataset: Any) -> Weight:
    place = dataset.name
    return ComputedWeight(tuple(dataset.shape), np.dtype("<f4"), lambda: _load(path, place))


def _load(path: Path, place: str) -> np.ndarray:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            values: np.ndarray = file[place][()]
    except (OSError, KeyError) as fault:
        raise Diagnostic("damaged-file", f"HDF5 cannot read {place}: {fault}", where=Where(file=str(path))) from fault
    return values
