"""What the inputs of a check did not reach inside the network: the verdict says nothing about it."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.parity.floors import Doubles, Unmeasured
from zoo.parity.report import Idle


def not_exercised(found: Sequence[Doubles | Unmeasured]) -> tuple[Idle, ...]:
    """What none of the sets of samples reached."""
    lines: list[Idle] = []
    for one in found:
        if isinstance(one, Unmeasured):
            continue
        sets = list(one.values.values())
        for name in sets[0]:
            seen = [values[name].idle for values in sets if name in values]
            told = [idle for idle in seen if idle is not None]
            if len(told) == len(seen) and told:
                least = min(told, key=lambda idle: idle.missed)
                lines.append(Idle(least.what, name, least.missed, least.of))
        lines += [Idle("decided by rounding alone", name, 1, 1) for name, value in sets[0].items()
                  if value.exactness == "unstable"]  # fmt: skip
    return tuple(lines)
