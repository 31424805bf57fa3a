"""https on the loopback: who vouches for a server, and whom it is reached through."""

import hashlib
import ssl

import pytest
import trustme
from cli import run
from entries import entry_row, file_row, one_entry, write_registry
from loopback import Loopback, whole

from zoo.diagnostics import TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network

BODY = hashlib.shake_256(b"weights").digest(100_000)
SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in (*SETTINGS, *PROXIES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server(tmp_path):
    """A server whose certificate only tmp_path/ca.pem vouches for."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback() as running:
        running.secure(context)
        yield running


@pytest.fixture
def pull(server, tmp_path, console):
    def bring(ca_bundle=None):
        url = server.on("/net", whole(BODY)).replace("http://", "https://")
        network = Network(connect=2, silence=2, tries=1, ca_bundle=ca_bundle)
        store = Store(tmp_path / "store")
        steps = plan(one_entry(file_row(BODY, {"url": url})), store)
        (brought,) = apply(steps, store, console=console, network=network)
        return brought.fetched

    return bring


def refused(pull, *arguments) -> bool:
    with pytest.raises(TransferFault) as caught:
        pull(*arguments)
    return "CERTIFICATE_VERIFY_FAILED" in caught.value.details[0]


def test_a_server_that_nobody_vouches_for_is_refused(pull):
    assert refused(pull)


def test_a_bundle_that_is_named_counts(pull, tmp_path):
    assert pull(tmp_path / "ca.pem")


def test_the_bundle_of_the_command_counts_before_that_of_the_environment(pull, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    assert refused(pull)
    assert pull(tmp_path / "ca.pem")


def test_the_bundle_of_the_environment_counts_alone(pull, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert pull()


def test_the_certificates_of_the_system_count(pull, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # how OpenSSL is told where the system's lie
    assert pull()


def test_a_bundle_of_the_environment_leaves_the_system_out(pull, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    assert refused(pull)


def test_the_option_of_pull_names_a_bundle(server, tmp_path, monkeypatch):
    url = server.on("/net", whole(BODY)).replace("http://", "https://")
    registry = write_registry(tmp_path / "r.yaml", entry_row(file_row(BODY, {"url": url})))
    monkeypatch.setenv("ZOO_REGISTRY", str(registry))
    ran = run("pull", "made-up@onnx", "--ca-bundle", str(tmp_path / "ca.pem"))
    assert ran.status == 0, ran.err


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_asked_in_place_of_the_server(name, tmp_path, console, monkeypatch):
    far = "http://models.example.org/net"
    with Loopback() as proxy:
        proxy.answers[far] = whole(BODY)
        monkeypatch.setenv(name, proxy.url(""))
        store = Store(tmp_path / "store")
        entry = one_entry(file_row(BODY, {"url": far}))
        (brought,) = apply(plan(entry, store), store, console=console, network=Network(connect=2, silence=2, tries=1))
        assert brought.record.source == far
        assert len(proxy.asked(far)) == 1


def test_no_proxy_names_servers_that_are_asked_themselves(tmp_path, console, monkeypatch):
    with Loopback() as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        store = Store(tmp_path / "store")
        entry = one_entry(file_row(BODY, {"url": server.on("/net", whole(BODY))}))
        assert apply(plan(entry, store), store, console=console, network=Network(tries=1))[0].fetched
