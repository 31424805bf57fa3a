"""The table of faults, a file a family; `FAULTS` has every kind by its name."""

from __future__ import annotations

from planting.faults import (
    activations,
    batch_norm,
    classifier,
    inputs,
    kernels,
    normalisation,
    padding,
    pooling,
    precision,
    recurrent,
    structure,
    upsampling,
)

_FAMILIES = (
    inputs,
    kernels,
    precision,
    padding,
    pooling,
    batch_norm,
    activations,
    normalisation,
    classifier,
    structure,
    upsampling,
    recurrent,
)
FAULTS = {fault.name: fault for family in _FAMILIES for fault in family.FAULTS}
assert len(FAULTS) == sum(len(family.FAULTS) for family in _FAMILIES), "two faults bear one name"
