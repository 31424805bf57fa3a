"""Every entry of the shipped registry is complete and agrees with the collected facts where those lie beside us."""

import pytest
import yaml

from zoo.catalog.labels import labels, lines, names
from zoo.catalog.registry import load

ENTRIES = load().entries
FACTS = {"vgg16@caffe": "caffe/vgg16", "resnet50@caffe": "caffe/resnet50", "googlenet@caffe": "caffe/bvlc_googlenet"}
each_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


IMAGES = [entry for entry in ENTRIES.values() if entry.task == "image-classification" or entry.format != "torch7"]
"""Of some other Torch7 networks nobody published how they are fed; their notes say what is not known."""


@pytest.mark.parametrize("entry", IMAGES, ids=lambda entry: entry.id)
def test_an_entry_says_how_its_images_are_fed(entry):
    for spec in entry.inputs:
        assert spec.layout is not None
        assert spec.color is not None
        assert spec.range is not None
        assert spec.mean is not None
        fixed = [size for size in spec.shape if isinstance(size, int)]
        assert spec.resize is not None or len(fixed) == 1, "a fixed size needs a resize"


@each_entry
def test_an_entry_says_the_exact_size_and_the_sha256_of_every_file_that_an_index_has(entry):
    for file in entry.files:
        if all(mirror.kind == "http" for mirror in file.mirrors):
            continue  # published without them; `unverified` or another checksum is what the schema demands
        assert file.size is not None
        assert file.sha256 is not None


@each_entry
def test_classifiers_name_their_classes(entry):
    for output in entry.outputs:
        if output.kind in ("probabilities", "logits"):
            assert output.labels is not None
            assert len(labels(output.labels)) == output.classes


@each_entry
def test_a_caffe_entry_has_a_graph_and_weights(entry):
    roles = {file.role for file in entry.files}
    wanted = {"caffe": {"graph", "weights"}, "onnx": {"model"}, "torch": {"weights"}, "torch7": {"model"}}
    assert roles == wanted[entry.format]


@each_entry
def test_the_same_weights_are_said_on_both_sides_with_the_same_outputs(entry):
    for name in entry.provenance.same_weights_as:
        other = ENTRIES[name]
        assert entry.id in other.provenance.same_weights_as
        assert [output.kind for output in entry.outputs] == [output.kind for output in other.outputs]


@each_entry
def test_spdx_names_and_commercial_use_go_together(entry):
    if entry.licence.spdx in ("MIT", "Apache-2.0", "BSD-2-Clause", "CC-BY-4.0"):
        assert entry.licence.commercial == "yes"


@pytest.mark.parametrize(("name", "fact"), FACTS.items())
def test_published_networks_agree_with_the_collected_facts(name, fact, shared):
    entry, known = ENTRIES[name], _fact(shared, fact)
    theirs = {file["name"]: file for file in known["files"]}
    for file in entry.files:
        told = theirs[file.name]
        assert file.size == told["size_bytes"]
        assert {(item.alg, item.value) for item in file.checksums} == {
            (item["algo"], item["value"]) for item in told["checksums"]
        }
        assert {str(mirror) for mirror in file.mirrors} == {item["url"] for item in told["urls"]}
    (spec,) = entry.inputs
    assert list(spec.mean) == known["input"]["mean"]
    assert (spec.name, spec.layout, spec.color) == tuple(known["input"][key] for key in ("name", "layout", "color"))
    assert list(spec.shape[1:]) == known["input"]["shape"][1:]


def _fact(shared, name):
    """One artifact of the facts file, cut out by its first line: reading all 490 takes seconds."""
    text = (shared / "registry" / "facts.yaml").read_text(encoding="utf-8")
    start = text.index(f"- id: {name}\n")
    (item,) = yaml.safe_load(text[start : text.index("\n- id: ", start)])
    return item


def test_imagenet_has_1000_synsets_in_sorted_order():
    rows = lines("imagenet-1000")
    synsets = [row.split(" ", 1)[0] for row in rows]
    assert len(set(synsets)) == 1000
    assert synsets == sorted(synsets)
    assert labels("imagenet-1000")[0] == "tench, Tinca tinca"
    assert labels("imagenet-1000")[999].startswith("toilet tissue")


def test_there_are_three_label_sets():
    assert names() == ("face", "imagenet-1000", "nsfw")
    assert labels("nsfw") == ("sfw", "nsfw")
