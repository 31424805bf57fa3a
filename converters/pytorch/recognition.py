"""Which architecture a file of weights is of: the one whose tensors, names and shapes, are exactly the file's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from converters.diagnostic import Diagnostic, Where
from converters.pytorch.architectures import architectures
from converters.pytorch.network import Network
from converters.weights import Shape

MAX_LISTED = 100
_RENAMED = ((re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),)
"""Old names -> today's (torchvision densenet.py: dots in module names are no longer allowed)."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The network, and for each tensor that it wants the name under which the file has it."""

    name: str
    network: Network
    tensors: Mapping[str, str]


def recognise(shapes: Mapping[str, Shape], arch: str | None, file: str) -> Recognised:
    """The architecture of a file with these tensors; `arch` names it instead of looking for it.

    Every tensor of the file is a weight of the network, one that inference does not need, or an error; so is every
    weight that the file lacks. Refuses `unknown-architecture`, `weights-mismatch`, and several that fit.
    """
    known = architectures()
    if arch is not None and arch not in known:
        near = get_close_matches(arch, known, n=3)
        raise Diagnostic(
            "unknown-architecture",
            f'zoo knows no architecture "{arch}"',
            hint=f"similar: {', '.join(near)}" if near else f"it knows {', '.join(known)}",
        )
    views = list(_views(shapes))
    if arch is not None:
        tried = [_fit(arch, view) for view in views]
        fitting = next((found for found, faults in tried if not faults), None)
        if fitting is not None:
            return fitting
        raise _mismatch(arch, min((faults for _, faults in tried), key=len), file)
    for view in views:
        candidates = [name for name, card in known.items() if card.implied and card.marker in view]
        found = [fit for fit, faults in (_fit(name, view) for name in candidates) if not faults]
        if len(found) > 1:
            names = ", ".join(fit.name for fit in found)
            raise Diagnostic("several-architectures", f"{names} have exactly these tensors", where=Where(file=file),
                             hint=f"--arch {found[0].name}")  # fmt: skip
        if found:
            return found[0]
    raise _unknown(views, file)


def _views(shapes: Mapping[str, Shape]) -> list[Mapping[str, str]]:
    """Today's names -> the file's: as they are, then without the prefixes that wrappers put before all of them."""
    views: list[Mapping[str, str]] = []
    names = {_renamed(name): name for name in shapes}
    if len(names) < len(shapes):
        names = {name: name for name in shapes}
    while names:
        views.append(_View(names, shapes))
        heads = {name.partition(".")[0] for name in names}
        if len(heads) > 1 or any("." not in name for name in names):
            break
        names = {name.partition(".")[2]: original for name, original in names.items()}
    return views


class _View(dict[str, str]):
    """Names of today -> names of the file, with the shapes of the latter."""

    def __init__(self, names: Mapping[str, str], shapes: Mapping[str, Shape]) -> None:
        super().__init__(names)
        self.shapes = {name: shapes[original] for name, original in names.items()}


def _renamed(name: str) -> str:
    for pattern, today in _RENAMED:
        name = pattern.sub(today, name)
    return name


def _fit(name: str, view: Mapping[str, str]) -> tuple[Recognised, list[str]]:
    """The network built for these tensors, and what does not fit."""
    assert isinstance(view, _View)
    network = Network(view.shapes)
    architectures()[name].build(network)
    faults = [
        f"{tensor}: {name} wants {list(shape)}, the file has {_shape(view.shapes.get(tensor))}"
        for tensor, shape in network.wanted.items()
        if view.shapes.get(tensor) != shape
    ]
    faults += [
        f"{tensor}: in the file only"
        for tensor in view
        if tensor not in network.wanted and tensor not in network.ignored
    ]
    return Recognised(name, network, view), faults


def _shape(shape: Shape | None) -> str:
    return "none" if shape is None else str(list(shape))


def _mismatch(arch: str, faults: list[str], file: str) -> Diagnostic:
    details = faults[:MAX_LISTED]
    if len(faults) > MAX_LISTED:
        details.append(f"... and {len(faults) - MAX_LISTED} more")
    return Diagnostic(
        "weights-mismatch",
        f"its tensors are not those of {arch}: {len(faults)} differ",
        where=Where(file=file),
        details=details,
    )


def _unknown(views: list[Mapping[str, str]], file: str) -> Diagnostic:
    """No architecture fits; the nearest ones that share a marker are named with what keeps them from fitting."""
    near: list[tuple[int, str, str]] = []
    for view in views:
        for name, card in architectures().items():
            if card.marker in view:
                _, faults = _fit(name, view)
                near.append((len(faults), name, faults[0]))
    near.sort()
    return Diagnostic(
        "unknown-architecture",
        "holds weights alone, and their names and shapes are those of no architecture that zoo knows",
        where=Where(file=file),
        details=[f"{name}: {count} tensors differ, the first: {first}" for count, name, first in near[:3]],
        hint="where the model's code is, export it to ONNX; or add its builder to converters/pytorch/architectures",
    )
