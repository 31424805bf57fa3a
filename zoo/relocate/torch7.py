"""Torch7 files: the classes of tensors and storages say where they live; layers of cudnn are nn's on the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from zoo.diagnostics import Diagnostic, Where
from zoo.relocate.cudnn import to_cudnn, to_nn
from zoo.relocate.plan import Plan, Request, joined
from zoo.relocate.source import Source
from zoo.relocate.t7file import REALS, Document, Leaf, Node, Object, Slot, kind, nodes, read, slots
from zoo.relocate.t7write import write

_WRAPPERS = frozenset({"nn.DataParallelTable", "nn.GPU"})
_REAL = frozenset(REALS)
_FIRST_GPU = "cuda:0"  # a .t7 file says GPU and not which one


def plan(origin: Source, request: Request) -> Plan:
    """The plan for one file; all layers that cannot move are named at once."""
    document = read(origin)
    notes: list[str] = []
    before = _census(document)
    goal = {True: request.device(_FIRST_GPU) != "cpu", False: request.device("cpu") != "cpu"}
    if not goal[True]:
        _unwrap(document, notes)
    found = list(nodes(document))
    _demand_recastable(origin, document, request)
    if not goal[True]:
        _layers_to_cpu(origin, document, found, notes)
    elif request.cudnn:
        for node in found:
            if isinstance(node, Object) and node.name.startswith("nn."):
                to_cudnn(node, document.spelling)
    _rename(found, document, request, goal)
    _note(found, request, notes)
    made = joined(write(document))
    return Plan("Torch7 file", origin.size, made, before, _census(document), tuple(notes))


def _census(document: Document) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for node in nodes(document):
        known = kind(node.name) if isinstance(node, Object) else None
        if known and known[2] == "Tensor":
            counts["cuda" if known[0] else "cpu"] += 1
    return dict(counts)


def _unwrap(document: Document, notes: list[str]) -> None:
    """What spreads a network over GPUs gives its place to the network itself."""
    places = [*document.roots, *(slot for node in list(nodes(document)) for slot in slots(node))]
    for slot in places:
        while isinstance(slot.node, Object) and slot.node.name in _WRAPPERS:
            inner = _inner(slot.node)
            if inner is None:
                break
            notes.append(f"{slot.node.name} gives its place to the {_title(inner)} in it")
            slot.node, slot.moved = inner, True
    notes[:] = list(dict.fromkeys(notes))


def _inner(wrapper: Object) -> Node | None:
    table = wrapper.fields()
    modules = table.at("modules") if table else None
    first = modules.node.at(1.0) if modules and hasattr(modules.node, "at") else None
    return first.node if first else None


def _title(node: Node) -> str:
    return node.name if isinstance(node, Object) else "value"


def _layers_to_cpu(origin: Source, document: Document, found: list[Node], notes: list[str]) -> None:
    reasons: dict[str, list[int]] = {}
    turned: Counter[str] = Counter()
    for node in found:
        if not isinstance(node, Object) or not node.name.startswith("cudnn."):
            continue
        name = node.name
        why = to_nn(node, document.spelling)
        if why is None:
            turned[name] += 1
        else:
            reasons.setdefault(f"{name}: {why}", []).append(node.start)
    if reasons:
        lines = [f"{len(bytes_)}x {what}, first at byte {min(bytes_)}" for what, bytes_ in sorted(reasons.items())]
        raise Diagnostic(
            "gpu-only",
            f"{len(reasons)} kinds of layers exist on a GPU only",
            where=Where(origin.name),
            details=lines,
            hint="zoo convert reads cudnn layers, groups too: zoo convert FILE --to onnx",
        )
    if turned:
        notes.append(f"{sum(turned.values())} layers of cudnn become nn's: {', '.join(sorted(turned))}")


def _rename(found: list[Node], document: Document, request: Request, goal: dict[bool, bool]) -> None:
    """Give tensors, their storages, and the `_type` of layers the classes of the other device."""
    owned = {id(slot.node) for node in found if _is(node, "Tensor") for slot in slots(node)}
    for node in found:
        if not isinstance(node, Object):
            continue
        known = kind(node.name)
        if known is None:
            for leaf_ in _types(node):
                _retype(leaf_, document, request, goal)
        elif known[0] or known[2] == "Tensor" or id(node) in owned:
            _reclass(node, document, request, goal)


def _is(node: Node, what: str) -> bool:
    known = kind(node.name) if isinstance(node, Object) else None
    return known is not None and known[2] == what


def _types(layer: Object) -> Iterator[Leaf]:
    """The field in which a layer keeps the class of its tensors."""
    table = layer.fields()
    slot: Slot | None = table.at("_type") if table else None
    if slot is not None and isinstance(slot.node, Leaf):
        yield slot.node


def _retype(type_: Leaf, document: Document, request: Request, goal: dict[bool, bool]) -> None:
    new = _class(str(type_.value), request, goal)
    if new != type_.value:
        type_.new = document.spelling.value(new)


def _reclass(node: Object, document: Document, request: Request, goal: dict[bool, bool]) -> None:
    old, new = kind(node.name), _class(node.name, request, goal)
    now = kind(new)
    assert old is not None
    assert now is not None
    if old[2] == "Storage" and old[1] != now[1]:
        order = document.spelling.order
        node.recast = (order + REALS[old[1]], order + REALS[now[1]])
    node.name = new


def _class(name: str, request: Request, goal: dict[bool, bool]) -> str:
    """The class that a tensor or storage of class `name` shall have; other names stay."""
    known = kind(name)
    if known is None:
        return name
    gpu, element, what = known
    gpu = goal[gpu]
    if request.numbers and element in _REAL:
        element = request.numbers.capitalize()
    return f"torch.{'Cuda' if gpu else ''}{'' if gpu and element == 'Float' else element}{what}"


def _demand_recastable(origin: Source, document: Document, request: Request) -> None:
    if request.numbers and document.spelling.text:
        origin.refuse(f"--{request.numbers} changes numbers, which is done in binary files only", code="ascii-numbers")


def _note(found: list[Node], request: Request, notes: list[str]) -> None:
    names = {node.name for node in found if isinstance(node, Object)}
    strange = sorted(name for name in names if not name.startswith(("nn.", "cudnn.", "torch.", "graph.", "nngraph.")))
    if strange:
        notes.append(f"classes that come from elsewhere stay as they are: {', '.join(strange[:5])}")
    if request.to == "cpu" and "torch.HalfTensor" in names:
        notes.append("Torch computes nothing in half precision on the CPU: --float makes the numbers single")
    if request.to and request.to not in ("cpu", _FIRST_GPU):
        notes.append("a .t7 file says GPU and not which one: cutorch.setDevice chooses when it is loaded")
