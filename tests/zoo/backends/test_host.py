"""Whatever a worker does, the host answers with a value, and nothing of the worker is left."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from zoo.backends import discovery, host

X = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


def run(card, *, timeout=60, **more):
    return host.run(card, "x", {}, {"data": X}, timeout=timeout, **more)


def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until(fact, patience=20):
    end = time.monotonic() + patience
    while not fact() and time.monotonic() < end:
        time.sleep(0.02)
    return fact()


def test_outputs_come_back_with_versions_settings_and_time(worker):
    reply = run(worker("return {'twice': fed['data'] * 2, 'int': fed['data'].astype('int64')}"))
    assert np.array_equal(reply.outputs["twice"], X * 2)
    assert reply.outputs["int"].dtype == np.int64
    assert reply.versions == {"fake": "1.0"}
    assert reply.settings == {"threads": 1}
    assert reply.seconds >= 0


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3, 4, 5, 6)])
def test_arrays_of_every_shape_survive(worker, shape):
    array = np.ones(shape, np.float32)
    reply = host.run(worker(), "x", {}, {"a": array}, timeout=60)
    assert reply.outputs["a"].shape == shape


def test_fortran_order_and_foreign_byte_order_come_back_as_the_same_numbers(worker):
    reply = run(
        worker("import numpy as np\nreturn {'t': np.asfortranarray(fed['data'][0]), 'b': fed['data'].astype('>f8')}")
    )
    assert np.array_equal(reply.outputs["t"], X[0])
    assert np.array_equal(reply.outputs["b"], X)
    assert reply.outputs["b"].dtype == np.dtype("=f8")


def test_options_reach_the_worker_over_the_defaults_of_its_card(worker):
    body = "import numpy as np\nreturn {'gain': np.float32(handle['gain'] * handle['threads'])}"
    card = worker(body, options={"gain": 2.0})
    assert run(card).outputs["gain"] == 2.0
    assert run(card, options={"gain": 5.0, "threads": 2}).outputs["gain"] == 10.0


def test_threads_are_pinned_in_the_environment_of_the_worker(worker):
    body = "import os, numpy as np\nreturn {'n': np.array(int(os.environ['OMP_NUM_THREADS']))}"
    assert run(worker(body), options={"threads": 3}).outputs["n"] == 3


def test_our_environment_is_not_the_workers(worker, monkeypatch):
    monkeypatch.setenv("ZOO_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    body = "import os, sys, numpy as np\nreturn {'n': np.array(['ZOO_SECRET' in os.environ, '/nowhere' in sys.path])}"
    assert not run(worker(body)).outputs["n"].any()


def test_the_workers_folder_shadows_no_module(worker):
    body = "import json, numpy as np\nreturn {'n': np.array(hasattr(json, 'dumps'))}"
    assert run(worker(body, name="json")).outputs["n"]


@pytest.mark.parametrize(
    ("options", "said"), [({"nope": 1}, "no option nope"), ({"threads": 0}, "threads"), ({"threads": "2"}, "threads")]
)
def test_unknown_options_are_refused_without_a_process(worker, options, said):
    answer = run(worker(), options=options)
    assert answer.reason == "refused"
    assert said in answer.detail


def test_a_format_that_the_backend_does_not_read_is_refused(worker):
    answer = host.run(worker(), "y", {}, {}, timeout=60)
    assert str(answer) == "refused: fake reads x, not y"


def test_a_file_that_is_not_there_is_refused(worker, tmp_path):
    answer = host.run(worker(), "x", {"graph": tmp_path / "no.txt"}, {}, timeout=60)
    assert answer.reason == "refused"
    assert "no.txt is not a file" in answer.detail


def test_a_worker_that_is_killed_by_a_signal_is_a_value_with_the_end_of_its_log(worker):
    answer = run(worker("import os\nos.write(2, b'F1122 net.cpp:1] wrong file\\n    @  0x7f1 frame\\n')\nos.abort()"))
    assert answer.reason == "killed"
    assert answer.detail == "by SIGABRT\nF1122 net.cpp:1] wrong file"


def test_a_worker_that_hangs_is_ended_at_its_limit(worker):
    answer = run(worker("import time\nprint('thinking', flush=True)\ntime.sleep(600)"), timeout=1.5)
    assert answer == host.Failed("timeout", "no answer within 1.5 s\nthinking")


def test_a_worker_that_ends_without_a_word_is_a_value(worker):
    answer = run(worker("import os\nos._exit(3)"))
    assert answer == host.Failed("no-reply", "it ended with status 3 and no answer")


def test_sys_exit_in_a_framework_is_an_answer(worker):
    answer = run(worker("import sys\nsys.exit(0)"))
    assert (answer.reason, answer.detail) == ("failed", "SystemExit: 0")


def test_a_refusal_in_the_workers_words_comes_through(worker):
    assert run(worker("raise ValueError('the layer Foo is unknown')")) == host.Failed(
        "refused", "the layer Foo is unknown"
    )


def test_another_exception_bears_its_type(worker):
    assert run(worker("raise KeyError('conv1')")) == host.Failed("failed", "KeyError: 'conv1'")


def test_an_output_that_is_no_tensor_is_refused(worker):
    answer = run(worker("return {'label': ['cat', 'dog']}"))
    assert answer.reason == "refused"
    assert "label is no tensor of numbers" in answer.detail


def test_a_missing_module_makes_the_backend_unavailable(worker):
    answer = run(worker(needs=["no_such_framework"]))
    assert answer.reason == "unavailable"
    assert "No module named 'no_such_framework'" in answer.detail


@pytest.mark.parametrize(
    ("given", "said"),
    [({"data": X, "more": X}, "fed: data, more; the model's inputs: data"), ({"image": X}, "fed: image")],
)
def test_feeds_are_matched_with_the_models_inputs(worker, given, said):
    card = worker(more="def inputs(handle):\n    return ['data']\n")
    answer = host.run(card, "x", {}, given, timeout=60)
    assert answer.reason == "refused"
    assert said in answer.detail


def test_an_unnamed_feed_goes_to_the_only_input(worker):
    card = worker(more="def inputs(handle):\n    return ['data']\n")
    assert list(host.run(card, "x", {}, {"": X}, timeout=60).outputs) == ["data"]


# A reply that nobody vouches for: each worker below writes it by hand and leaves.

FORGE = """
import json, os, numpy as np
def reply(document):
    with open("job-0/reply.json", "w") as file:
        file.write(document if isinstance(document, str) else json.dumps(document))
def one(file="out-0.npy", name="y"):
    reply({"protocol": 1, "outputs": [{"name": name, "file": file}], "seconds": 0.1})
def npy(header, data=b""):
    head = header.encode().ljust(117) + b"\\n"
    with open("job-0/out-0.npy", "wb") as file:
        file.write(b"\\x93NUMPY\\x01\\x00" + len(head).to_bytes(2, "little") + head + data)
    one()
"""
FORGERIES = {
    "no JSON": ("reply('}{')", "not JSON"),
    "JSON nested without end": ("reply('[' * 100000)", "not JSON"),
    "a JSON list": ("reply('[]')", "protocol 1"),
    "another protocol": ("reply({'protocol': 2})", "protocol 1"),
    "five megabytes of reply": ("reply(' ' * 5000000)", "larger than"),
    "no outputs": ("reply({'protocol': 1, 'outputs': [], 'seconds': 0})", "lists no outputs"),
    "outputs that are a number": ("reply({'protocol': 1, 'outputs': 7, 'seconds': 0})", "lists no outputs"),
    "an output without a file": ("one()", "cannot be read"),
    "a name that is a number": ("one(name=4)", "no name of its own"),
    "an endless name": ("one(name='y' * 2000)", "no name of its own"),
    "an error of no known kind": ("reply({'protocol': 1, 'error': {'kind': 'x', 'message': 'y'}})", "no known kind"),
    "an error without text": ("reply({'protocol': 1, 'error': {'kind': 'failed', 'message': 4}})", "text is expected"),
    "a pickle in an npy": (
        "np.save('job-0/out-0.npy', np.array([{}], object), allow_pickle=True); one()",
        "holds object",
    ),
    "no npy": ("open('job-0/out-0.npy', 'wb').write(b'GIF89a'); one()", "not a .npy file"),
    "an empty npy": ("open('job-0/out-0.npy', 'wb'); one()", "not a .npy file"),
    "a header of 60 kB": ("npy('{' + ' ' * 60000)", "not a .npy file"),
    "a header that is code": ("npy('__import__(1)')", "not a .npy file"),
    "a shape past the data": (
        "npy(\"{'descr': '<f4', 'fortran_order': False, 'shape': (1 << 40,)}\")",
        "not a .npy file",
    ),
    "a shape of terabytes": (
        "npy(\"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999)}\")",
        "0 bytes of data follow",
    ),
    "a negative shape": ("npy(\"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1)}\", b'abcd')", "promises"),
    "a record type": (
        "npy(\"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}\", b'abcd')",
        "expected numbers",
    ),
    "a linked output": ("os.symlink('/etc/passwd', 'job-0/out-0.npy'); one()", "cannot be read"),
    "a linked reply": ("os.symlink('/etc/passwd', 'job-0/reply.json')", "cannot be read"),
    "a pipe as output": ("os.mkfifo('job-0/out-0.npy'); one()", "not a regular file"),
    "a pipe as reply": ("os.mkfifo('job-0/reply.json')", "not a regular file"),
    "a folder as reply": ("os.mkdir('job-0/reply.json')", "not a regular file"),
    "a linked job folder": ("import shutil; shutil.rmtree('job-0'); os.symlink('/tmp', 'job-0')", "no longer a folder"),
    "seconds that are no number": (
        "np.save('job-0/out-0.npy', np.zeros(1)); reply({'protocol': 1, 'outputs': [{'name': 'y'}], 'seconds': 'NaN'})",
        "seconds is 'NaN'",
    ),
    "one name twice": (
        (
            "np.save('job-0/out-0.npy', np.zeros(1)); np.save('job-0/out-1.npy', np.zeros(1)); "
            "reply({'protocol': 1, 'outputs': [{'name': 'y'}, {'name': 'y'}], 'seconds': 0})"
        ),
        "no name of its own",
    ),
}


@pytest.mark.parametrize(("act", "said"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_reply_is_not_believed(worker, act, said):
    answer = run(worker(FORGE + act + "\nos._exit(0)"))
    assert isinstance(answer, host.Failed)
    assert answer.reason == "bad-reply"
    assert said in answer.detail


def test_outputs_that_were_not_asked_for_are_not_believed(worker):
    answer = run(worker("return {'other': fed['data']}"), outputs=["y"])
    assert answer == host.Failed("bad-reply", "asked for y, it gave other")


def test_a_forged_greeting_is_not_believed(worker):
    card = worker(more="import os\nopen('reply.json', 'w').write('[1]')\nos._exit(0)\n")
    assert "bad-reply" not in str(card)
    answer = run(card)
    assert answer.reason == "unavailable"
    assert "protocol 1" in answer.detail


def test_letters_that_steer_a_terminal_do_not_come_through(worker):
    assert "\x1b" not in run(worker("raise ValueError('\\x1b[31mred')")).detail


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")
def test_children_do_not_outlive_the_worker(worker):
    body = """
    import subprocess, sys, numpy as np
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    return {'pid': np.array(child.pid)}
    """
    reply = run(worker(body))
    assert wait_until(lambda: gone(int(reply.outputs["pid"])))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_when_the_host_is_stopped_the_worker_and_its_children_die(worker, tmp_path, number, status):
    pids = tmp_path / "pids"
    body = f"""
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    open({str(pids) + ".part"!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')
    os.replace({str(pids) + ".part"!r}, {str(pids)!r})
    time.sleep(600)
    """
    card = worker(body)
    script = f"""
    import sys
    from pathlib import Path
    from zoo.backends import card, host
    try:
        host.run(card.read(Path({str(card.worker)!r})), "x", {{}}, {{}}, timeout=600)
    except KeyboardInterrupt:
        sys.exit(130)
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], env=environment)
    assert wait_until(pids.exists)
    process.send_signal(number)
    assert process.wait(30) == status
    assert all(wait_until(lambda pid=pid: gone(pid)) for pid in pids.read_text().split())
    if number == signal.SIGINT:
        assert not list(tmp_path.glob("zoo-run-*"))


def test_the_control_folder_is_private_and_removed(worker):
    body = """
    import os, numpy as np
    return {'mode': np.array(os.stat('.').st_mode & 0o777), 'cwd': np.frombuffer(os.getcwd().encode(), 'u1')}
    """
    reply = run(worker(body))
    assert reply.outputs["mode"] == 0o700
    assert not Path(bytes(reply.outputs["cwd"]).decode()).exists()


def job(label="", **more):
    return host.Job("x", {}, {"data": X}, label=label, **more)


CRASHES_ON = "import os\nif 'crash' in fed: os.abort()\nif 'hang' in fed: import time; time.sleep(600)\nreturn fed"


def test_many_jobs_share_one_process(worker):
    card = worker("import os, numpy as np\nreturn {'pid': np.array(os.getpid())}")
    replies = host.run_many(card, [job() for _ in range(20)], 60)
    assert len({int(reply.outputs["pid"]) for reply in replies}) == 1


def test_a_job_that_kills_or_hangs_the_process_fails_alone_and_by_name(worker):
    jobs = [
        job("first"),
        host.Job("x", {}, {"crash": X}, label="aborts"),
        job("third"),
        host.Job("x", {}, {"hang": X}, label="hangs"),
        job("fifth"),
    ]
    answers = host.run_many(worker(CRASHES_ON), jobs, 2)
    assert [isinstance(answer, host.Reply) for answer in answers] == [True, False, True, False, True]
    assert (answers[1].reason, answers[1].detail) == ("killed", "aborts: by SIGABRT")
    assert (answers[3].reason, answers[3].detail) == ("timeout", "hangs: no answer within 2 s")


def test_the_time_limit_is_for_one_job_not_for_all(worker):
    card = worker("import time\ntime.sleep(0.3)\nreturn fed")
    answers = host.run_many(card, [job() for _ in range(10)], 2)
    assert all(isinstance(answer, host.Reply) for answer in answers)


def test_a_refused_job_does_not_stop_the_others(worker):
    answers = host.run_many(worker(), [job("odd", options={"nope": 1}), job()], 60)
    assert answers[0] == host.Failed("refused", "odd: fake has no option nope")
    assert isinstance(answers[1], host.Reply)


def test_jobs_with_another_thread_count_get_a_process_of_their_own(worker):
    card = worker("import os, numpy as np\nreturn {'n': np.array(int(os.environ['OMP_NUM_THREADS']))}")
    answers = host.run_many(card, [job(options={"threads": n}) for n in (1, 2, 1)], 60)
    assert [int(answer.outputs["n"]) for answer in answers] == [1, 2, 1]


def test_a_job_that_forges_the_reply_of_the_next_cannot_stop_the_run(worker):
    card = worker("import shutil, os\nif 'crash' in fed:\n    shutil.rmtree('job-1')\n    os._exit(0)\nreturn fed")
    answers = host.run_many(card, [host.Job("x", {}, {"crash": X}), job()], 60)
    assert [type(answer) for answer in answers] == [host.Failed, host.Reply]


def test_no_jobs_no_answers(worker):
    assert host.run_many(worker(), [], 60) == []


def test_messages_survive_json(worker):
    assert json.loads(json.dumps(str(run(worker("raise ValueError('ümläut')"))))) == "refused: ümläut"


def test_a_full_or_closed_temp_folder_is_a_value(worker, tmp_path, monkeypatch):
    import tempfile

    card = worker()
    discovery.probe(card)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    answer = run(card)
    assert answer.reason == "unwritable"
    assert "No such file or directory" in answer.detail


def test_an_interpreter_that_does_not_exist_is_a_value(worker, monkeypatch):
    card = worker(needs=["no_such_framework"])
    monkeypatch.setenv("ZOO_PYTHON_FAKE", "no-such-python")
    assert "cannot be started" in run(card).detail
