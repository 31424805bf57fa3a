"""A process of its own that brings the files of one registry text: `python puller.py REGISTRY STORE [JOBS]`."""

from __future__ import annotations

import sys
from pathlib import Path


def main(registry: str, root: str, jobs: str = "1") -> int:
    from zoo.catalog.registry import load
    from zoo.console import Console
    from zoo.supply.download import apply, plan
    from zoo.supply.store import Store

    store = Store(Path(root))
    steps = [step for entry in load(Path(registry)).entries.values() for step in plan(entry, store)]
    for item in apply(steps, store, console=Console(), jobs=int(jobs)):
        sys.stdout.write(f"{'fetched' if item.fetched else 'kept'} {item.record.sha256}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
