"""Tensors come back from every container that PyTorch ever wrote, bit for bit and without being read before."""

from __future__ import annotations

import json

import numpy as np
import pytest
from torch_files import (
    Call,
    Name,
    Pool,
    Refer,
    state,
    write_legacy,
    write_safetensors,
    write_tar,
    write_zip,
)

from converters import inspect
from converters.diagnostic import Diagnostic
from converters.pytorch import checkpoint
from converters.pytorch.tensors import weight
from converters.weights import FileWeight

RNG = np.random.default_rng(0)
ARRAYS = {
    "conv1.weight": RNG.standard_normal((4, 3, 3, 2)).astype(np.float32),
    "conv1.bias": RNG.standard_normal(4),
    "half": RNG.standard_normal((2, 5)).astype(np.float16),
    "count": np.array(7, np.int64),
    "mask": np.array([True, False]),
    "bytes": np.arange(5, dtype=np.uint8),
    "none": np.zeros((0, 3), np.float32),
}


def zipped(path):
    pool = Pool()
    return write_zip(path, state(ARRAYS, pool), pool)


def packed(path):
    pool = Pool()
    return write_zip(path, state(ARRAYS, pool), pool, packed=True)


def zipped_big(path):
    pool = Pool()
    return write_zip(path, state(ARRAYS, pool), pool, big=True)


def legacy(path):
    pool = Pool(view=True)
    return write_legacy(path, state(ARRAYS, pool), pool)


def legacy_big(path):
    pool = Pool(view=True)
    return write_legacy(path, state(ARRAYS, pool), pool, big=True)


def tarred(path):
    return write_tar(path, ARRAYS)


def safetensors(path):
    return write_safetensors(path, ARRAYS)


def shards(path):
    names = list(ARRAYS)
    places = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(places.values()):
        write_safetensors(path.with_name(file), {name: ARRAYS[name] for name in names if places[name] == file})
    path.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return path


WRITERS = [zipped, packed, zipped_big, legacy, legacy_big, tarred, safetensors, shards]


def load(path, key=None):
    tree = checkpoint.load(path)
    return {name: weight(name, tensor, str(path)) for name, tensor in checkpoint.select(tree, key, str(path)).items()}


def same(found, expected=ARRAYS):
    assert list(found) == list(expected)
    for name, array in expected.items():
        values = found[name].array()
        assert (values.dtype, values.shape) == (array.dtype, array.shape), name
        assert np.array_equal(values, array), name
        assert b"".join(found[name].chunks()) == array.tobytes(), name


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_tensor_comes_back(tmp_path, write):
    same(load(write(tmp_path / "net.bin")))


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_inspection_lists_every_tensor(tmp_path, write):
    found = inspect([write(tmp_path / "net.bin")])
    assert found.format == "torch"
    listed = {tensor.name: (tensor.shape, tensor.dtype) for tensor in found.tensors}
    assert listed.pop("conv1.weight") == ((4, 3, 3, 2), "float32")
    assert len(listed) == len(ARRAYS) - 1
    assert found.blockers[0].startswith("unknown-architecture")


@pytest.mark.parametrize("write", [zipped, legacy, tarred, safetensors], ids=lambda write: write.__name__)
def test_a_contiguous_tensor_stays_in_the_file(tmp_path, write):
    found = load(write(tmp_path / "net.bin"))
    assert all(isinstance(lazy, FileWeight) for lazy in found.values())


def test_tensors_of_one_storage_are_parts_of_it(tmp_path):
    pool = Pool(view=True)
    values = np.arange(24, dtype=np.float32)
    pool.arrays["0"] = values
    tree = {
        "whole": pool.part("0", 0, (4, 6), (6, 1)),
        "turned": pool.part("0", 0, (6, 4), (1, 6)),
        "second": pool.part("0", 6, (6,), (1,)),
        "spread": pool.part("0", 1, (2, 3), (0, 2)),
        "one": pool.part("0", 23, (), ()),
        "odd_strides_of_ones": pool.part("0", 4, (1, 3, 1), (99, 1, 7)),
    }
    whole = values.reshape(4, 6)
    expected = {
        "whole": whole, "turned": whole.T, "second": whole[1], "spread": np.array([[1, 3, 5]] * 2, np.float32),
        "one": values[23], "odd_strides_of_ones": values[4:7].reshape(1, 3, 1),
    }  # fmt: skip
    for write in (write_zip, write_legacy):
        found = load(write(tmp_path / write.__name__, tree, pool))
        for name, array in expected.items():
            assert np.array_equal(found[name].array(), array), (write.__name__, name)


def test_views_on_legacy_storages_begin_where_they_say(tmp_path):
    pool = Pool(view=True)
    pool.arrays["7"] = np.arange(10, dtype=np.float32)
    identity = ("storage", Name("torch", "FloatStorage"), "7", "cpu", 10, ("70", 4, 3))
    call = Call(Name("torch._utils", "_rebuild_tensor"), (Refer(identity), 1, (2,), (1,)))
    found = load(write_legacy(tmp_path / "x", {"part": call}, pool))
    assert found["part"].array().tolist() == [5, 6]


def test_views_in_tar_archives_begin_where_they_say(tmp_path):
    values = np.arange(6, dtype=np.float32)
    path = write_tar(tmp_path / "x", {"a": values}, views=[(999, 200, 2, 3)])
    same(load(path), {"a": values})


def test_bfloat16_is_read_as_such(tmp_path):
    import ml_dtypes

    pool = Pool()
    values = np.array([1.0, -2.5, 3e38], np.float32).astype(ml_dtypes.bfloat16)
    pool.arrays["0"] = values.view(np.uint16)
    identity = ("storage", Name("torch", "BFloat16Storage"), "0", "cpu", 3)
    call = Call(Name("torch._utils", "_rebuild_tensor_v2"), (Refer(identity), 0, (3,), (1,), False, {}))
    (found,) = load(write_zip(tmp_path / "x", {"a": call}, pool)).values()
    assert found.dtype.name == "bfloat16"
    assert found.array().astype(np.float32).tolist() == values.astype(np.float32).tolist()


def test_untyped_storages_take_the_tensors_type(tmp_path):
    pool = Pool()
    pool.arrays["0"] = np.arange(4, dtype=np.float32).view(np.uint8)
    identity = ("storage", Name("torch.storage", "UntypedStorage"), "0", "cpu", 16)
    arguments = (Refer(identity), 1, (3,), (1,), False, {}, Name("torch", "float32"))
    (found,) = load(
        write_zip(tmp_path / "x", {"a": Call(Name("torch._utils", "_rebuild_tensor_v3"), arguments)}, pool)
    ).values()
    assert found.array().tolist() == [1, 2, 3]


@pytest.mark.parametrize("key", ["state_dict", "model", "net.weights", "ema"])
def test_the_only_table_of_tensors_is_found_wherever_it_is(tmp_path, key):
    pool = Pool()
    tree: dict[str, object] = state(ARRAYS, pool)
    for part in reversed(key.split(".")):
        tree = {"epoch": 3, part: tree, "optimizer": {"state": {0: {"momentum_buffer": pool.tensor(np.ones(3))}}}}
    path = write_zip(tmp_path / "x", tree, pool)
    same(load(path))
    same(load(path, key))


def test_several_tables_are_refused_with_their_keys(tmp_path):
    pool = Pool()
    path = write_zip(tmp_path / "x", {"model": state(ARRAYS, pool), "ema": state(ARRAYS, pool)}, pool)
    with pytest.raises(Diagnostic, match="--key model, --key ema") as caught:
        load(path)
    assert caught.value.code == "several-networks"
    same(load(path, "ema"))


def test_a_key_may_hold_dots(tmp_path):
    pool = Pool()
    same(load(write_zip(tmp_path / "x", {"a.b": {"c": state(ARRAYS, pool)}}, pool), "a.b.c"))


@pytest.mark.parametrize(
    ("key", "words"), [("nothing", "there is: model"), ("model.nowhere", '"nowhere" is not there')]
)
def test_a_key_that_leads_nowhere_is_refused(tmp_path, key, words):
    pool = Pool()
    with pytest.raises(Diagnostic, match=words) as caught:
        load(write_zip(tmp_path / "x", {"model": state(ARRAYS, pool)}, pool), key)
    assert caught.value.code == "no-such-key"


def test_a_file_without_tensors_is_refused(tmp_path):
    with pytest.raises(Diagnostic, match="no table of tensors"):
        load(write_zip(tmp_path / "x", {"epoch": 3}, Pool()))


def test_torchscript_modules_are_walked_by_their_attributes(tmp_path):
    from torch_files import Raw, body

    pool = Pool()
    leaf = Raw(b"c__torch__.Conv\nM\n)\x81" + body({"weight": pool.tensor(ARRAYS["half"]), "training": False}) + b"b")
    tree = Raw(b"c__torch__.Net\nM\n)\x81" + body({"conv": leaf, "scale": pool.tensor(ARRAYS["conv1.bias"])}) + b"b")
    found = load(write_zip(tmp_path / "x", tree, pool, extra={"net/code/__torch__.py": b""}))
    same(found, {"conv.weight": ARRAYS["half"], "scale": ARRAYS["conv1.bias"]})


def test_code_of_torchscript_is_not_known_to_plain_checkpoints(tmp_path):
    with pytest.raises(Diagnostic, match=r"names __torch__\.Net\.M"):
        load(write_zip(tmp_path / "x", Call(Name("__torch__.Net", "M"), ()), Pool()))


def test_a_file_of_ten_gigabytes_is_listed_without_being_read(tmp_path):
    """The storage is a hole in the file: only its directory, its pickle and one header can be read at all fast."""
    import struct
    import zipfile

    from torch_files import dumps

    path = tmp_path / "large.pth"
    count = 10 * 2**30 // 4
    identity = ("storage", Name("torch", "FloatStorage"), "0", "cpu", count)
    call = Call(Name("torch._utils", "_rebuild_tensor_v2"), (Refer(identity), 0, (count,), (1,), False, {}))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", dumps({"weight": call}))
        info = zipfile.ZipInfo("net/data/0")
        header = archive.fp.tell()
        info.header_offset, info.file_size, info.compress_size = header, 4 * count, 4 * count
        info.CRC = 0
        archive.fp.write(info.FileHeader(zip64=True))
        archive.fp.seek(4 * count, 1)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive._didModify = True
    assert path.stat().st_size > 10 * 2**30
    assert struct.calcsize("P") == 8
    (tensor,) = inspect([path]).tensors
    assert (tensor.shape, tensor.bytes) == ((count,), 4 * count)
