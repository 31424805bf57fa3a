"""An environment is complete or not there, whatever happens while it is made."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoo.backends import discovery, environments, pythons
from zoo.console import Console
from zoo.diagnostics import BackendFault, OutputFault, UsageFault

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
QUIET = Console("quiet")


@pytest.fixture
def wheel(tmp_path):
    """A package `tinyframework` as a wheel on disk: nothing is asked of an index."""
    path = tmp_path / "tinyframework-1.0-py3-none-any.whl"
    info = "tinyframework-1.0.dist-info"
    files = {
        "tinyframework.py": "answer = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinyframework\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return path


@pytest.fixture
def tiny(worker, wheel):
    def make(*, requirement=str(wheel), needs=("tinyframework",), python=HERE):
        return worker(name="tiny", needs=needs, env={"pythons": [python], "requirements": [requirement]})

    return make


def left(card):
    """What looks installed, or is half installed."""
    return [path for path in (environments.root() / card.name,) if path.exists()]


def test_an_installed_backend_is_found_and_runs(tiny):
    card = tiny()
    assert not discovery.probe(card).available
    python, versions = environments.install(card, QUIET)
    status = discovery.probe(card)
    assert (status.origin, status.interpreter, versions) == ("installed environment", python, {"tiny": "1.0"})


def test_installing_again_keeps_what_works(tiny):
    card = tiny()
    python, _ = environments.install(card, QUIET)
    (python.parent.parent / "mine").touch()
    environments.install(card, QUIET)
    assert (python.parent.parent / "mine").exists()


def test_a_broken_environment_is_made_again(tiny):
    card = tiny()
    python, _ = environments.install(card, QUIET)
    next(python.parent.parent.glob("lib/**/tinyframework.py")).unlink()
    said = io.StringIO()
    environments.install(card, Console(err=said))
    assert "the environment is broken" in said.getvalue()
    assert discovery.probe(card).available


def test_other_requirements_make_another_environment(tiny, wheel):
    environments.install(tiny(), QUIET)
    changed = tiny(requirement=f"tinyframework @ {wheel.as_uri()}")
    assert environments.interpreter(changed) is None
    environments.install(changed, QUIET)
    assert environments.interpreter(changed) is not None


def test_a_failed_installation_leaves_its_log_and_nothing_else(tiny):
    card = tiny(requirement="/no/such/wheel-1.0-py3-none-any.whl")
    with pytest.raises(BackendFault) as caught:
        environments.install(card, QUIET)
    assert caught.value.code == "install-failed"
    assert "tiny.log" in caught.value.hint
    assert "wheel-1.0" in "\n".join(caught.value.details)
    assert (environments.root() / "tiny.log").exists()
    assert not left(card)


def test_an_installation_that_does_not_run_is_undone(tiny):
    card = tiny(needs=("tinyframework", "something_else"))
    with pytest.raises(BackendFault) as caught:
        environments.install(card, QUIET)
    assert caught.value.code == "backend-broken"
    assert "something_else" in str(caught.value)
    assert not left(card)


def test_two_installations_at_once_make_one_environment(tiny):
    card = tiny()
    said = [io.StringIO(), io.StringIO()]
    with ThreadPoolExecutor(2) as pool:
        pythons_made = set(pool.map(lambda sink: environments.install(card, Console(err=sink))[0], said))
    assert len(pythons_made) == 1
    assert sorted("making an environment" in sink.getvalue() for sink in said) == [False, True]


def test_an_interrupted_installation_leaves_nothing_that_looks_installed(tiny, tmp_path):
    (tmp_path / "temp").mkdir()
    slow = tmp_path / "slow-1.0"
    slow.mkdir()
    (slow / "setup.py").write_text("import time\ntime.sleep(600)\n")
    card = tiny(requirement=str(slow))
    script = f"""
    import sys
    from pathlib import Path
    from zoo.backends import card, environments
    from zoo.console import Console
    try:
        environments.install(card.read(Path({str(card.worker)!r})), Console())
    except KeyboardInterrupt:
        sys.exit(130)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temp")},
    )
    lines = iter(process.stderr.readline, "")
    assert any("installing" in line for line in lines)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.stderr.close()
    assert environments.interpreter(card) is None
    assert not left(card)
    assert not list((tmp_path / "temp").iterdir())


def test_what_an_interruption_left_is_cleared_by_the_next_installation(tiny):
    card = tiny()
    debris = environments.root() / "tiny" / "lib" / "half"
    debris.mkdir(parents=True)
    assert environments.interpreter(card) is None
    environments.install(card, QUIET)
    assert not debris.exists()


def test_remove_takes_the_environment_away(tiny):
    card = tiny()
    assert environments.remove(card) is False
    environments.install(card, QUIET)
    assert environments.remove(card) is True
    assert not left(card)
    assert not discovery.probe(card).available


def test_no_fitting_python_is_explained(tiny):
    with pytest.raises(BackendFault) as caught:
        environments.install(tiny(python="3.2"), QUIET)
    fault = caught.value
    assert fault.code == "no-python"
    assert "tiny needs Python 3.2" in fault.message
    for way in ("uv python install 3.2", "pyenv install 3.2", "ZOO_PYTHON_TINY"):
        assert way in fault.hint


def test_a_backend_without_environment_has_nothing_to_install(worker):
    with pytest.raises(UsageFault, match="ZOO_PYTHON_FAKE"):
        environments.install(worker(), QUIET)


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine on which no Python is found but the ones that a test puts there."""
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


REAL = f'#!/bin/sh\nexec {sys.executable} "$@"\n'


@pytest.mark.parametrize(
    "place", ["path/python{}", "pyenv_root/versions/{}.1/bin/python{}", "uv_python_install_dir/cpython-{}/bin/python{}"]
)
def test_a_python_is_found_on_path_in_pyenv_and_in_uv(bare, place, monkeypatch):
    monkeypatch.setattr(pythons.sys, "version_info", (3, 99, 0, "final", 0))
    target = script(bare / place.format(HERE, HERE), REAL)
    found = pythons.find([HERE])
    assert found.interpreter is not None, found
    assert target.exists()


def test_a_shim_that_does_not_run_is_passed_over_and_named(bare):
    shim = script(bare / "path" / "python3.2", '#!/bin/sh\necho "pyenv: python3.2: command not found" >&2\nexit 127\n')
    found = pythons.find(["3.2"])
    assert found.interpreter is None
    assert found.looked == (f"{shim}: does not run (pyenv: python3.2: command not found)",)


def test_a_python_of_another_version_is_not_taken(bare):
    liar = script(bare / "path" / "python3.2", REAL)
    assert pythons.find(["3.2"]).looked == (f"{liar}: is Python {HERE}",)


def test_the_named_python_comes_first(bare):
    named = script(bare / "mine", REAL)
    assert pythons.find(["3.2", HERE], named).interpreter is not None
    assert pythons.find(["3.2"], named).looked[0] == f"{named}: is Python {HERE}"


def test_the_best_version_comes_first(bare):
    script(bare / "path" / "python3.2", "#!/bin/sh\nexit 1\n")
    assert Path(pythons.find(["3.2", HERE]).interpreter).exists()


def test_a_folder_that_cannot_be_written_is_said(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "file" / "below"))
    with pytest.raises(OutputFault, match="cannot be written"):
        environments.install(tiny(), QUIET)
