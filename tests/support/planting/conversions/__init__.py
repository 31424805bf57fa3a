"""Mistakes in converters, by framework: the table, and what a check says of each."""

from __future__ import annotations

from planting.conversions import caffe, mxnet, torch7
from planting.conversions.mistake import Mistake, Told, told

MISTAKES: tuple[Mistake, ...] = (*caffe.MISTAKES, *mxnet.MISTAKES, *torch7.MISTAKES)
NETS: tuple[Mistake, ...] = tuple({mistake.net: mistake for mistake in MISTAKES}.values())
"""One mistake a network: told with `plant=False` it is the network itself, which has to agree."""

__all__ = ["MISTAKES", "NETS", "Mistake", "Told", "told"]
