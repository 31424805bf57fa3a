from __future__ import annotations

import io
import pickle  # noqa: TID251 - builds what must be refused
import zipfile

import numpy as np
import pytest

from zoo.diagnostics import Diagnostic, UsageFault
from zoo.parity import given
from zoo.parity.feeding import Port, batch_size, given_samples


def test_arrays_come_back_by_name(tmp_path):
    np.savez(tmp_path / "in.npz", data=np.ones((2, 3)), mask=np.zeros((2, 1), bool))
    found = given.arrays(tmp_path / "in.npz")
    assert found["data"].shape == (2, 3)
    assert found["mask"].dtype == bool


class Trap:
    def __reduce__(self):
        return (open, ("trap-was-sprung", "w"))


def test_a_pickle_inside_is_refused_and_never_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = io.BytesIO()
    np.lib.format.write_array(data, np.array([Trap()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile("in.npz", "w") as archive:
        archive.writestr("data.npy", data.getvalue())
        archive.writestr("other.pkl", pickle.dumps(1))
    with pytest.raises(Diagnostic) as caught:
        given.arrays(tmp_path / "in.npz")
    assert caught.value.code == "inputs-file"
    assert not (tmp_path / "trap-was-sprung").exists()


def test_a_bomb_is_refused_by_its_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "MOST", 1000)
    np.savez_compressed(tmp_path / "in.npz", data=np.zeros(100_000))
    with pytest.raises(Diagnostic, match="more than the 1,000 accepted"):
        given.arrays(tmp_path / "in.npz")


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j])])
def test_what_is_not_a_number_is_refused(tmp_path, array):
    np.savez(tmp_path / "in.npz", data=array)
    with pytest.raises(Diagnostic, match="not numbers"):
        given.arrays(tmp_path / "in.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Diagnostic, match=r"absent\.npz: cannot be read: No such file"):
        given.arrays(tmp_path / "absent.npz")


def test_names_that_are_not_the_inputs_are_refused_with_both_lists():
    with pytest.raises(Diagnostic, match="holds image; the inputs are data"):
        given_samples((Port("data", ("N", 3)),), {"image": np.ones((1, 3))}, "in.npz")


@pytest.mark.parametrize(
    "arrays", [{"a": np.ones((2, 3)), "b": np.ones((3, 3))}, {"a": np.float32(1), "b": np.ones(3)}]
)
def test_arrays_of_different_numbers_of_samples_are_refused(arrays):
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    with pytest.raises(Diagnostic, match="the same number of samples"):
        given_samples((Port("a", ("N", 3)), Port("b", ("N", 3))), arrays, "in.npz")


def test_photos_need_a_picture_input(tmp_path):
    with pytest.raises(UsageFault, match="one picture input"):
        given.photos(tmp_path, (Port("data", ("N", 3, 8, 8)),))


def test_the_number_of_samples_suits_every_fixed_batch():
    free, four, six = ((Port("x", (size, 3)),) for size in ("N", 4, 6))
    assert batch_size(4, [free, free]) == 4
    assert batch_size(5, [four, free]) == 8
    assert batch_size(4, [four, six]) == 12
