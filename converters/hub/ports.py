"""The inputs of a network: what the source declares and what the caller says instead, settled for every format."""

from __future__ import annotations

from collections.abc import Mapping

from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Port

Shape = tuple[Dim, ...]
ONLY = ""
"""The name under which a caller gives the shape of a network's only input."""


def settle(declared: Mapping[str, Shape | None], given: Mapping[str, Shape], file: str) -> tuple[Port, ...]:
    """The ports of a network; `given` shapes win over `declared` ones (None: the source does not say).

    Refuses given names that are no input, and inputs that are left without a shape, all at once.
    """
    if ONLY in given:
        given = {_only(declared, given, file) if name == ONLY else name: shape for name, shape in given.items()}
    strangers = [name for name in given if name not in declared]
    if strangers:
        raise Diagnostic(
            "unknown-input",
            f"has no input called {', '.join(strangers)}; its inputs: {', '.join(declared) or 'none'}",
            where=Where(file=file),
        )
    shapes = {name: given.get(name, shape) for name, shape in declared.items()}
    unknown = [name for name, shape in shapes.items() if shape is None]
    if unknown:
        raise Diagnostic(
            "input-shape-missing",
            f"does not say the shape of its input {', '.join(unknown)}",
            where=Where(file=file),
            hint=" ".join(f"--input {name}:1,3,224,224" for name in unknown) + " with the network's own numbers",
        )
    empty = [name for name, shape in shapes.items() if any(isinstance(dim, int) and dim < 1 for dim in shape or ())]
    if empty:
        raise Diagnostic(
            "input-shape",
            f"its input {', '.join(f'{name} {list(shapes[name] or ())}' for name in empty)} has a dimension below 1",
            where=Where(file=file),
            hint=" ".join(f"--input {name}:1,3,224,224" for name in empty) + " with the network's own numbers",
        )
    return tuple(Port(name, shape) for name, shape in shapes.items() if shape is not None)


def _only(declared: Mapping[str, Shape | None], given: Mapping[str, Shape], file: str) -> str:
    if len(declared) == 1:
        return next(iter(declared))
    dims = ",".join(str(dim) for dim in given[ONLY])
    raise Diagnostic(
        "input-name",
        f"has {len(declared)} inputs ({', '.join(declared)}); a shape must say for which of them it is",
        where=Where(file=file),
        hint=f"--input {next(iter(declared), 'data')}:{dims}",
    )
