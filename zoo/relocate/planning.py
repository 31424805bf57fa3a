"""Which relocation a file gets, by its first bytes; a format without devices gets the words that say so."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from converters.diagnostic import Diagnostic, Where
from zoo.relocate.plan import Plan, Request, whole
from zoo.relocate.source import Source, source

_HEAD = 4096
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MXNET = b"\x12\x01\0\0\0\0\0\0"


def plan(path: Path, request: Request) -> Plan:
    """How the file at `path` becomes what is asked for; nothing is written. Refuses what it does not know whole."""
    with source(path) as origin:
        head = origin.read(0, _HEAD)
        for matches, address in _PLANNERS:
            if matches(head):
                module, _, name = address.partition(":")
                planner = getattr(import_module(module), name)
                made = planner(origin, request)
                assert isinstance(made, Plan)
                return made
        return _placeless(origin, path)


def _placeless(origin: Source, path: Path) -> Plan:
    from converters.sniffing import sniff

    head = origin.read(0, _HEAD)
    if _is_safetensors(head):
        return Plan("safetensors file", origin.size, whole(origin.size), notes=(_SAFETENSORS,), places=False)
    what = sniff(path)
    if what.format in _PLACELESS:
        return Plan(what.what, origin.size, whole(origin.size), notes=(_PLACELESS[what.format],), places=False)
    raise Diagnostic("no-checkpoint", f"it is {what.what}, which holds no tensors on devices", where=Where(str(path)))


_SAFETENSORS = "no device is in the file: load it with safetensors.torch.load_file(path, device='cpu' or 'cuda:0')"
_PLACELESS = {
    "caffe": "no device is in the file: the program chooses, with Caffe::set_mode(Caffe::CPU or Caffe::GPU) in C++, "
    "caffe.set_mode_cpu() or caffe.set_mode_gpu() in Python, solver_mode in a solver's prototxt",
    "onnx": "no device is in the file: the program chooses, with onnxruntime.InferenceSession(path, "
    "providers=['CPUExecutionProvider' or 'CUDAExecutionProvider'])",
    "mxnet": "no device is in a symbol: the program chooses, with the context that it binds: mx.cpu() or mx.gpu(0)",
}


def _is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _is_tar(head: bytes) -> bool:
    """A tar by the checksum of its first header: the old format of 2016 has no magic of its own."""
    if len(head) < 512:
        return False
    try:
        wanted = int(head[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return sum(head[:148]) + 8 * 32 + sum(head[156:512]) == wanted


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 << 20


def _is_torch7(head: bytes) -> bool:
    """A .t7 begins with the tag of an object: the common ones are a table or an object with its index."""
    if head[:1] in b"012345678" and head[1:2] == b"\n":
        return True
    return head[:4] in {bytes([tag, 0, 0, 0]) for tag in range(9)} or head[:4] in {b"\0\0\0\3", b"\0\0\0\4"}


_PLANNERS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_is_zip, "zoo.relocate.pytorch:zipped"),
    (lambda head: head.startswith(_LEGACY), "zoo.relocate.pytorch:pickled"),
    (_is_tar, "zoo.relocate.tars:plan"),
    (lambda head: head.startswith(_MXNET), "zoo.relocate.mxnet:plan"),
    (lambda head: not _is_safetensors(head) and _is_torch7(head), "zoo.relocate.torch7:plan"),
)
