import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import converters.hub
from converters.syntax import parse


class Switching:
    """Rubbish whose collection, in the midst of another allocation, lets the next thread run."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        time.sleep(0)


def test_threads_that_parse_at_the_same_time_all_get_their_trees():
    """With ast.parse itself this ends with SystemError in CPython 3.11.7, nearly every time."""
    sources = [path.read_bytes() for path in sorted(Path(converters.hub.__file__).parent.glob("*.py"))] * 4

    def parsed(source):
        Switching()
        return parse(source)

    pace, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(1)
    try:
        with ThreadPoolExecutor(8) as pool:
            trees = list(pool.map(parsed, sources))
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(pace)
    assert all(tree.body for tree in trees)
