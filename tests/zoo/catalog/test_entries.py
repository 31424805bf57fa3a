"""Every entry of the shipped registry is complete and agrees with the collected facts where those lie beside us."""

import re

import pytest
import yaml

from zoo.catalog.labels import labels, lines, names
from zoo.catalog.naming import PRECEDENCE, order, plain
from zoo.catalog.registry import load, shipped
from zoo.catalog.schema import FORMATS

ENTRIES = load(shipped()).entries
FACTS = {"vgg16@caffe": "caffe/vgg16", "resnet50@caffe": "caffe/resnet50", "googlenet@caffe": "caffe/bvlc_googlenet"}
PACKAGED = [entry for entry in ENTRIES.values() if entry.files[0].mirrors[0].kind == "package-index"]
FAMILIES = {
    "alexnet", "densenet", "efficientnet", "inception", "mobilenet", "nin", "resnet", "resnext", "shufflenet",
    "squeezenet", "vgg", "vgg-cnn", "wide-resnet",
}  # fmt: skip


def those(wrong):
    """The ids of all entries for which `wrong(entry)` holds: one test tells every offender."""
    return [entry.id for entry in ENTRIES.values() if wrong(entry)]


def test_the_registry_is_the_widest_of_the_classic_networks():
    assert len(ENTRIES) >= 300
    assert {entry.family for entry in ENTRIES.values()} >= FAMILIES
    assert {entry.format for entry in ENTRIES.values()} == set(FORMATS)


def test_entries_are_sorted_by_name_and_then_by_the_precedence_of_publishers():
    assert list(ENTRIES.values()) == sorted(ENTRIES.values(), key=order)
    assert {entry.source for entry in ENTRIES.values()} <= set(PRECEDENCE)


def test_an_entry_is_one_screen():
    text = shipped().read_text(encoding="utf-8").split("entries:\n", 1)[1]
    assert max(block.count("\n") for block in text.split("\n\n")) <= 60


def test_names_differ_by_more_than_their_spelling():
    spelt = {}
    for entry in ENTRIES.values():
        spelt.setdefault(plain(entry.name), set()).add(entry.name)
    assert [names for names in spelt.values() if len(names) > 1] == []
    assert those(lambda entry: any(plain(alias) in spelt for alias in entry.aliases if alias != entry.name)) == []


def test_what_is_not_known_about_the_input_is_said():
    def silent(entry):
        if not entry.inputs:
            return entry.notes is None
        return any(spec.note is None and (spec.mean is None or spec.color is None) for spec in entry.inputs)

    assert those(silent) == []


def test_packaged_networks_are_described_in_full():
    assert len(PACKAGED) == 7
    for entry in PACKAGED:
        assert all(file.size is not None and file.sha256 is not None for file in entry.files)
        for spec in entry.inputs:
            assert None not in (spec.layout, spec.color, spec.range, spec.mean)
            fixed = [size for size in spec.shape if isinstance(size, int)]
            assert spec.resize is not None or len(fixed) == 1, "a fixed size needs a resize"
        assert all(output.labels for output in entry.outputs if output.kind in ("probabilities", "logits"))


def test_label_sets_have_a_name_for_each_class():
    def unfit(entry):
        named = [output for output in entry.outputs if output.labels is not None]
        return any(len(labels(output.labels)) != output.classes for output in named)

    assert those(unfit) == []
    assert len(those(lambda entry: any(output.labels for output in entry.outputs))) > 100


def test_an_entry_has_the_files_of_its_format_or_says_which_have_no_address():
    wanted = {
        "caffe": {"graph", "weights"}, "mxnet": {"graph", "weights"}, "onnx": {"model"}, "torch7": {"model"},
        "torch": {"weights"}, "keras": {"weights"}, "lasagne": {"weights"},
    }  # fmt: skip

    def incomplete(entry):
        roles = {file.role for file in entry.files}
        alone = roles == {"archive"} or (entry.source in ("gluon", "gluoncv") and roles == {"weights"})
        return roles != wanted[entry.format] and not alone and "no known address" not in (entry.notes or "")

    assert those(incomplete) == []


def test_the_same_weights_are_said_on_both_sides_with_as_many_outputs():
    for entry in ENTRIES.values():
        for name in entry.provenance.same_weights_as:
            other = ENTRIES[name]
            assert entry.id in other.provenance.same_weights_as
            assert len(entry.outputs) == len(other.outputs)


def test_an_spdx_name_without_reservations_means_what_the_licence_says():
    free = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0"}

    def contradicts(entry):
        reserved = entry.licence.commercial == "unknown" and len(entry.licence.published) > 20
        return entry.licence.spdx in free and entry.licence.commercial != "yes" and not reserved

    assert those(contradicts) == []
    assert those(lambda entry: "NC" in (entry.licence.spdx or "") and entry.licence.commercial != "no") == []


def test_every_checksum_and_address_was_published_somewhere(shared):
    """Nothing is invented: each value stands in the collected facts, or in the packages that were read for them."""
    known = (shared / "registry" / "facts.yaml").read_text(encoding="utf-8")
    packaged = {entry.id for entry in PACKAGED}

    def invented(entry):
        files = (*entry.files, *entry.extras) if entry.id not in packaged else ()
        hashes = [checksum.value for file in files for checksum in file.checksums]
        addresses = [
            getattr(mirror, "url", getattr(mirror, "gdrive", None)) for file in files for mirror in file.mirrors
        ]
        return any(value not in known for value in hashes + [text for text in addresses if text])

    assert those(invented) == []


OF_THE_FACTS = {
    "alexnet", "caffenet", "densenet", "efficientnet", "googlenet", "inception", "inception_bn", "inception_resnet",
    "mobilenet", "nin", "resnet", "resnet_v2", "resnext", "senet", "shufflenet", "squeezenet", "vgg", "vgg_cnn",
    "wide_resnet",
}  # fmt: skip
ABSENT = {  # docs/registry.md, "What is not in it"
    "caffe2/densenet-121-caffe2", "caffe2/resnet-50-caffe2", "caffe2/squeezenet1.1-caffe2", "caffe2/vgg19-caffe2",
    "mxnet/tornadomeet/resnet-200", "torch7/densenet/densenet121", "torch7/densenet/densenet161",
    "torch7/densenet/densenet169", "torch7/densenet/densenet201", "torch7/densenet/densenet232_k48",
    "torch7/densenet/densenet264", "torch7/moodstocks/inception_v3", "torch7/soumith/inception_v1",
}  # fmt: skip


def test_every_address_and_checksum_of_the_collected_facts_of_these_families_is_here(shared):
    text = (shared / "registry" / "facts.yaml").read_text(encoding="utf-8")
    here = shipped().read_text(encoding="utf-8")
    missing = []
    for fact in yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["artifacts"]:  # noqa: TID251 - a safe loader, and four times as fast
        if fact["family"] not in OF_THE_FACTS or fact["id"] in ABSENT:
            continue
        for file in fact["files"]:
            missing += [(fact["id"], told["url"]) for told in file["urls"] if not _stands(told["url"], here)]
            missing += [
                (fact["id"], told["value"])
                for told in file["checksums"]
                # four archives of opencv_extra: sha1 of test data whose path in the archive nobody published
                if told["value"] not in here and not told["covers"].startswith("test_data_set_0/")
            ]
    assert missing == []


def _stands(url, text):
    """Files of Google Drive and of the hub stand under their ids and paths."""
    drive = re.search(r"[?&]id=([\w-]+)|/d/([\w-]+)", url)
    hub = re.match(r"https://huggingface\.co/[^/]+/[^/]+/(?:resolve|blob)/[^/]+/(.+)", url)
    part = (drive[1] or drive[2]) if drive and "google" in url else hub[1] if hub else url
    return part in text


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
