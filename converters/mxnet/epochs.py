"""Which epoch a checkpoint's parameters are of: MXNet numbers them, prefix-0000.params, prefix-0001.params..."""

from __future__ import annotations

import re
from pathlib import Path

_NUMBERED = re.compile(r"(?P<prefix>.+)-(?P<epoch>\d{4,})\.params")


def chosen(weights: Path) -> tuple[str, ...]:
    """A note for the report where the folder holds other epochs of the same network; else nothing."""
    found = _NUMBERED.fullmatch(weights.name)
    if found is None:
        return ()
    others = sorted(_epoch(path) for path in weights.parent.glob(f"{_literal(found['prefix'])}-*.params"))
    known = [epoch for epoch in others if epoch >= 0]
    if len(known) < 2:
        return ()
    return (f"the parameters are those of epoch {int(found['epoch'])}; the folder holds {_list(known)}",)


def newest(prefix: Path) -> Path | None:
    """The parameters of the last epoch of a prefix; None where there are none."""
    found = [path for path in prefix.parent.glob(f"{_literal(prefix.name)}-*.params") if _epoch(path) >= 0]
    return max(found, key=_epoch, default=None)


def _epoch(path: Path) -> int:
    found = _NUMBERED.fullmatch(path.name)
    return int(found["epoch"]) if found else -1


def _list(epochs: list[int]) -> str:
    return ", ".join(map(str, epochs)) if len(epochs) <= 6 else f"{len(epochs)} epochs up to {epochs[-1]}"


def _literal(text: str) -> str:
    """A name in which nothing is a wildcard."""
    import glob

    return glob.escape(text)
