"""Files that nobody published a checksum of are looked at before they are trusted."""

import hashlib
import io

import pytest
from archives import tar_gz, zipped
from entries import file_row, one_entry
from loopback import Loopback, whole

from zoo.diagnostics import TransferFault
from zoo.supply.arrival import objection
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network

BODY = hashlib.shake_256(b"weights").digest(5000)
PAGE = b"<!DOCTYPE html><html><head><title>\n Sign in -\n Drive </title></head><body>...</body></html>"
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123\n"
UNKNOWN = {"checksums": None, "size": None, "unverified": "never published"}


@pytest.fixture
def pull(tmp_path, console):
    def bring(*bodies, **changes):
        with Loopback() as server:
            mirrors = [{"url": server.on(f"/{number}", whole(body))} for number, body in enumerate(bodies)]
            entry = one_entry(file_row(BODY, *mirrors, **{**UNKNOWN, **changes}))
            store = Store(tmp_path / "store")
            steps = plan(entry, store)
            network = Network(connect=2, silence=2, tries=1)
            (brought,) = apply(steps, store, console=console, trust_first_use=True, network=network)
            return brought.path.read_bytes()

    return bring


def hdf5(**settings) -> bytes:
    import h5py

    sink = io.BytesIO()
    with h5py.File(sink, "w", **settings) as file:
        file["weights"] = list(range(2000))
    return sink.getvalue()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (PAGE, 'an HTML or XML page titled "Sign in - Drive"'),
        (DENIED, "an error message of an object store (AccessDenied: Access Denied)"),
        (POINTER, "a Git LFS pointer"),
        (b'{"error": {"code": 404}}', "a JSON error message"),
        (b"", "an empty file"),
        (zipped(("a", BODY))[:-30], "a zip archive without its end"),
        (hdf5()[:-100], "an HDF5 file of"),
        (hdf5(libver="latest")[:-100], "an HDF5 file of"),
    ],
)
def test_what_cannot_be_the_file_is_not_trusted_and_the_next_mirror_is_asked(pull, body, told):
    with pytest.raises(TransferFault) as caught:
        pull(body)
    assert told in caught.value.details[0]
    assert pull(body, BODY) == BODY


@pytest.mark.parametrize(
    "body", [BODY, zipped(("a", BODY)), tar_gz(("a", BODY)), hdf5(), hdf5(libver="latest"), hdf5(userblock_size=512)]
)
def test_a_whole_file_of_any_kind_is_trusted(pull, body):
    assert pull(body) == body


def test_a_page_that_somebody_published_a_checksum_of_is_what_it_is(pull):
    row = {"alg": "sha256", "value": hashlib.sha256(PAGE).hexdigest(), "origin": "a"}
    assert pull(PAGE, checksums=[row], unverified=None, size=len(PAGE)) == PAGE


def test_an_object_of_a_strange_hdf5_version_is_left_alone(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n\x09" + bytes(200))
    assert objection(tmp_path / "a.h5") is None
