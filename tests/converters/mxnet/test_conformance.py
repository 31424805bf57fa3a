"""ONNX's own operator cases: one for each set of operators here, all of them by benchmarks/onnx_to_mxnet.py."""

from __future__ import annotations

import pytest
from frameworks import framework
from mxnet_cases import judge
from torch_cases import operator_cases

pytestmark = pytest.mark.framework


def test_what_is_written_agrees_and_all_else_is_refused_by_name(tmp_path):
    chosen = {}
    for case in operator_cases():
        names = tuple(sorted({node.op_type for node in case.model.graph} - {"Constant"}))
        if "_expanded" not in case.name:
            chosen.setdefault(names, case)
    verdicts = judge(list(chosen.values()), tmp_path, framework("mxnet"))
    wrong = {name: why for name, why in verdicts.items() if why.partition(":")[0] not in ("agree", "refused")}
    assert wrong == {}
    assert sum(why == "agree" for why in verdicts.values()) >= 80
