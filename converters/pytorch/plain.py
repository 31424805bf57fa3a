"""Any checkpoint -> a safetensors file of the one network that is meant."""

from __future__ import annotations

from pathlib import Path

from converters.diagnostic import Diagnostic, Where
from converters.outputs import whole
from converters.pytorch import checkpoint
from converters.pytorch.storing import storable, store
from converters.pytorch.tensors import weight

_WRAPPER = "module."  # before every name where nn.DataParallel saved itself


def as_safetensors(path: Path, key: str | None, out: Path) -> Path:
    """Write the tensors that `key` means, or the only table of them, under the names that a module knows."""
    state = checkpoint.select(checkpoint.load(path), key, str(path))
    wrapped = all(name.startswith(_WRAPPER) for name in state)
    weights = {
        name.removeprefix(_WRAPPER) if wrapped else name: weight(name, one, str(path)) for name, one in state.items()
    }
    strange = [name for name, one in weights.items() if not storable(one.dtype)]
    quantised = [name for name, one in state.items() if one.quantised]
    if strange or quantised:
        raise Diagnostic(
            "unsupported-type",
            "some of its tensors are complex or quantised",
            where=Where(file=str(path)),
            details=(strange + quantised)[:100],
        )
    with whole(out) as sink:
        store(sink, weights)
    return out
