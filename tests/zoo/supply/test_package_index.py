import pytest
from archives import tar_gz, zipped
from entries import file_row, one_entry
from loopback import Loopback, status

from zoo.catalog.artifact import from_entry
from zoo.diagnostics import TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network

GRAPH, WEIGHTS = b'name: "net"\n' * 10, bytes(range(256)) * 8192
SDIST = tar_gz(("made-1.0/made/deploy.prototxt", GRAPH), ("made-1.0/made/net.caffemodel", WEIGHTS))
WHEEL = zipped(("made/deploy.prototxt", GRAPH), ("made/net.caffemodel", WEIGHTS))
QUICK = Network(connect=2, silence=1, tries=2, pause=0.0)


def mirror(member, kind="sdist", **changes):
    return {"kind": "package-index", "package": "made", "version": "1.0", "file": kind, "member": member} | changes


def caffe_entry(kind="sdist", prefix="made-1.0/made/", **changes):
    graph = file_row(GRAPH, mirror(f"{prefix}deploy.prototxt", kind, **changes), role="graph", name="deploy.prototxt")
    weights = file_row(
        WEIGHTS, mirror(f"{prefix}net.caffemodel", kind, **changes), role="weights", name="net.caffemodel"
    )
    return one_entry(graph, weights, id="made-up@caffe")


@pytest.fixture
def server(monkeypatch):
    with Loopback() as running:
        monkeypatch.setenv("ZOO_PACKAGE_INDEX", running.url("/simple/"))
        yield running


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def told(entry, store, console):
    with pytest.raises(TransferFault) as caught:
        apply(plan(entry, store), store, console=console, network=QUICK)
    return "\n".join(caught.value.details)


def test_two_files_of_one_sdist_are_read_from_one_download(server, store, console):
    server.publish("made", "made-1.0.tar.gz", SDIST)
    brought = apply(plan(caffe_entry(), store), store, console=console)
    assert [item.path.read_bytes() for item in brought] == [GRAPH, WEIGHTS]
    assert len(server.asked("/files/made-1.0.tar.gz")) == 1
    assert not list(store.staging.glob("*.part")), "the archive is gone"


def test_a_wheel_is_read_too_and_becomes_an_artifact(server, store, console):
    server.publish("made", "made-1.0-py3-none-any.whl", WHEEL)
    artifact = from_entry(caffe_entry("wheel", "made/"), store, console=console)
    assert artifact.format == "caffe"
    assert set(artifact.files) == {"graph", "weights"}
    assert artifact.files["weights"].read_bytes() == WEIGHTS


def test_the_index_that_pip_uses_is_used(server, store, console, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", server.url("/simple"))
    monkeypatch.delenv("ZOO_PACKAGE_INDEX")
    server.publish("made", "made-1.0.tar.gz", SDIST)
    assert all(item.fetched for item in apply(plan(caffe_entry(), store), store, console=console))


def test_an_archive_with_another_digest_than_the_index_says_is_not_opened(server, store, console):
    server.publish("made", "made-1.0.tar.gz", SDIST, digest="0" * 64)
    assert "made-1.0.tar.gz: sha256 is" in told(caffe_entry(), store, console)


@pytest.mark.usefixtures("server")
def test_an_unknown_project_is_told(store, console):
    assert "the package index has no project made" in told(caffe_entry(), store, console)


def test_an_unknown_version_is_told(server, store, console):
    server.publish("made", "made-1.1.tar.gz", SDIST)
    assert "has no sdist of made 1.0" in told(caffe_entry(), store, console)


def test_a_wheel_where_an_sdist_is_named_is_not_taken(server, store, console):
    server.publish("made", "made-1.0-py3-none-any.whl", WHEEL)
    assert "has no sdist of made 1.0" in told(caffe_entry(), store, console)


def test_an_absent_member_is_told(server, store, console):
    server.publish("made", "made-1.0.tar.gz", SDIST)
    assert "no member named made/deploy.prototxt" in told(caffe_entry(prefix="made/"), store, console)


def test_an_index_that_is_down_is_asked_again_and_told(server, store, console):
    server.on("/simple/made/", status(503))
    assert "503" in told(caffe_entry(), store, console)


def test_an_index_that_answers_something_else_is_told(server, store, console):
    server.on(
        "/simple/made/", lambda handler, _n: handler.send(200, {"Content-Type": "image/png", "Content-Length": "0"})
    )
    assert "answers with something else" in told(caffe_entry(), store, console)
