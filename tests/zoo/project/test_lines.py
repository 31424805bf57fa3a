from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.project.lines import line_of, lines

TEXT = '''# a comment
title = "x"

[[parity]] # the first
name = "a"
subjects = [
    "one", # [[parity]] in a comment
    "two",
]

[[parity]]
text = """
[[parity]]
name = 'not a key'
"""
"quoted.key" = 1
dotted.key = 2
inline = {deep = [1, 2]}

[parity.under]
x = 1
[tool."zoo"]
y = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("parity", 0), 4),
        (("parity", 0, "name"), 5),
        (("parity", 0, "subjects"), 6),
        (("parity", 0, "subjects", 1), 6),
        (("parity", 1), 11),
        (("parity", 1, "text"), 12),
        (("parity", 1, "quoted.key"), 16),
        (("parity", 1, "dotted", "key"), 17),
        (("parity", 1, "inline", "deep", 0), 18),
        (("parity", "under", "x"), 21),
        (("tool", "zoo", "y"), 23),
    ],
)
def test_every_key_has_its_line(path, line):
    assert lines(TEXT)[path] == line


def test_what_is_missing_has_the_line_of_what_is_around_it():
    found = lines(TEXT)
    assert line_of(found, ("parity", 0, "seed")) == 4
    assert line_of(found, ("nothing", "at", "all")) == 1


NAMES = st.text("abc", min_size=1, max_size=3)
VALUES = st.one_of(st.integers(0, 9).map(str), st.just('"""a\n\nb"""'), st.just("[\n1,\n2 # x\n]"), st.just('"#"'))


@given(st.lists(st.tuples(st.integers(0, 3), NAMES, VALUES), max_size=12))
def test_the_line_of_a_key_is_where_it_was_written(items):
    text, expected, table = "", {}, -1
    for blank, name, value in items:
        text += "\n" * blank + f"[[t]]\nk_{name} = {value}\n"
        table += 1
        expected["t", table, f"k_{name}"] = len(text.rstrip("\n").splitlines()) - value.count("\n")
    tomllib.loads(text)
    found = lines(text)
    assert {path: found[path] for path in expected} == expected
