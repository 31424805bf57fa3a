from __future__ import annotations

import re

import pytest
from accounts import HOSTILE, agreeing, differing, nameless, rich, told
from parity_world import CAFFE

from zoo.console import Console
from zoo.parity.account import Account, Place
from zoo.parity.github import MOST, annotated, inert, summary
from zoo.parity.publish import Outlets, publish

COMMAND = re.compile(r"::(error|warning) (?:file=[^:,]*,line=\d+,)?title=[^:,]*::[^\r\n]*")


@pytest.mark.parametrize("account", [agreeing(), differing(), nameless()], ids=["agreeing", "differing", "hostile"])
def test_every_annotation_is_one_command_on_one_line_whatever_the_names_are(account):
    for line in annotated([account]):
        assert COMMAND.fullmatch(line), line


def test_a_check_that_says_yes_gives_no_annotation():
    assert annotated([agreeing()]) == []


def test_a_run_that_differs_is_an_error_with_the_sentence_and_what_is_missing_a_warning():
    lines = annotated([Account("net", differing().report), Account("other", told(absent=[CAFFE]))])
    assert "::error title=parity of net::differs: 1 run beyond rounding: squeezenet@caffe in opencv" in lines
    assert any("prob: " in line and "20 of 20 values (100.00%25) lie beyond 16 floors" in line for line in lines)
    assert lines[-1].startswith("::warning title=parity of other::squeezenet@caffe in caffe: module caffe is missing")


def test_the_annotation_of_a_project_stands_at_its_line():
    (first, *_) = annotated([differing()._replace(place=Place("zoo.toml", 7))])
    assert first.startswith("::error file=zoo.toml,line=7,title=")


def test_what_a_network_prints_between_the_marks_is_no_command():
    first, *_, last = inert("::error::forged").splitlines()
    token = first.removeprefix("::stop-commands::")
    assert last == f"::{token}::"
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert first != inert("").splitlines()[0]


def test_the_summary_holds_no_markup_of_a_file():
    text = summary([nameless()])
    for mark in ("<img", "</script", "`x`", "**b**", "::error::", "@caffe"):
        assert mark not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} == {7}


def test_the_summary_tells_verdicts_and_figures():
    text = summary([agreeing(), differing()])
    assert "### :white_check_mark: agreeing: agrees" in text
    assert "### :x: differing: differs" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| squeezenet") and "fail" in line]
    assert "x the rounding noise, at most 16 x is harmless; 20 of 20 values" in row


def test_what_is_inside_stands_in_the_summary_and_a_layer_that_differs_in_its_runs_annotation():
    account = Account("net", {**rich(differing().report), "not_inside": "--no-layers"})
    lines = [line for line in summary([account]).splitlines() if line.startswith("- inside")]
    assert len(lines) == 4
    assert "fire9/squeeze1x1 (Conv), " in lines[0]
    assert "12 inner values and 11 layers" in lines[1]
    assert lines[3].startswith("- inside: outputs and logits alone were compared")
    (wrong,) = [line for line in annotated([account]) if "differs from the reference" in line]
    assert "inside: the first layer that differs is fire9/squeeze1x1 (Conv), " in wrong


def test_a_summary_that_github_would_not_take_ends_with_the_reason():
    text = summary([differing()] * 4000)
    assert len(text.encode()) <= MOST
    assert "longer than GitHub accepts" in text


def test_the_summary_is_appended_to_the_file_that_the_runner_names(tmp_path, monkeypatch, console):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    publish([agreeing()], Outlets(github=True), console)
    assert path.read_text() == "before\n" + summary([agreeing()])


def test_outside_of_github_it_is_said_that_there_is_no_summary(monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    publish([nameless()], Outlets(github=True), Console("human"))
    err = capsys.readouterr().err
    assert "no step summary" in err
    assert HOSTILE not in err
