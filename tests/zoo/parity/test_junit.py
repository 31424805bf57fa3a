from __future__ import annotations

import os
import tarfile
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from accounts import agreeing, differing, nameless, rich, told
from parity_world import CAFFE
from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple

from zoo.diagnostics import BackendFault, Diagnostic
from zoo.parity.account import Account
from zoo.parity.junit import junit
from zoo.parity.request import Request, refused

REFUSED = refused(Request(("a.onnx",)), Diagnostic("no-file", "a.onnx: no such file", hint="look"))
ABSENT = Account("absent", told(absent=[CAFFE]))
EVERY = {
    "agreeing": agreeing(),
    "differing": differing(),
    "hostile": nameless(),
    "refused": REFUSED,
    "one backend absent": ABSENT,
}


def red(suite):
    return [case for case in suite if case.find("failure") is not None or case.find("error") is not None]


@pytest.mark.parametrize("account", EVERY.values(), ids=EVERY)
def test_a_suite_is_red_exactly_when_the_exit_status_is_not_0(account):
    (suite,) = ET.fromstring(junit([account]))
    assert bool(red(suite)) == bool(account.status)


@pytest.mark.parametrize("account", EVERY.values(), ids=EVERY)
def test_the_counts_of_a_suite_are_those_of_its_cases(account):
    (suite,) = ET.fromstring(junit([account]))
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute)) == sum(case.find(tag) is not None for case in cases)


def test_every_output_of_every_run_is_a_case_with_the_sentence_of_its_failure():
    (suite,) = ET.fromstring(junit([differing()]))
    (failure,) = suite.findall("testcase[@name='prob']/failure")
    assert "20 of 20 values (100.00%) lie beyond 16 floors" in failure.get("message")
    assert {case.get("classname") for case in suite.findall("testcase[@name='prob']")} == {
        "differing.squeezenet@caffe in opencv 1.0",
        "differing.squeezenet@caffe -> onnx in onnxruntime 1.0",
    }


def test_every_look_inside_is_a_case_and_red_where_a_layer_decided():
    report = rich(differing().report)
    (suite,) = ET.fromstring(junit([Account("net", {**report, "not_inside": "--no-layers"})]))
    wrong, right, blind, nobody = suite.findall("testcase[@name='inside']")
    assert "the first layer that differs is fire9/squeeze1x1 (Conv), " in wrong.find("failure").get("message")
    assert right.get("classname") == "net.squeezenet@caffe -> onnx in onnxruntime 1.0"
    assert "12 inner values and 11 layers" in right.find("system-out").text
    assert blind.find("skipped").get("message") == "not compared: fire9/squeeze1x1 as a whole"
    assert nobody.get("classname") == "net"
    assert nobody.find("skipped").get("message") == "outputs and logits alone were compared: --no-layers"
    report["tolerance"]["kind"] = "tolerance"  # set by hand, it says nothing of layers: the check may say yes
    (suite,) = ET.fromstring(junit([Account("net", report)]))
    assert [case.get("name") for case in red(suite)] == ["verdict", "prob"]


def test_what_could_not_begin_is_an_error_with_its_cause():
    (suite,) = ET.fromstring(junit([REFUSED]))
    (error,) = suite.findall("testcase[@name='verdict']/error")
    assert error.get("message") == "no-file: a.onnx: no such file"
    assert REFUSED.status == Diagnostic.exit_status


def test_what_did_not_run_is_skipped_with_the_remedy_and_an_error_where_it_was_asked_for():
    (suite,) = ET.fromstring(junit([ABSENT]))
    (skipped,) = suite.findall("testcase/skipped")
    assert "zoo backends install caffe" in skipped.text
    report = told(absent=[CAFFE])
    report["not_run"][0]["status"] = report["status"] = BackendFault.exit_status
    (suite,) = ET.fromstring(junit([Account("asked for", report)]))
    assert [case.get("name") for case in red(suite)] == ["verdict", f"{report['not_run'][0]['label']} in caffe"]


def test_several_checks_are_several_suites_with_their_sums_in_front():
    root = ET.fromstring(junit(list(EVERY.values())))
    assert [suite.get("name") for suite in root][:2] == ["agreeing", "differing"]
    assert int(root.get("tests")) == sum(int(suite.get("tests")) for suite in root)


@pytest.mark.index
def test_the_document_is_valid_by_the_schema_of_jenkins_that_pytest_tests_itself_with(tmp_path):
    judge = xmlschema.XMLSchema(schema(tmp_path))
    judge.validate(junit(list(EVERY.values())))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        judge.validate(junit([agreeing()]).replace("<testcase name=", "<testcase title=", 1))


def schema(folder):
    """junit-10.xsd of Jenkins' xUnit plugin, out of pytest's own sources."""
    with PyPISimple(os.environ.get("PIP_INDEX_URL") or PYPI_SIMPLE_ENDPOINT) as index:
        packages = index.get_project_page("pytest").packages
        (package,) = [one for one in packages if one.package_type == "sdist" and one.version == "8.4.2"]
        index.download_package(package, folder / package.filename)
    with tarfile.open(folder / package.filename) as archive:
        (member,) = [one for one in archive.getnames() if one.endswith("/junit-10.xsd")]
        return archive.extractfile(member).read().decode()
