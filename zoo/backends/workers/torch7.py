"""The real Lua Torch7, where a machine still has one: `th` on PATH runs the model through files."""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

NAME = "torch7"
READS = ["torch7"]
NEEDS = []
PROGRAMS = ["th", "luajit"]
ENV = None  # no package index has Lua Torch; it is built from its sources

_PLACE = re.compile(r"\w+(\[\d+\](\.\w+\[\d+\])*)?$")

_SCRIPT = """
require 'nn'
pcall(require, 'nngraph')
local function module(value)
  if torch.typename(value) and value.evaluate then return value end
  if type(value) ~= 'table' or torch.typename(value) then return nil end
  for _, inner in pairs(value) do
    local found = module(inner)
    if found then return found end
  end
end
local function files(count)
  local list = {}
  for i = 1, count do list[i] = torch.load('input-' .. i .. '.t7') end
  return count == 1 and list[1] or list
end
local function save(value, name)
  if torch.isTensor(value) then
    local flat = value:float():clone() -- a storage of its own, no larger than the tensor
    local sizes = io.open(name .. '.shape', 'w')
    sizes:write(table.concat(flat:size():totable(), ' '))
    sizes:close()
    local file = torch.DiskFile(name .. '.raw', 'w'):binary()
    file:writeFloat(flat:storage())
    file:close()
  else
    for i = 1, #value do save(value[i], (name == 'output' and name or name .. '.') .. i) end
  end
end
local function lines(name)
  local found, file = {}, io.open(name)
  for line in file:lines() do found[#found + 1] = line end
  file:close()
  return found
end
local function short(module)
  return torch.typename(module):match('[^.]*$')
end
local places, calls = {}, {} -- module -> where it stands, in the order in which it is run; how often it was
local function inside(module)
  if not module.forwardnodes then return module.modules or {} end
  local list = {}
  for _, node in ipairs(module.forwardnodes) do
    if node.data.module and not node.data.selectindex then list[#list + 1] = node.data.module end
  end
  return list
end
local function walk(module, place, depth)
  places[module] = places[module] or {}
  table.insert(places[module], place)
  if torch.typename(module) == 'nn.MapTable' or depth > 100 then return end -- it runs copies of what it holds
  local before = place:match('[^.]*$'):find('[', 1, true) and place .. '.' or ''
  for position, inner in ipairs(inside(module)) do
    walk(inner, before .. short(module) .. '[' .. position .. ']', depth + 1)
  end
end
local function watch(net, wanted)
  walk(net, short(net), 1)
  for module, list in pairs(places) do
    local own = module.updateOutput
    module.updateOutput = function(self, ...)
      local output = own(self, ...)
      calls[self] = (calls[self] or 0) + 1
      local number = wanted[list[calls[self]]]
      if number and torch.isTensor(output) then save(output, 'inner-' .. number) end -- before others overwrite it
      return output
    end
  end
end
torch.setdefaulttensortype('torch.FloatTensor')
torch.setnumthreads(tonumber(arg[3]))
local net = assert(module(torch.load(arg[1])), 'the file holds no module'):float()
net:evaluate()
local wanted, any = {}, false
for number, name in ipairs(lines('wanted.txt')) do wanted[name], any = number, true end
if any then watch(net, wanted) end
save(net:forward(files(tonumber(arg[2]))), 'output')
"""


def load(kind: str, files: dict, options: dict) -> dict:
    """Remember what to run: Lua reads the file itself."""
    return {"model": os.path.realpath(next(iter(files.values()))), "threads": options["threads"]}


def inputs(handle: dict) -> None:
    """None: the file does not tell names; several inputs are `input1`, `input2`..."""
    return


def run(handle: dict, fed: dict, outputs: list) -> dict:
    """Run forward in evaluation; an output table gives `output1`, `output2.1`..., a tensor `output`.

    `outputs` may name what is fed, and modules by their places: `Sequential[3].Concat[2]` as it leaves its output.
    """
    if not fed:
        raise ValueError("nothing is fed: the file does not say its inputs (--input 1,3,224,224 says a shape)")
    for old in [*Path().glob("output*.shape"), *Path().glob("inner-*.shape")]:  # of the job before
        old.unlink()
    asked = [name for name in outputs or [] if _PLACE.match(name)]
    Path("wanted.txt").write_text("".join(name + "\n" for name in asked), encoding="utf-8")
    for number, name in enumerate(sorted(fed, key=_order), 1):
        _write_tensor(Path(f"input-{number}.t7"), fed[name])
    Path("run.lua").write_text(_SCRIPT, encoding="utf-8")
    arguments = [_lua(), "run.lua", handle["model"], str(len(fed)), str(handle["threads"])]
    done = subprocess.run(  # noqa: S603 - the script is this file's own
        arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    said = done.stderr.decode("utf-8", "replace")
    sys.stderr.write(said)  # into the job's log
    if done.returncode:
        why = " ".join(said.partition("stack traceback")[0].split()) or "it said nothing"
        raise RuntimeError(f"{Path(arguments[0]).name} ended with status {done.returncode}: {why[:300]}")
    made = sorted(Path().glob("output*.shape"), key=lambda path: _order(path.stem, "output"))
    found = {path.name[: -len(".shape")]: _read_tensor(path) for path in made}
    wanted = list(found) if outputs is None else outputs
    places = {name: Path(f"inner-{number}.shape") for number, name in enumerate(asked, 1)}
    inner = {name: _read_tensor(path) for name, path in places.items() if path.is_file()}
    found = dict(fed, **inner, **found)
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise ValueError(f"nothing is named {', '.join(unknown)}; it knows {', '.join(found)}")
    return {name: found[name] for name in wanted}


def versions() -> dict:
    """The Lua program that answers for Torch: it has no version number of its own."""
    return {"torch7": Path(_lua()).name}


def probe() -> None:
    """Refuses a machine without Torch, and one whose Torch cannot load nn."""
    test = subprocess.run(  # noqa: S603 - a fixed command
        [_lua(), "-e", "require 'nn' os.exit(0)"], stdin=subprocess.DEVNULL, check=False, timeout=60
    )
    if test.returncode:
        raise ValueError("Lua Torch is here but cannot load nn")


def _lua() -> str:
    for name in PROGRAMS:
        found = shutil.which(name)
        if found and (name == "th" or _has_torch(found)):
            return found
    raise ValueError("not installed (no th on PATH): no package index has Lua Torch, it is built from its sources")


def _has_torch(luajit: str) -> bool:
    command = [luajit, "-e", "require 'torch'"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - a fixed command
    return done.returncode == 0


def _order(name: str, word: str = "input") -> list:
    """input2 comes before input10."""
    digits = name[len(word) :] if name.startswith(word) else ""
    return [int(part) for part in digits.split(".") if part.isdigit()]


def _write_tensor(path: Path, array: object) -> None:
    """A FloatTensor as torch.save writes it."""
    import numpy as np

    values = np.ascontiguousarray(array, dtype="<f4")
    strides = [stride // 4 for stride in values.strides]
    head = struct.pack("<ii", 4, 1) + _text("V 1") + _text("torch.FloatTensor") + struct.pack("<i", values.ndim)
    head += struct.pack(f"<{2 * values.ndim + 1}q", *values.shape, *strides, 1)
    head += struct.pack("<ii", 4, 2) + _text("V 1") + _text("torch.FloatStorage") + struct.pack("<q", values.size)
    path.write_bytes(head + values.tobytes())


def _text(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode("ascii")


def _read_tensor(path: Path) -> object:
    import numpy as np

    shape = [int(size) for size in path.read_text(encoding="ascii").split()]
    return np.fromfile(str(path.with_suffix(".raw")), dtype="<f4").reshape(shape)
