"""The table of hypotheses: from the most telling family to the one that only says where two files differ."""

from __future__ import annotations

from zoo.parity.doctor import (
    activations,
    batch_norm,
    biases,
    differences,
    dropouts,
    endings,
    everywhere,
    flattening,
    interpolation,
    kernels,
    lacking,
    local_response,
    padding,
    permutations,
    pictures,
    pooling,
    precision,
    recurrent,
    weights,
    wiring,
)
from zoo.parity.doctor.case import Family

WHOLE: tuple[Family, ...] = (
    pictures.families,
    endings.families,
    everywhere.families,
    permutations.families,
    dropouts.families,
)
"""Of a whole network of which the outputs alone are seen."""
OUTRIGHT: tuple[Family, ...] = (
    pictures.families,
    endings.families,
    pooling.families,
    batch_norm.families,
)
"""Tried before mean and scale of the input are solved for: what a whole first layer does can look like those."""
REST: tuple[Family, ...] = (
    kernels.families,
    flattening.families,
    biases.families,
    activations.families,
    local_response.families,
    padding.families,
    interpolation.families,
    recurrent.families,
    precision.families,
    wiring.families,
    permutations.families,
    dropouts.families,
    weights.families,
    differences.families,
)
REVERSED: tuple[Family, ...] = (lacking.families,)
"""Of a conversion beside the framework that it was made from: what the conversion may have lost."""
