from __future__ import annotations

import ast
from statistics import median

from house import ROOT, name, sources, tree

MOST_LINES, MOST_MEDIAN, MOST_FUNCTION = 400, 120, 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_the_guards_see_the_packages():
    assert (ROOT / "zoo" / "__main__.py") in sources("zoo")
    assert (ROOT / "converters" / "diagnostic.py") in sources("converters")


def test_no_file_is_longer_than_400_lines():
    long = {name(path): lines(path) for path in sources("zoo", "converters", "tests", "benchmarks")}
    assert {file: count for file, count in long.items() if count > MOST_LINES} == {}


def test_no_function_is_longer_than_60_lines():
    long = {
        f"{name(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in sources("zoo", "converters", "benchmarks")
        for node in functions(path)
    }
    assert {place: count for place, count in long.items() if count > MOST_FUNCTION} == {}


def test_the_median_file_has_at_most_120_lines():
    assert median(map(lines, sources("zoo", "converters"))) <= MOST_MEDIAN


def test_every_function_says_what_it_returns():
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in sources("zoo", "converters", "benchmarks")
        if "workers" not in path.parts  # Python 3.6 syntax: their types stand in comments
        for node in functions(path)
        if node.returns is None
    ]
    assert silent == []


def test_every_worker_function_has_a_type_comment():
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in sources("zoo")
        if "workers" in path.parts and path.name != "__init__.py"
        for node in functions(path)
        if node.returns is None and "# type: (" not in _signature(path, node)
    ]
    assert silent == []


def _signature(path, node):
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[node.lineno - 1 : node.body[0].lineno])


def test_everything_public_has_a_docstring_and_so_has_every_module():
    bare = [name(path) for path in sources("zoo", "converters", "benchmarks") if ast.get_docstring(tree(path)) is None]
    bare += [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in sources("zoo", "converters")
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert bare == []


def test_no_module_has_a_name_that_says_nothing():
    assert [name(path) for path in sources("zoo", "converters", "tests", "benchmarks") if path.stem in VAGUE] == []
