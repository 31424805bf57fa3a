"""Certificates from end to end: written by check-parity --attest, held against the file by verify."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from cli import run
from onnx import external_data_helper, numpy_helper
from tiny import tiny

from zoo.certificate import seal
from zoo.certificate.attesting import sidecar


@pytest.fixture
def pair(tmp_path):
    """A source and a target of the same weights."""
    return tiny(tmp_path / "source.onnx"), tiny(tmp_path / "target.onnx", name="answer")


def attest(source, target, *more):
    return run("check-parity", f"{source}::opencv", f"{target}::onnxruntime", "--attest", *more)


@pytest.fixture
def attested(pair):
    source, target = pair
    ran = attest(source, target)
    assert ran.status == 0, ran.out + ran.err
    assert "has its certificate" in ran.err
    return target


def weights(path):
    return {one.name: numpy_helper.to_array(one).tobytes() for one in onnx.load(path).graph.initializer}


def test_an_attested_file_verifies_and_runs_again_with_the_same_verdict(attested):
    told = run("verify", str(attested), "--rerun", "--json")
    assert told.status == 0, told.out + told.err
    assert told.json["faults"] == []
    assert told.json["rerun"]["verdict"] == "agrees"
    certificate = told.json["certificate"]
    assert certificate["source"]["backend"] == "opencv"
    assert certificate["source_files"][0]["name"] == "source.onnx"
    assert {one["verdict"] for one in certificate["outputs"]} == {"pass"}
    assert "the certificate holds" in run("verify", str(attested)).out


def test_every_byte_of_the_file_stays_and_the_certificate_is_put_behind(pair):
    source, target = pair
    before, mode = target.read_bytes(), target.stat().st_mode
    target.chmod(0o640)
    attest(source, target)
    assert target.read_bytes().startswith(before)
    assert target.stat().st_mode != mode
    assert target.stat().st_mode & 0o777 == 0o640
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    assert [one.key for one in model.metadata_props] == ["zoo.parity"]
    assert json.loads(model.metadata_props[0].value) == json.loads(sidecar(target).read_text())


def test_attesting_again_replaces_the_certificate(attested, pair):
    first = attested.read_bytes()
    assert attest(*pair).status == 0
    assert attested.read_bytes() == first
    assert attest(*pair, "--seed", "7").status == 0
    assert len(seal.read(attested).records) == 1
    assert attested.read_bytes() != first


def test_other_metadata_stays_and_so_does_the_file_through_a_link(pair, tmp_path):
    source, target = pair
    model = onnx.load(target)
    onnx.helper.set_model_props(model, {"author": "somebody", "zoo.version": "x"})
    onnx.save(model, target)
    link = tmp_path / "link.onnx"
    link.symlink_to(target)
    assert attest(source, link).status == 0
    assert link.is_symlink()
    assert {one.key for one in onnx.load(target).metadata_props} == {"author", "zoo.version", "zoo.parity"}
    assert run("verify", str(link)).status == 0


def test_a_check_that_says_no_writes_nothing(pair, tmp_path):
    source, _ = pair
    other = tiny(tmp_path / "other.onnx", change=0.05)
    before = other.read_bytes()
    ran = attest(source, other)
    assert ran.status == 1
    assert "no certificate is written" in ran.err
    assert other.read_bytes() == before
    assert not sidecar(other).exists()


def test_without_an_onnx_file_behind_the_source_there_is_nothing_to_attest(pair):
    ran = run("check-parity", str(pair[0]), "--attest")
    assert ran.status == 2
    assert "error[attest]" in ran.err


def flip_weight(path):
    raw = path.read_bytes()
    place = raw.index(weights(path)["dense"])
    path.write_bytes(raw[: place + 5] + bytes([raw[place + 5] ^ 1]) + raw[place + 6 :])


def resave(path):
    model = onnx.load(path)
    model.doc_string = "edited"
    onnx.save(model, path)


def raise_ratio(path):
    _edit(path, lambda told: told["outputs"][0]["figures"].update(max_abs=0.0))


def turn_verdict(path):
    """A forger who knows how the digest is made."""

    def edit(told):
        told["outputs"][0]["verdict"] = "fail"

    _edit(path, edit, honest=True)


def twice(path):
    (record,) = seal.read(path).records
    path.write_bytes(path.read_bytes() + seal._record(record))


def garbage(path):
    seal.write(path, b"{}", sidecar(path), b"{}")


def other_sidecar(path):
    told = json.loads(sidecar(path).read_text())
    sidecar(path).write_text(json.dumps({**told, "explanation": "all is well"}))


def change_source(path):
    tiny(path.with_name("source.onnx"), seed=9)


def strip(path):
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)


def borrow(path):
    """The certificate of one file put into another."""
    (record,) = seal.read(path).records
    other = tiny(path.with_name("target.onnx"), seed=4, name="answer")
    seal.write(other, record, sidecar(other), sidecar(path).read_bytes())


def _edit(path, change, *, honest=False):
    from zoo.certificate.content import Certificate

    told = json.loads(seal.read(path).records[0])
    change(told)
    if honest:
        told["sha256"] = Certificate.model_validate_json(json.dumps(told)).own_digest()
    text = json.dumps(told).encode()
    seal.write(path, text, sidecar(path), text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip_weight, "stale: the file was changed after it was attested"),
        (resave, "stale: the file was changed after it was attested"),
        (borrow, "the certificate is another file's"),
        (raise_ratio, "forged: the certificate was edited"),
        (turn_verdict, "forged: it does not say that the outputs agree"),
        (twice, "one of them is forged"),
        (garbage, "it is no certificate of version 1"),
        (other_sidecar, "forged: target.onnx.parity.json says something else"),
        (change_source, "stale: the source's source.onnx was changed"),
        (strip, "there is no certificate in this file"),
    ],
)
def test_a_change_is_named_and_the_status_is_1(attested, change, said):
    change(attested)
    told = run("verify", str(attested))
    assert told.status == 1
    assert said in told.out


def test_a_forger_who_makes_everything_fit_is_found_by_running_again(attested, pair):
    """A certificate is no signature: digests alone cannot tell it from an honest one."""
    wrong = tiny(pair[1], change=0.05, name="answer")
    record = json.loads(sidecar(wrong).read_text())
    found = seal.read(wrong)
    record["target"] = {"sha256": found.sha256, "bytes": found.size, "external": {}}
    seal.write(wrong, json.dumps(record).encode(), sidecar(wrong), json.dumps(record).encode())
    _edit(wrong, lambda _told: None, honest=True)
    assert run("verify", str(wrong)).status == 0
    told = run("verify", str(wrong), "--rerun")
    assert told.status == 1
    assert "run again, says differs" in told.out


def test_weights_in_a_file_of_their_own_are_vouched_for_too(pair):
    source, target = pair
    model = onnx.load(target)
    external_data_helper.convert_model_to_external_data(model, location="w.bin", size_threshold=0)
    onnx.save(model, target)
    assert attest(source, target).status == 0
    assert run("verify", str(target)).status == 0
    side = target.with_name("w.bin")
    raw = bytearray(side.read_bytes())
    raw[3] ^= 1
    side.write_bytes(raw)
    told = run("verify", str(target))
    assert (told.status, "stale: w.bin" in told.out) == (1, True)
    side.unlink()
    assert run("verify", str(target)).status == 3


def test_the_source_may_be_gone_which_is_said_and_a_new_run_is_then_refused(attested, pair):
    pair[0].unlink()
    told = run("verify", str(attested))
    assert (told.status, "source.onnx is not here: not compared" in told.out) == (0, True)
    again = run("verify", str(attested), "--rerun")
    assert again.status == 3


def test_the_pair_may_move_together_to_another_folder(attested, pair, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    for path in (*pair, sidecar(attested)):
        path.rename(place / path.name)
    assert run("verify", str(place / attested.name), "--rerun").status == 0


def test_the_inputs_that_were_attested_are_part_of_it(pair, tmp_path):
    arrays = tmp_path / "in.npz"
    rng = np.random.default_rng(2)
    np.savez(arrays, data=rng.normal(size=(3, 3, 8, 7)).astype(np.float32))
    source, target = pair
    assert attest(source, target, "--inputs", str(arrays)).status == 0
    assert run("verify", str(target), "--rerun").status == 0
    np.savez(arrays, data=rng.normal(size=(3, 3, 8, 7)).astype(np.float32))
    told = run("verify", str(target), "--rerun")
    assert (told.status, "could not be run on the inputs that were attested" in told.out) == (1, True)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x08\x07\x72\xff"])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    told = run("verify", str(path))
    assert told.status in (1, 3)
    assert told.status == 3 or "no certificate" in told.out


def test_a_file_that_would_pass_two_gigabytes_is_refused(attested, monkeypatch):
    monkeypatch.setattr(seal, "LIMIT", 100)
    told = attest(attested.with_name("source.onnx"), attested)
    assert told.status == 3
    assert "error[too-large]" in told.err
