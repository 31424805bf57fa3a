from __future__ import annotations

import io
import json

import pytest

from zoo.console import Console, _folded, document, table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def console(mode, err=None):
    return Console(mode, out=io.StringIO(), err=err or io.StringIO())


def test_a_result_is_text_on_stdout_and_nothing_on_stderr():
    one = console("human")
    one.result("x", {"a": 1}, lambda: "text\n\n")
    assert one._out.getvalue() == "text\n"
    assert one._err.getvalue() == ""


def test_json_mode_prints_one_document_that_names_schema_and_version_and_never_renders_text():
    one = console("json")
    one.result("x", {"a": 1}, lambda: pytest.fail("rendered"))
    assert json.loads(one._out.getvalue()) == {"schema": "zoo/x", "version": 1, "a": 1}


@pytest.mark.parametrize(("mode", "spoken"), [("human", True), ("json", True), ("quiet", False)])
def test_notes_go_to_stderr_unless_quiet(mode, spoken):
    one = console(mode)
    one.note("by the way")
    assert one._out.getvalue() == ""
    assert ("by the way" in one._err.getvalue()) is spoken


@pytest.mark.parametrize("err", [io.StringIO(), Terminal()])
@pytest.mark.parametrize("mode", ["human", "json", "quiet"])
def test_progress_never_reaches_stdout(mode, err):
    one = console(mode, err)
    with one.progress("net.caffemodel", 10) as advance:
        advance(4)
        advance(6)
    assert one._out.getvalue() == ""


def test_progress_says_a_line_where_no_bar_can_be_drawn(monkeypatch):
    monkeypatch.setattr("zoo.console._PLAIN_INTERVAL", 0.0)
    one = console("human")
    with one.progress("net.caffemodel", 2000) as advance:
        advance(1000)
    assert one._err.getvalue() == "net.caffemodel: 1,000 bytes of 2,000 (50%)\n"


def test_numbers_that_json_does_not_know_become_null():
    found = json.loads(document("x", {"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": (1, None)}))
    assert found["a"] == [None, 1.5]
    assert found["b"] == {"c": None}
    assert found["d"] == [1, None]


def test_a_table_aligns_its_columns_and_cuts_nothing():
    text = table(("name", "n"), [("a", "1"), ("long " * 60, "22")])
    head, first, second = text.splitlines()
    assert head.index("n", 2) == first.index("1") == second.index("22")
    assert second.startswith("long " * 59)


def test_a_table_is_aligned_as_rich_would_align_it():
    header, rows = ("name", "", "n"), [("a", "", "1"), ("", "", ""), (" x ", "[b]", "a b")]
    assert table(header, rows) == _folded(header, rows, None)
    wide = [("\u4e09", "1"), ("abc", "2")]  # one character, two columns of a terminal
    assert [line.rstrip()[-1] for line in table(("a", "b"), wide).splitlines()] == ["b", "1", "2"]
    assert table(("a", "b"), wide).splitlines()[1] == "\u4e09   1"


def test_a_table_with_a_width_folds_and_still_shows_everything():
    text = table(("name",), [("x" * 300,)], width=50)
    assert max(map(len, text.splitlines())) <= 50
    assert text.count("x") == 300


def test_square_brackets_in_a_cell_are_text_not_markup():
    assert "[red]x[/red]" in table(("a",), [("[red]x[/red]",)])
