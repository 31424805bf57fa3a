"""The page in a real browser: headless Chromium, both colour schemes, a telephone's width, hostile names."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from accounts import HOSTILE, agreeing, differing, nameless, rich
from chromium import dom, picture

from zoo.parity.account import Account
from zoo.parity.page import page

PAPER = {False: (255, 255, 255), True: (0x14, 0x17, 0x1B)}
FULL = Account("net", rich(differing().report))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page([FULL]), encoding="utf-8")
    return path


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_drawn_in_the_colours_that_the_reader_prefers(written, tmp_path, dark):
    pixels = picture(written, tmp_path, dark=dark)
    assert tuple(pixels[2, 2]) == PAPER[dark]
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    assert tuple(colours[counts.argmax()]) == PAPER[dark]
    assert len(colours) > 200  # text with smooth edges, pills, dots
    assert (pixels != pixels[2, 2]).any(axis=2).mean() > 0.05
    assert (pixels[1400:] != pixels[2, 2]).any()  # the plots, far down, are there too


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_verdict_has_its_colour(written, tmp_path, dark):
    red = {False: (0xB3, 0x20, 0x2A), True: (0xFF, 0x8F, 0x95)}[dark]
    assert (picture(written, tmp_path, dark=dark) == red).all(axis=2).sum() > 300


def test_on_a_telephone_nothing_stands_beside_the_screen(written, tmp_path):
    """Wide tables scroll in boxes of their own: the margin on the right stays empty."""
    pixels = picture(written, tmp_path, dark=False, width=500, height=3000)
    assert (pixels[:, -8:] == PAPER[False]).all()


def test_a_browser_makes_of_hostile_names_nothing_but_text(tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(page([nameless(), agreeing()]), encoding="utf-8")
    made = Tags(dom(path, tmp_path))
    tags = {tag for tag, _ in made.found}
    assert tags.isdisjoint({"script", "img", "iframe", "object", "embed", "form", "base"})
    assert not [name for _, attributes in made.found for name in attributes if name.startswith("on")]
    assert "<img src=x onerror=alert(1)>" in "".join(made.text)


def test_the_page_needs_nothing_else():
    text = page([nameless(), FULL])
    made = Tags(text)
    policy = [a["content"] for tag, a in made.found if tag == "meta" and a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    fetching = {"src", "srcset", "data", "action", "background", "poster"}
    assert not [attributes for _, attributes in made.found if fetching & set(attributes)]
    assert all(a["href"].startswith("#") for _, a in made.found if "href" in a)
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_says_everything_that_the_report_says():
    text = " ".join("".join(Tags(page([FULL])).text).split())
    for said in (
        "1 run beyond rounding: squeezenet@caffe in opencv.",
        "20 of 20 values (100.00%) lie beyond 16 floors",
        "The reference, run twice, gave the same numbers.",
        "The first layer whose error leaps: fire9/squeeze1x1",
        "All 28 tensors",
        "12 inner values and 11 layers, fed the reference's own, are within the limit, the farthest at 2.3 x the floor",
        "1 of 13 inner values of the reference are not in it by name, the first: fire9/squeeze1x1",
        "not compared: fire9/squeeze1x1 as a whole",
        "Worst elements",
        "eps of fire9/squeeze1x1",
        "with eps 1e-5 fire9/squeeze1x1 agrees",
        "noise floor",
        "4 of a test",
        "at most 16 x the noise floor, by RMS and by maximum",
    ):
        assert said in text, said


def test_a_plot_has_a_mark_a_tensor_and_a_floor():
    made = Tags(page([FULL]))
    marks = [a for tag, a in made.found if tag == "circle" and a["class"].startswith("dot") and a["r"] == "3.5"]
    assert len(marks) == len(FULL.report["tensors"])
    assert sum(a["class"] == "dot no" for a in marks) == 8
    assert any(tag == "polyline" for tag, _ in made.found)
    assert all(0 <= float(a["cx"]) <= 920 and 0 <= float(a["cy"]) <= 300 for a in marks)


@pytest.mark.parametrize(
    "missing", ["tensors", "layers", "doctor", "not_exercised", "reference", "rows", "environment", "inputs"]
)
def test_a_report_that_lacks_a_part_is_still_a_page(missing):
    report = {name: value for name, value in FULL.report.items() if name != missing}
    assert page([Account("net", report)]).startswith("<!doctype html>")


def test_several_checks_stand_on_one_page_behind_a_list_of_them():
    made = Tags(page([agreeing(), differing()]))
    assert [a["href"] for tag, a in made.found if tag == "a"] == ["#check-0", "#check-1"]
    assert [a["id"] for tag, a in made.found if tag == "section"] == ["check-0", "check-1"]
    assert "1 of 2 checks say yes." in "".join(made.text)


def test_an_infinite_error_is_told_as_such():
    """JSON has no infinity: the report holds null there."""
    report = rich(differing().report)
    report["rows"][0]["outputs"][0]["figures"]["ratio"] = None
    report["tensors"][3] |= {"rms": None, "ratio": None}
    assert re.search(r"<td class=\"n\">inf</td>", page([Account("net", report)]))


def test_control_characters_never_reach_the_page():
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", page([Account(HOSTILE, nameless().report)]))
