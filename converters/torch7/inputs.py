"""The inputs of a network that does not declare any: their names, their tree, and shapes that follow from the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from converters.diagnostic import Diagnostic
from converters.hub.layer import Dim
from converters.torch7.gmodule import input_count
from converters.torch7.modules import Parameters
from converters.torch7.objects import Object, Table, Tensor
from converters.torch7.sizes import Noted, noted
from converters.torch7.unroll import Tree

ONLY = "input"
_NAME = re.compile(r"input(\d{1,3}(?:\.\d{1,3})*)\Z")
_SIZES = (224, 299, 227, 231, 221, 256, 32, 28, 96, 64, 48, 112, 160, 128, 299, 331)
_ODD = 1117  # no published network takes images of this size; one that accepts it accepts any
_INSIDE = ("nn.Sequential", "nn.DataParallelTable", "nn.DataParallel", "nn.GPU", "nn.Decorator", "nn.Concat")
Shape = tuple[Dim, ...]


def names(module: Object, given: Mapping[str, Shape]) -> list[str]:
    """The inputs' names: those given, if they name table entries; else what the module itself shows."""
    tables = sorted((name for name in given if _NAME.match(name)), key=_path)
    if tables:
        return [*tables, *(name for name in given if name not in tables)]
    count = input_count(module)
    if count is None and module.kind == "nn.ParallelTable":
        modules = module.fields.strings.get("modules")
        count = len(modules.array()) if isinstance(modules, Table) else None
    return [ONLY] if count is None or count <= 1 else [f"{ONLY}{position}" for position in range(1, count + 1)]


def tree(found: Sequence[str]) -> Tree:
    """The names as the table that the network gets: `input1`, `input2.1`, `input2.2` are {a, {b, c}}."""
    if list(found) == [ONLY]:
        return ONLY
    table: dict[int, object] = {}
    for name in found:
        steps = _path(name)
        level = table
        for step in steps[:-1]:
            inner = level.setdefault(step, {})
            if not isinstance(inner, dict):
                raise Diagnostic("input-name", f"{name} is an entry of what is itself an input")
            level = inner
        level[steps[-1]] = name
    return _tuples(table)


def paths(value: Tree, name: str) -> Iterator[tuple[str, str]]:
    """Every value of a table with its name: `name` itself, or `name1`, `name2.1`."""
    waiting: list[tuple[str, Tree]] = [(name, value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            yield path, item
        else:
            dot = "" if path == name else "."
            waiting.extend((f"{path}{dot}{position}", item[position - 1]) for position in range(len(item), 0, -1))


def derive(module: Object, parameters: Parameters, fits: Callable[[Shape], bool]) -> tuple[Shape | None, str]:
    """The shape of the only input and how it is known; None where nothing in the file says it.

    `fits` says whether the whole network accepts a shape, for any batch size.
    """
    first = _first(module)
    if first is None or input_count(module) not in (None, 1):
        return None, ""
    for shape, how in _stated(module, first, parameters):
        if fits(shape):
            return shape, how
    last = noted(module)
    if last is not None:
        shape = (1, last.planes, *(_likely(*pair) for pair in zip(last.ranges, last.steps, strict=True)))
        if fits(shape):
            return shape, _words(last)
    planes = first.fields.strings.get("nInputPlane")
    if "Spatial" not in first.kind or not isinstance(planes, float) or fits((1, int(planes), _ODD, _ODD)):
        return None, ""
    found = next((size for size in _SIZES if fits((1, int(planes), size, size))), None)
    if found is None:
        return None, ""
    return (1, int(planes), found, found), f"of the usual image sizes, {found} is the first that every layer accepts"


def _likely(sizes: tuple[int, int], step: int) -> int:
    """Of the sizes that lead to what was kept: a usual one, else a multiple of the strides, else the largest."""
    possible = range(sizes[0], sizes[1] + 1)
    usual = next((size for size in _SIZES if size in possible), None)
    return usual or next((size for size in possible if size % step == 0), sizes[1])


def _words(last: Noted) -> str:
    kept = " x ".join(map(str, last.size))
    how = f"the file keeps that {last.kind} was given {kept} the last time"
    if all(least == most for least, most in last.ranges):
        return how
    open_ = " x ".join(str(low) if low == high else f"{low}..{high}" for low, high in last.ranges)
    return f"{how}; images of {open_} lead there"


def _stated(module: Object, first: Object, parameters: Parameters) -> Iterator[tuple[Shape, str]]:
    """Shapes that the file records: the size that cudnn keeps of its input, the gradient of the input, a Linear's."""
    kept = parameters.plain(first.fields.strings.get("iSize"))
    if isinstance(kept, tuple) and len(kept) == 4 and min(kept) > 1:
        yield (1, *kept[1:]), f"the file keeps it from a run of {first.kind} (iSize)"
    gradient = module.fields.strings.get("gradInput")
    if isinstance(gradient, Tensor) and len(gradient.size) in (2, 4) and min(gradient.size) > 0:
        yield (1, *gradient.size[1:]), "the file keeps the gradient of an input of this shape"
    weight = first.fields.strings.get("weight")
    if first.kind == "nn.Linear" and isinstance(weight, Tensor) and len(weight.size) == 2:
        yield (1, weight.size[1]), "the first layer is a Linear"


def _first(module: Object) -> Object | None:
    """The first module that computes."""
    for _ in range(1000):
        if module.kind not in _INSIDE:
            return module
        inner = module.fields.strings.get("modules")
        modules = inner.array() if isinstance(inner, Table) else []
        if not modules or not isinstance(modules[0], Object):
            return None
        module = modules[0]
    return None


def _path(name: str) -> tuple[int, ...]:
    match = _NAME.match(name)
    if match is None:
        raise Diagnostic("input-name", f"{name} is no input's name", hint="input, or input1, input2.1 for tables")
    return tuple(int(step) for step in match[1].split("."))


def _tuples(table: Mapping[int, object]) -> Tree:
    values: list[Tree] = []
    for step in sorted(table):
        inner = table[step]
        values.append(_tuples(inner) if isinstance(inner, dict) else str(inner))
    return tuple(values)
