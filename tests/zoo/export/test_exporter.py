from __future__ import annotations

import ast

import numpy as np
import pytest

from converters.hub.builder import OPSET
from zoo.backends import discovery
from zoo.diagnostics import Diagnostic
from zoo.export.exporter import Example, card
from zoo.export.network import demand_agreement


def test_the_exporter_writes_the_operator_set_of_the_hub():
    tree = ast.parse(card().worker.read_text())
    constants = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(constants["OPSET"]) == OPSET


def test_the_exporter_is_no_backend_and_shares_the_environment_of_torch():
    assert card().name == "torch"
    assert card().worker not in {found.worker for found in discovery.backends()}
    assert set(ast.literal_eval(ast.unparse(_constant("NEEDS")))) == set(card().needs)


def _constant(name):
    tree = ast.parse(card().worker.read_text())
    return next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == name)


def test_an_export_that_computes_something_else_is_refused():
    wanted = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    example = Example({}, {"y": wanted}, {})
    demand_agreement("net", [example], [{"y": wanted}])
    for wrong in ({"y": wanted + 1e-3}, {"z": wanted}, {"y": wanted[:1]}, {"y": np.full_like(wanted, np.nan)}):
        with pytest.raises(Diagnostic, match="something else than the model itself"):
            demand_agreement("net", [example], [wrong])
