"""Names that a file chooses become Python identifiers: ASCII, short, unique, and none that Python or torch uses."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

_MOST = 48  # characters; a longer name makes no line of code clearer
_MODULE_ATTRIBUTES = [
    "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu", "cuda",
    "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "ipu", "load", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "parameters",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "requires_grad_", "set_extra_state",
    "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train", "training", "type", "xpu",
    "zero_grad", "like",
]  # fmt: skip
# torch 2.13's nn.Module; names that begin with an underscore cannot come out of `identifier`
_IN_SCOPE = [
    "self", "torch", "nn", "F", "Tensor", "math", "json", "os", "Model", "List", "Optional", "Tuple", "Dict", "INPUTS",
    "OUTPUTS", "load", "weights", "x",
]  # fmt: skip

TAKEN = frozenset([*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_MODULE_ATTRIBUTES, *_IN_SCOPE])


def identifier(name: str, fallback: str = "value") -> str:
    """`name` as a lower-risk word: letters, digits and underscores; never empty, never starting with a digit."""
    word = re.sub(r"[^0-9A-Za-z]+", "_", name[:512]).strip("_")
    word = word[-_MOST:].strip("_") if len(word) > _MOST else word
    if not word:
        return fallback
    return f"{fallback}_{word}" if word[0].isdigit() else word


class Names:
    """Hands out identifiers, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*TAKEN, *taken}

    def take(self, name: str, fallback: str = "value") -> str:
        """An identifier like `name` that nobody has yet."""
        wanted = identifier(name, fallback)
        candidate, number = wanted, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{wanted}_{number}"
        self._taken.add(candidate)
        return candidate
