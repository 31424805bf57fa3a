"""A worker loads a model once for jobs in a row that run the same files."""

from __future__ import annotations

import numpy as np

from zoo.backends import host

X = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


def test_jobs_of_the_same_files_load_them_once_and_anew_after_a_fault(worker, tmp_path):
    more = "_loads = []\ndef load(kind, files, options):\n    _loads.append(1)\n    return len(_loads)\n"
    body = "import numpy as np\nif 'bad' in fed: raise RuntimeError('bad')\nreturn {'loads': np.array(handle)}"
    other = tmp_path / "other"
    other.write_text("x")
    jobs = [
        host.Job("x", {}, {"data": X}),
        host.Job("x", {}, {"data": X}),
        host.Job("x", {"model": other}, {"data": X}),
        host.Job("x", {"model": other}, {"bad": X}),
    ]
    jobs.append(host.Job("x", {"model": other}, {"data": X}))
    answers = host.run_many(worker(body, more=more), jobs, 60)
    assert [int(a.outputs["loads"]) if isinstance(a, host.Reply) else a.reason for a in answers] == [
        1,
        1,
        2,
        "failed",
        3,
    ]
