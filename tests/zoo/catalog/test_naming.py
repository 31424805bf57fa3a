import hashlib

import pytest
from entries import entry_row, file_row, registry_text

from zoo.catalog.entries import Entries
from zoo.catalog.naming import choose, demanding, main_file, siblings
from zoo.catalog.parsing import parse
from zoo.catalog.registry import load, shipped
from zoo.diagnostics import IntegrityFault, UsageFault

BODY = b"weights"
SHA = hashlib.sha256(BODY).hexdigest()
SHIPPED = load(shipped()).entries


def entries(*ids, **changes):
    rows = []
    for name in ids:
        source = name.partition("@")[2]
        known = source in ("caffe", "onnx", "torch", "keras")
        role = {"role": "weights"} if source == "caffe" else {}
        row = entry_row(file_row(BODY, {"path": "/a"}, **role), id=name, **changes.get(source, {}))
        rows.append(row if known else {**row, "format": "torch"})
    found, faults = parse(registry_text(*rows))
    assert not faults
    return Entries(found)


@pytest.mark.parametrize("text", ["resnet50", "ResNet-50", "resnet_50", "RESNET 50"])
def test_a_bare_name_in_any_spelling_means_the_documented_default(text):
    choice = choose(SHIPPED, text)
    assert choice.entry.id == "resnet50@caffe"
    assert not choice.exact
    assert "resnet50@torchvision" in [other.id for other in choice.others]


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("resnet50@torchvision", "resnet50@torchvision"),
        ("ResNet50@torch", "resnet50@torchvision"),
        ("vgg16@caffe", "vgg16@caffe"),
        ("wrn50-2@caffe", "wide-resnet50-2@caffe"),
        ("inception_v3@gluon", "inception-v3@gluon"),
        ("squeezenet1.1@keras", "squeezenet1.1@rcmalli"),
    ],
)
def test_a_publisher_or_a_format_says_which(text, id_):
    assert choose(SHIPPED, text).entry.id == id_


def test_a_publisher_that_the_precedence_does_not_know_comes_last():
    choice = choose(entries("net@mine", "net@onnx"), "net")
    assert [choice.entry.id, *(other.id for other in choice.others)] == ["net@onnx", "net@mine"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resnet50@lasagnia", "did you mean resnet50@lasagne? there are resnet50@caffe"),
        ("opennfsw", "open-nsfw"),
        ("resnet5O", "resnet50"),
        ("xyzzy-qqq", "zoo ls"),
    ],
)
def test_an_unknown_name_is_answered_with_what_there_is(text, told):
    with pytest.raises(UsageFault) as caught:
        choose(SHIPPED, text)
    assert caught.value.code == "unknown-model"
    assert told in caught.value.hint


def test_siblings_are_the_same_weights_under_the_same_name():
    choice = choose(SHIPPED, "vgg16")
    found = [entry.id for entry in siblings(choice)]
    assert found[0] == "vgg16@caffe"
    assert "vgg16@keras" in found
    assert "vgg16@torchvision" not in found, "other weights"
    assert "vgg16@jcjohnson" not in found, "its outputs are logits"


def test_a_pin_that_the_published_sha256_begins_with_changes_nothing():
    (entry,) = entries("net@onnx").values()
    assert choose(Entries.of([entry]), f"net@onnx@sha256:{SHA}").entry == entry
    assert choose(Entries.of([entry]), f"net@sha256:{SHA[:8]}").entry.files[0].sha256 == SHA


def test_a_pin_of_other_bytes_is_refused():
    with pytest.raises(IntegrityFault) as caught:
        choose(entries("net@onnx"), "net@onnx@sha256:" + "0" * 64)
    assert caught.value.code == "pin"


def test_a_pin_stands_in_for_a_checksum_that_nobody_published():
    file = file_row(BODY, {"path": "/a"}, checksums=None, unverified="never published")
    found, faults = parse(registry_text(entry_row(file)))
    assert not faults
    entry = choose(Entries(found), f"made-up@sha256:{SHA}").entry
    assert entry.files[0].sha256 == SHA
    assert entry.files[0].unverified is None


def test_a_pin_is_of_the_weights():
    resnet = choose(SHIPPED, "resnet50@caffe").entry
    assert main_file(resnet).name == "ResNet-50-model.caffemodel"
    with pytest.raises(IntegrityFault):
        demanding(resnet, {"ResNet-50-model.caffemodel": "0" * 64}, "zoo.lock")
    assert demanding(resnet, {"other": "0" * 64}, "zoo.lock") == resnet
