import pytest

from zoo.catalog import document
from zoo.catalog.document import read


def test_values_are_plain_and_lists_are_tuples():
    value = read("a: [1, -2, 1.5, 2.5e-3, true, null, x, '1']\nb: {c: {}}\n").value
    assert value == {"a": (1, -2, 1.5, 0.0025, True, None, "x", "1"), "b": {"c": {}}}


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "n", "2024-02-01", "1:30", "0x10", "1e5", ".5", "=", "1.2.3"]
)
def test_words_stay_words(word):
    assert read(f"a: {word}").value == {"a": word}


def test_a_line_is_known_for_every_value():
    told = read("a:\n  b:\n  - c\n  - d: 1\n    e: 2\n")
    assert told.line(["a"]) == 1
    assert told.line(["a", "b", 0]) == 3
    assert told.line(["a", "b", 1, "e"]) == 5
    assert told.line(["a", "b", 1, "absent"]) == 4
    assert told.line(["a", "tag-of-a-union", "b", 1, "e"]) == 5


def test_merged_keys_yield_to_own_keys_and_keep_their_lines():
    told = read("one: &one\n  a: 1\n  b: 1\ntwo:\n  <<: *one\n  b: 2\n")
    assert told.value["two"] == {"a": 1, "b": 2}
    assert told.line(["two", "a"]) == 2
    assert told.line(["two", "b"]) == 6


def test_the_first_of_several_merged_mappings_wins():
    assert read("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}").value["c"] == {"x": 1, "y": 2}


def test_a_key_that_stands_twice_is_told_with_both_lines():
    (fault,) = read("a: 1\nb: 2\na: 3\n").faults
    assert str(fault) == 'line 3: key "a" stands twice (first on line 1)'


def test_a_syntax_error_is_told_with_its_line():
    (fault,) = read("a: 1\nb: [1, 2\nc: 3\n").faults
    assert fault.line == 3
    assert fault.text.startswith("YAML syntax: ")


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [ls]", "a: !x 1", "a: !!binary aGk=", "a: !!set {b}", "a: !!int x"]
)
def test_tags_that_make_more_than_plain_values_are_refused(text):
    told = read(text)
    assert [fault.line for fault in told.faults] == [1]
    assert told.value == {"a": None}


def test_an_alias_inside_its_own_anchor_is_refused():
    (fault,) = read("a: &a\n  - *a\n").faults
    assert "inside the value that it names" in fault.text


def test_an_alias_bomb_is_refused_without_being_written_out():
    layers = [f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 10)}]" for number in range(1, 12)]
    told = read("\n".join(["l0: &l0 [x, x]", *layers]))
    assert told.value is None
    assert f"more than {document.MAX_VALUES:,} values" in told.faults[0].text


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 5000 + "]" * 5000, "{a: " * 5000 + "}" * 5000])
def test_a_file_that_is_nested_too_deeply_is_told(text):
    (fault,) = read(text).faults
    assert fault.text == "YAML syntax: nested too deeply"


def test_a_key_that_is_no_string_is_refused():
    assert [fault.line for fault in read("1: a\nb: c\n[x]: y\n").faults] == [1, 3]


def test_an_empty_file_has_no_value():
    assert read("# nothing\n").value is None
