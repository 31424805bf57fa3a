"""ONNX graphs -> nn.gModule: node by node what nngraph saves, and the same outputs in every reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli import run
from frameworks import framework
from onnx_samples import onnx_model
from torch7_goldens import ROOT, agrees, cases, objects_of
from torch7_graphs import computed_by_torchfile, random_graph

import converters
from converters.diagnostic import Diagnostic
from converters.outputs import whole
from converters.torch7 import t7
from converters.torch7.classes import module
from converters.torch7.graphing import Step, assembled
from converters.torch7.objects import Object, Table, Value
from converters.torch7.saving import save
from zoo.backends import discovery, host

SEEDS = range(40)
GOLDENS = [case for case in cases("model") if "nn.gModule" in case.row["modules"]]
goldens = pytest.mark.skipif(not ROOT.is_dir(), reason=f"the goldens of the real Torch7 are absent: {ROOT}")


@goldens
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.name)
def test_the_same_steps_become_the_nodes_edges_and_orders_that_nngraph_saved(tmp_path, case):
    """Only the steps are taken from the real file; all else is made anew and compared object by object."""
    graphs = [item for item in objects_of(t7.read(case.path).value) if item.kind == "nn.gModule"]
    for number, real in enumerate(graphs):
        file = tmp_path / f"{number}.t7"
        innode, outnode = steps(real)
        count = real.fields.strings["nInputs"]
        assert isinstance(count, float)
        with whole(file) as sink:
            save(assembled(innode, outnode, int(count)), sink)
        faults = list(differences(t7.read(file).value, real))
        assert not faults
    assert graphs


def steps(graph: Object) -> tuple[Step, Step]:
    """The first and the last step of a real gModule: what each computes, and what it reads (mapindex)."""
    made: dict[int, Step] = {}
    waiting = [data_of(graph.fields.strings["outnode"])]
    for data in waiting:
        own = {}
        for name in ("selectindex", "nSplitOutputs"):
            if name in data.strings:
                own[name] = data.strings[name]
        inner = data.strings.get("module")
        if isinstance(inner, Object):
            own["module"] = module(inner.kind, {})
        made[id(data)] = Step("", own)
        waiting += [item for item in read_by(data) if id(item) not in made and item not in waiting]
    for data in waiting:
        made[id(data)].reads = [made[id(item)] for item in read_by(data)]
    return made[id(data_of(graph.fields.strings["innode"]))], made[id(waiting[0])]


def data_of(node: Value) -> Table:
    assert isinstance(node, Object)
    data = node.fields.strings["data"]
    assert isinstance(data, Table)
    return data


def read_by(data: Table) -> list[Table]:
    mapindex = data.strings["mapindex"]
    assert isinstance(mapindex, Table)
    return [item for item in mapindex.array() if isinstance(item, Table)]


RUN = {"input", "gradOutput", "gradOutputBuffer", "output", "gradInput", "name", "description", "graphAttributes"}
"""What a forward or a backward pass leaves, and what an author notes at a node (annotate)."""


def differences(mine: Value, real: Value) -> Iterator[str]:
    """Where two gModules differ, keys that are objects included; the same object must stand for the same."""
    twin: dict[int, Value] = {}
    taken: set[int] = set()
    waiting: list[tuple[str, Value, Value]] = [("", mine, real)]
    tables: list[tuple[str, Table, Table]] = []
    while waiting:
        place, left, right = waiting.pop()
        if not isinstance(left, Table | Object):
            if type(left) is not type(right) or left != right:
                yield f"{place}: {left!r}, not {describe(right)}"
            continue
        if id(left) in twin or id(right) in taken:
            if twin.get(id(left)) is not right:
                yield f"{place}: another object"
            continue
        twin[id(left)] = right
        taken.add(id(right))
        if isinstance(left, Object) and describe(left) == describe(right):
            assert isinstance(right, Object)
            waiting += [] if left.kind.startswith("nn.") and place else [(left.kind, left.fields, right.fields)]
        elif isinstance(left, Table) and isinstance(right, Table):
            tables.append((place, left, right))
            yield from same_keys(place, left, right)
            waiting += entries(place, left, right)
        else:
            yield f"{place}: {describe(left)}, not {describe(right)}"
    for place, left, right in tables:
        if {id(twin.get(id(key))) for key, _ in left.others} != {id(key) for key, _ in right.others}:
            yield f"{place}: its keys are other objects"


def describe(value: Value) -> str:
    """A short text: the records' own would show everything that a graph links."""
    return f"{value.kind} V {value.version}" if isinstance(value, Object) else type(value).__name__


def entries(place: str, left: Table, right: Table) -> Iterator[tuple[str, Value, Value]]:
    """Pairs of entries under the same key; a key that is an object is found by its number."""
    for name in (set(left.strings) & set(right.strings)) - RUN - {"_debugLabel"}:
        yield f"{place}.{name}", left.strings[name], right.strings[name]
    for key in set(left.numbers) & set(right.numbers):
        yield f"{place}[{key}]", left.numbers[key], right.numbers[key]
    for item, value in left.others:
        if isinstance(value, float):
            yield f"{place} key", item, next((key for key, other in right.others if other == value), None)


def same_keys(place: str, left: Table, right: Table) -> Iterator[str]:
    if set(left.strings) - RUN != set(right.strings) - RUN:
        yield f"{place}: {sorted(left.strings)}, not {sorted(right.strings)}"
    if set(left.numbers) != set(right.numbers):
        yield f"{place}: {sorted(left.numbers)}, not {sorted(right.numbers)}"
    if sorted(map(entry, left.others)) != sorted(map(entry, right.others)):
        yield f"{place}: other keys"


def entry(pair: tuple[Value, Value]) -> tuple[str, str]:
    key, value = pair
    return key.kind if isinstance(key, Object) else type(key).__name__, repr(value)


def counterpart(value: Value, table: Table) -> Value:
    return next((key for key, other in table.others if other == value), None)


CROSSED = """
a = Relu(in0)
b = Tanh(in0)
c = Sigmoid(in0)
d = Add(a, b)
e = Mul(b, c)
f = Sub(a, c)
g = Add(d, e)
out0 = Mul(g, f)
out1 = Mul(e, e)
"""
TWO = "a = Relu(in0)\nb = Add(a, in1)\nc = Tanh(b)\nd = Mul(b, in0)\nout0 = Add(c, d)\nout1 = Identity(in1)"


@pytest.mark.parametrize(("nodes", "inputs"), [(CROSSED, 1), (TWO, 2)], ids=["one input", "two inputs"])
def test_a_reader_that_is_not_ours_computes_the_same(tmp_path, nodes, inputs):
    source, file = tmp_path / "net.onnx", tmp_path / "net.t7"
    onnx.save(onnx_model(nodes, ((2, 3),) * inputs, {}, ["out0", "out1"]), source)
    converters.convert([source], "torch7", file)
    rng = np.random.default_rng(5)
    fed = [rng.standard_normal((2, 3)).astype(np.float32) for _ in range(inputs)]
    given = {f"in{place}": array for place, array in enumerate(fed)}
    theirs = host.run(discovery.find("onnxruntime"), "onnx", {"model": source}, given, timeout=60)
    assert isinstance(theirs, host.Reply), str(theirs)
    outputs = computed_by_torchfile(file, fed)
    assert len(outputs) == 2
    assert all(map(agrees, outputs, theirs.outputs.values()))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Random graphs as ONNX files and, beside them, as .t7."""
    folder = tmp_path_factory.mktemp("drawn")
    files = {}
    for seed in SEEDS:
        model, _ = random_graph(seed)
        files[seed] = folder / f"{seed}.onnx"
        onnx.save(model, files[seed])
        converters.convert([files[seed]], "torch7", files[seed].with_suffix(".t7"))
    return files


@pytest.fixture(scope="module")
def expected(drawn: dict[int, Path]) -> dict[int, host.Reply | host.Failed]:
    jobs = [host.Job("onnx", {"model": path}, random_graph(seed)[1], label=str(seed)) for seed, path in drawn.items()]
    return dict(zip(drawn, host.run_many(discovery.find("onnxruntime"), jobs, 60), strict=True))


def called(seed: int) -> dict[str, np.ndarray]:
    """The inputs under the names that our reader gives them."""
    arrays = list(random_graph(seed)[1].values())
    return {"input": arrays[0]} if len(arrays) == 1 else {f"input{place}": x for place, x in enumerate(arrays, 1)}


def demand_same(mine: host.Reply | host.Failed, theirs: host.Reply | host.Failed) -> None:
    assert isinstance(theirs, host.Reply), str(theirs)
    assert isinstance(mine, host.Reply), str(mine)
    wanted = list(theirs.outputs.values())
    assert len(mine.outputs) == len(wanted)
    assert all(map(agrees, mine.outputs.values(), wanted))


def test_random_graphs_come_back_from_t7_and_compute_the_same(drawn, expected):
    jobs = []
    for seed, path in drawn.items():
        back = path.with_suffix(".back.onnx")
        options = converters.Options(inputs={name: array.shape for name, array in called(seed).items()})
        converters.convert([path.with_suffix(".t7")], "onnx", back, options=options)
        jobs.append(host.Job("onnx", {"model": back}, called(seed), label=str(seed)))
    for seed, reply in zip(drawn, host.run_many(discovery.find("onnxruntime"), jobs, 60), strict=True):
        demand_same(reply, expected[seed])


@pytest.mark.framework
def test_the_real_torch7_computes_the_same_from_random_graphs(drawn, expected):
    jobs = [
        host.Job("torch7", {"model": path.with_suffix(".t7")}, called(seed), label=str(seed))
        for seed, path in drawn.items()
    ]
    for seed, reply in zip(drawn, host.run_many(framework("torch7"), jobs, 60), strict=True):
        demand_same(reply, expected[seed])


def test_most_random_graphs_are_no_chains_and_become_graphs(drawn):
    kinds = [t7.read(path.with_suffix(".t7")).value for path in drawn.values()]
    graphs = [kind for kind in kinds if isinstance(kind, Object) and kind.kind == "nn.gModule"]
    assert len(graphs) > len(kinds) / 2


def written(tmp_path: Path, nodes: str, count: int = 1, dialect: str | None = None) -> Object:
    source, file = tmp_path / "net.onnx", tmp_path / "net.t7"
    onnx.save(onnx_model(nodes, ((2, 3),) * count, {}), source)
    converters.convert([source], "torch7", file, dialect=dialect)
    value = t7.read(file).value
    assert isinstance(value, Object)
    return value


CHAIN = "a = Relu(in0)\nout0 = Tanh(a)"
BLOCK = "a = Relu(in0)\nb = Tanh(a)\nout0 = Add(a, b)"
BRIDGE = "a = Relu(in0)\nb = Tanh(in0)\nc = Add(a, b)\nd = Mul(a, c)\nout0 = Add(d, b)"


@pytest.mark.parametrize(
    ("nodes", "dialect", "kind", "inside"),
    [
        (CHAIN, None, "nn.Sequential", "nn.Tanh"),
        (BLOCK, None, "nn.Sequential", "nn.ConcatTable"),
        (BRIDGE, None, "nn.gModule", "nngraph.Node"),
        (BRIDGE, "nn", "nn.Sequential", "nn.SelectTable"),
        (CHAIN, "nngraph", "nn.gModule", "nngraph.Node"),
    ],
)
def test_what_nests_is_nested_and_the_dialect_decides_otherwise(tmp_path, nodes, dialect, kind, inside):
    value = written(tmp_path, nodes, dialect=dialect)
    assert value.kind == kind
    assert inside in {item.kind for item in objects_of(value)}


def test_an_input_that_nothing_uses_is_no_input_of_a_gmodule(tmp_path):
    """nngraph refuses a split of which an output is unused (nngraph/gmodule.lua)."""
    assert written(tmp_path, BRIDGE, 2).kind == "nn.Sequential"
    with pytest.raises(Diagnostic, match="an input that nothing uses"):
        written(tmp_path, BRIDGE, 2, "nngraph")


def test_a_graph_deeper_than_torchs_own_recursion_becomes_plain_nn(tmp_path):
    rungs = "\n".join(f"a{n + 1} = Tanh(a{n})" for n in range(710))
    value = written(tmp_path, f"a0 = Relu(in0)\n{rungs}\nb = Add(a1, a710)\nc = Mul(a1, b)\nout0 = Add(c, a2)")
    assert value.kind == "nn.Sequential"


def test_a_person_chooses_the_dialect(tmp_path):
    source = tmp_path / "net.onnx"
    onnx.save(onnx_model(CHAIN, ((2, 3),), {}), source)
    out = tmp_path / "net.t7"
    ran = run("convert", str(source), "--to", "torch7", "--dialect", "nngraph", "-o", str(out))
    assert ran.status == 0, ran.err
    value = t7.read(out).value
    assert isinstance(value, Object)
    assert value.kind == "nn.gModule"
    assert run("convert", str(source), "--to", "torch7", "--dialect", "lua", "-o", str(out)).status != 0
