"""The real PyTorch and MXNet: files they wrote for a GPU load on the CPU after relocation, every number the same."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from frameworks import framework

from zoo.backends import discovery
from zoo.relocate.applying import apply
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan

pytestmark = [pytest.mark.framework, pytest.mark.xdist_group("relocate-frameworks")]

# Storages are tagged as on a GPU by PyTorch's own writer: taggers of a lower priority number are asked first. `fresh`
# makes a new string for each storage, as the tagger of CUDA does; `shared` the same object, as that of the CPU does.
MAKE = """
import sys, torch
folder = sys.argv[1]
style = [None]
tag = {"fresh": lambda _: "".join(["cuda", ":0"]), "shared": lambda _: "cuda:0"}
torch.serialization.register_package(1, lambda o: tag[style[0]](o) if style[0] else None, lambda o, l: None)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.LazyLinear(5))
net(torch.rand(2, 3, 5, 6)).sum().backward()
optimizer = torch.optim.Adam(net.parameters()); optimizer.step()
base = torch.arange(24.0).reshape(4, 6)
kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
         torch.bool, torch.complex64]
def wrapped():
    return torch.nn.DataParallel(net).state_dict()
content = {
    "state": net.state_dict(), "prefixed": wrapped(), "optimizer": optimizer.state_dict(), "device": "cpu",
    "note": "cuda:0",
    "views": [base, base[1:3, ::2], base.t(), base[0].expand(3, 6)],
    "kinds": [torch.ones(3).to(kind) for kind in kinds],
    "empty": torch.zeros(0, 4),
    "parameter": torch.nn.Parameter(torch.rand(3)), "sparse": torch.eye(4).to_sparse(),
    "quantised": torch.quantize_per_tensor(torch.rand(4), 0.1, 3, torch.quint8), "place": torch.device("cuda", 1),
}
STYLES = {"zip": {}, "old": {"_use_new_zipfile_serialization": False}, "protocol4": {"pickle_protocol": 4}}
for name, options in STYLES.items():
    for style[0] in (None, "fresh", "shared"):
        torch.save(content, f"{folder}/{name}-{style[0]}.pth", **options)
torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 2))), f"{folder}/script.pt")
"""
LOAD = """
import sys, torch
def same(a, b):
    if isinstance(a, torch.Tensor):
        assert a.device.type == b.device.type == "cpu" and a.dtype == b.dtype and a.shape == b.shape
        if a.layout == torch.strided:
            assert a.stride() == b.stride() and a.storage_offset() == b.storage_offset()
            if not a.is_quantized:
                assert bytes(a.untyped_storage()) == bytes(b.untyped_storage())
        assert torch.equal(a.to_dense() if a.is_sparse else a, b.to_dense() if b.is_sparse else b)
        pairs.append((a, b))
    elif isinstance(a, dict):
        assert list(a) == list(b)
        [same(a[key], b[key]) for key in a]
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        [same(x, y) for x, y in zip(a, b)]
    else:
        assert a == b, (a, b)
for one, two in zip(sys.argv[1::2], sys.argv[2::2]):
    pairs = []
    safe = "protocol4" not in one  # torch reads that protocol with weights_only=False only
    same(torch.load(one, weights_only=safe), torch.load(two, weights_only=safe))
    sharing = lambda side: [[x.untyped_storage()._cdata == y.untyped_storage()._cdata for x in side] for y in side]
    strided = [(a, b) for a, b in pairs if a.layout == torch.strided]
    assert sharing([a for a, _ in strided]) == sharing([b for _, b in strided])
print("same")
"""
NAMES = ("zip", "old", "protocol4")


def moved(path, to, **options):
    out = path.with_name(f"{path.stem}.{to.replace(':', '')}{path.suffix}")
    apply(plan(path, Request(to, **options)), path, out, durable=False)
    return out


def python(name, *arguments):
    interpreter = discovery.probe(framework(name)).interpreter
    done = subprocess.run([str(interpreter), *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("torch")
    python("torch", "-c", MAKE, str(made))
    return made


def test_real_torch_loads_relocated_files_as_weights_only_without_map_location(folder):
    pairs = []
    for name in NAMES:
        for style in ("fresh", "shared"):
            pairs += [str(folder / f"{name}-None.pth"), str(moved(folder / f"{name}-{style}.pth", "cpu"))]
    assert python("torch", "-c", LOAD, *pairs) == "same\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", ["fresh", "shared"])
def test_what_real_torch_tagged_for_a_gpu_goes_to_the_cpu_and_back_without_a_trace(folder, name, style):
    path = folder / f"{name}-{style}.pth"
    assert moved(moved(path, "cpu"), "cuda:0").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_what_real_torch_wrote_on_the_cpu_goes_to_a_gpu_and_back_without_a_trace(folder, name):
    path = folder / f"{name}-None.pth"
    assert moved(moved(path, "cuda:0"), "cpu").read_bytes() == path.read_bytes()


def test_members_stand_where_real_torch_puts_them(folder):
    def places(path):
        with zipfile.ZipFile(path) as archive:
            return [(info.filename, info.header_offset, info.file_size) for info in archive.infolist()]

    mine = moved(moved(folder / "zip-fresh.pth", "cpu"), "cuda:0")
    assert places(mine) == places(folder / "zip-fresh.pth")


def test_a_prefix_is_gone_for_real_torch(folder):
    out = folder / "stripped.pth"
    apply(
        plan(folder / "zip-fresh.pth", Request("cpu", strip_prefix="module.")),
        folder / "zip-fresh.pth",
        out,
        durable=False,
    )
    check = """
import sys, torch
found = torch.load(sys.argv[1], weights_only=True)
assert list(found["prefixed"]) == list(found["state"]), list(found["prefixed"])
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(48, 5))
net.load_state_dict(found["prefixed"], strict=True)
assert found["prefixed"]._metadata[""]["version"] == 1 and "1" in found["prefixed"]._metadata
print("loaded")
"""
    assert python("torch", "-c", check, str(out)) == "loaded\n"


def test_a_torchscript_archive_runs_after_the_way_there_and_back(folder):
    there = moved(folder / "script.pt", "cuda:0")
    back = moved(there, "cpu")
    assert back.read_bytes() == (folder / "script.pt").read_bytes()
    run = "import sys, torch; print(torch.jit.load(sys.argv[1])(torch.ones(3)).shape)"
    assert python("torch", "-c", run, str(back)) == "torch.Size([2])\n"


def test_a_torchscript_archive_with_device_constants_runs_on_the_cpu(folder):
    source = Path(folder / "model.py")
    source.write_text(
        "import sys, torch\n"
        "class M(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.place = torch.device('cuda:0')\n"
        "    def forward(self, x):\n"
        "        return x + torch.ones(3, device=torch.device('cuda:0')) + torch.zeros(3).to(self.place)\n"
        "torch.jit.save(torch.jit.script(M()), sys.argv[1])\n"
    )
    path = folder / "constants.pt"
    python("torch", str(source), str(path))
    run = "import sys, torch; print(torch.jit.load(sys.argv[1])(torch.ones(3)).tolist())"
    assert python("torch", "-c", run, str(moved(path, "cpu"))) == "[2.0, 2.0, 2.0]\n"


MXNET_MAKE = """
import sys, mxnet as mx, numpy as np
values = mx.nd.array(np.arange(6, dtype="f4").reshape(2, 3))
kinds = ("float64", "float16", "int8", "uint8", "int32", "int64")
arrays = {f"arg:{kind}": mx.nd.array([1, 2], dtype=kind) for kind in kinds}
sparse = {f"aux:{kind}": values.tostype(kind) for kind in ("row_sparse", "csr")}
mx.nd.save(sys.argv[1], {"arg:w": values, **sparse, **arrays})
"""
MXNET_LOAD = """
import sys, mxnet as mx, numpy as np
one, two = map(mx.nd.load, sys.argv[1:3])
assert list(one) == list(two)
for name, array in one.items():
    assert two[name].context == mx.cpu(0) and array.dtype == two[name].dtype and array.stype == two[name].stype
    assert np.array_equal(array.asnumpy(), two[name].asnumpy())
print("same")
"""


def test_what_real_mxnet_wrote_goes_to_a_gpu_and_back_without_a_trace_and_loads(tmp_path):
    made = tmp_path / "net.params"
    python("mxnet", "-c", MXNET_MAKE, str(made))
    there = moved(made, "cuda:0")
    assert there.read_bytes() != made.read_bytes()
    back = moved(there, "cpu")
    assert back.read_bytes() == made.read_bytes()
    assert python("mxnet", "-c", MXNET_LOAD, str(made), str(back)) == "same\n"
