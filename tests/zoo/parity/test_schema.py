"""Every report validates against the published schemas, by jsonschema, and the schemas name every field of it."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest
from accounts import agreeing, differing, nameless, rich, told
from house import ROOT
from parity_world import CAFFE

from zoo.console import document
from zoo.diagnostics import Diagnostic
from zoo.parity.account import Account, Place
from zoo.parity.publish import checks
from zoo.parity.request import Request, refused

REFUSED = refused(Request(("a.onnx",)), Diagnostic("no-file", "a.onnx: no such file", hint="look"))
REPORTS = {
    "agreeing": agreeing().report,
    "differing": differing().report,
    "hostile": nameless().report,
    "full": rich(differing().report) | {"not_exercised": [{"what": "channels", "where": "conv1", "count": 1, "of": 4}]},
    "absent": told(absent=[CAFFE]),
    "nothing measured": told(broken=lambda _data: {}),
    "refused": REFUSED.report,
}


def schema(name):
    found = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def closed(part):
    """The schema with no field allowed that it does not name."""
    if isinstance(part, dict):
        made = {key: closed(value) for key, value in part.items()}
        return made | {"additionalProperties": False} if "properties" in part else made
    return [closed(one) for one in part] if isinstance(part, list) else part


def written(name, payload):
    return json.loads(document(name, copy.deepcopy(dict(payload))))


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_report_is_valid_and_has_no_field_that_the_schema_does_not_name(report):
    plain = {name: value for name, value in report.items() if name not in ("schema", "version")}
    if plain.get("not_exercised") and isinstance(plain["not_exercised"][0], str):
        plain["not_exercised"] = []
    jsonschema.validate(written("parity", plain), schema("parity"))
    jsonschema.validate(written("parity", plain), closed(schema("parity")))


def test_the_report_of_a_list_is_valid():
    accounts = [agreeing()._replace(place=Place("zoo.toml", 3)), Account("gone", REFUSED.report)]
    jsonschema.validate(written("parity-checks", checks(accounts)), schema("parity-checks"))


@pytest.mark.parametrize("change", [{"status": "0"}, {"verdict": "fine"}, {"rows": None}, {"schema": "zoo/other"}])
def test_the_schema_refuses_what_is_no_report(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written("parity", agreeing().report) | change, schema("parity"))
