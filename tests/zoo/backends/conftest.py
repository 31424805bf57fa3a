import textwrap

import pytest

from zoo.backends import card

_BODY = """
NAME = "{name}"
READS = ["x"]
NEEDS = {needs}
ENV = {env}
OPTIONS = {options}


def load(kind, files, options):
    return options


def versions():
    return {{"{name}": "1.0"}}


def run(handle, fed, outputs):
{run}
"""


@pytest.fixture(autouse=True)
def _own_backends_folder(tmp_path_factory, request, monkeypatch):
    """Fakes are remembered in a folder of the test; real frameworks live where the user's do."""
    if not request.node.get_closest_marker("framework"):
        monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path_factory.mktemp("backends")))


@pytest.fixture
def worker(tmp_path):
    """Writes a worker file whose `run` has the given body; answers its card."""

    def write(run="return dict(fed)", *, name="fake", needs=(), env=None, options=None, more=""):
        path = tmp_path / f"{name}.py"
        body = textwrap.indent(textwrap.dedent(run).strip(), "    ")
        text = _BODY.format(name=name, needs=list(needs), env=env, options=options or {}, run=body)
        path.write_text(text + textwrap.dedent(more), encoding="utf-8")
        return card.read(path)

    return write
