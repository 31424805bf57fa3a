"""Objects of S3 and Google Cloud Storage, asked for by the real clients at a store on this machine."""

import hashlib
import ssl
import sys
from dataclasses import replace

import pytest
import trustme
from entries import file_row, one_entry
from loopback import Loopback, cut, status, whole
from object_store import ObjectStore

from zoo.catalog.parsing import parse
from zoo.diagnostics import IntegrityFault, TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network

MB = 1 << 20
BODY = hashlib.shake_256(b"object").digest(9 * MB + 3)
QUICK = Network(connect=2, silence=5, tries=3, pause=0.0)
BOTH = pytest.mark.parametrize("scheme", ["s3", "gs"])


@pytest.fixture
def objects(monkeypatch, tmp_path):
    with ObjectStore() as running:
        for name, value in {
            "AWS_ENDPOINT_URL": running.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "STORAGE_EMULATOR_HOST": running.url,
            "NO_GCE_CHECK": "true",
        }.items():
            monkeypatch.setenv(name, value)
        running.objects["zoo/a/net.onnx"] = BODY
        yield running


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def pull(store, console):
    def bring(*mirrors, body=BODY, trust=False, **changes):
        entry = one_entry(file_row(body, *mirrors, **changes))
        (brought,) = apply(plan(entry, store), store, console=console, network=QUICK, trust_first_use=trust)
        return brought

    return bring


def failure(pull, *mirrors, **changes) -> str:
    with pytest.raises(TransferFault) as caught:
        pull(*mirrors, **changes)
    return "\n".join(caught.value.details)


@BOTH
def test_an_object_comes_in_ranges_each_fetched_once(objects, pull, scheme):
    brought = pull({"object": f"{scheme}://zoo/a/net.onnx"})
    assert brought.path.read_bytes() == BODY
    assert brought.record.source == f"{scheme}://zoo/a/net.onnx"
    assert sorted(objects.ranges) == [
        (first, min(first + 2 * MB, len(BODY)) - 1) for first in range(0, len(BODY), 2 * MB)
    ]


@BOTH
def test_a_range_that_fails_is_asked_for_again_and_nothing_before_it(objects, pull, scheme):
    failed = []

    def before(first):
        if first == 4 * MB and not failed:
            failed.append(first)
            return 503 if scheme == "s3" else 400  # gcsfs repeats a 503 by itself, with pauses of its own
        return None

    objects.before = before
    assert pull({"object": f"{scheme}://zoo/a/net.onnx"}).path.read_bytes() == BODY
    assert failed
    assert [first for first, _last in objects.ranges].count(0) == 1


@BOTH
def test_other_bytes_of_the_right_size_are_refused(objects, pull, store, scheme):
    objects.objects["zoo/a/net.onnx"] = bytes(len(BODY))
    assert hashlib.sha256(bytes(len(BODY))).hexdigest() in failure(pull, {"object": f"{scheme}://zoo/a/net.onnx"})
    assert not list(store.objects())


@BOTH
def test_an_object_of_another_size_is_refused_before_its_first_byte(objects, pull, scheme):
    told = failure(pull, {"object": f"{scheme}://zoo/a/net.onnx"}, body=BODY[:-1])
    assert f"it has {len(BODY):,} bytes, expected {len(BODY) - 1:,}" in told
    assert not objects.ranges


@BOTH
def test_an_absent_object_is_told(objects, pull, scheme):
    assert "there is no such object" in failure(pull, {"object": f"{scheme}://zoo/a/none.onnx"})


@BOTH
def test_an_object_that_changes_while_it_comes_is_never_a_mixture(objects, pull, scheme):
    """Nothing is published of it, so that no checksum would tell."""
    old, new = bytes(len(BODY)), BODY

    def before(first):
        if first == 4 * MB and objects.objects["zoo/a/net.onnx"] == old:
            objects.objects["zoo/a/net.onnx"] = new

    objects.objects["zoo/a/net.onnx"] = old
    objects.before = before
    unknown = {"checksums": None, "size": None, "unverified": "never published"}
    assert pull({"object": f"{scheme}://zoo/a/net.onnx"}, trust=True, **unknown).path.read_bytes() == new


@BOTH
def test_an_object_goes_on_where_an_http_mirror_broke_off(objects, pull, scheme):
    with Loopback() as server:
        broken = server.on("/net", cut(BODY, 3 * MB, then=status(404)))
        brought = pull({"url": broken}, {"object": f"{scheme}://zoo/a/net.onnx"})
    assert brought.path.read_bytes() == BODY
    assert min(objects.ranges)[0] == 3 * MB


def test_a_machine_without_credentials_asks_as_anybody(objects, pull, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert pull({"object": "s3://zoo/a/net.onnx"}).path.read_bytes() == BODY
    assert not any("Authorization" in headers for headers in objects.headers)


def test_a_private_object_needs_credentials(objects, pull, monkeypatch):
    objects.private = True
    assert pull({"object": "s3://zoo/a/net.onnx"}).fetched
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    objects.objects["zoo/b"] = b"b"
    assert "access is denied" in failure(pull, {"object": "s3://zoo/b"}, body=b"b")


@pytest.mark.parametrize(("scheme", "module"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_missing_extra_is_named_and_the_next_mirror_is_tried(objects, pull, monkeypatch, scheme, module):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert "pip install 'zoo[cloud]'" in failure(pull, {"object": f"{scheme}://zoo/a/net.onnx"})
    with Loopback() as server:
        url = server.on("/net", whole(BODY))
        assert pull({"object": f"{scheme}://zoo/a/net.onnx"}, {"url": url}).record.source == url


@BOTH
def test_a_store_is_believed_whom_the_named_bundle_vouches_for(objects, console, monkeypatch, tmp_path, scheme):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    objects.secure(context)
    for name in ("AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, objects.url)
    store = Store(tmp_path / "store")
    steps = plan(one_entry(file_row(BODY, {"object": f"{scheme}://zoo/a/net.onnx"})), store)

    def bring(bundle):
        network = replace(QUICK, tries=1, ca_bundle=tmp_path / bundle)
        return apply(steps, store, console=console, network=network)

    with pytest.raises(TransferFault) as caught:
        bring("other.pem")
    assert "certificate" in "".join(caught.value.details).lower()
    assert not objects.ranges
    assert bring("ca.pem")[0].path.read_bytes() == BODY


def test_zoo_mirror_may_be_a_bucket(objects, pull, monkeypatch):
    monkeypatch.setenv("ZOO_MIRROR", "s3://zoo/mirror/")
    objects.objects["zoo/mirror/made-up@onnx/net.onnx"] = BODY
    assert pull({"url": "http://127.0.0.1:9/net"}).record.source == "s3://zoo/mirror/made-up@onnx/net.onnx"


def test_the_disk_is_asked_before_the_first_range(objects, pull, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 20 << 20})())
    with pytest.raises(IntegrityFault) as caught:
        pull({"object": "s3://zoo/a/net.onnx"})
    assert caught.value.code == "disk-full"
    assert not objects.ranges


@pytest.mark.parametrize("place", ["s3://zoo", "s3:///a", "s3://Zoo/a", "gcs://zoo/a", "s3://zoo/a?b", "s3://zoo/a b"])
def test_an_address_that_is_none_is_a_fault_of_the_registry(place):
    from entries import entry_row, registry_text

    _entries, faults = parse(registry_text(entry_row(file_row(b"a", {"object": place}))))
    assert len(faults) == 1
