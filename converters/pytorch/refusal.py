"""How a row says that it cannot write a node."""

from __future__ import annotations


class Refused(Exception):
    """The node has no exact form in PyTorch; the text says why. The driver collects them all."""
