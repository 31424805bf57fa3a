"""Inputs are the same everywhere, and are made as the entry declares."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.backends import feeds
from zoo.diagnostics import Diagnostic


def spec(**more):
    blank = dict.fromkeys(("range", "mean", "scale", "std", "resize", "crop"))
    return SimpleNamespace(
        **{"name": "data", "shape": ("N", 3, 4, 6), "layout": "NCHW", "color": "RGB", **blank, **more}
    )


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


PICTURE = feeds.random_images((4, 6), 3, 2)


def test_random_images_are_the_same_on_every_machine():
    assert digest(feeds.random_images((13, 7), 0, 2).astype("u1")) == "34d4d1cc4df70935"


def test_seeded_numbers_are_the_same_on_every_machine():
    assert digest(feeds.seeded("data", (2, 3), 0).astype("<f4")) == "8cd85e6b47aca033"


def test_random_images_look_like_eight_bit_pictures_smooth_ones_and_white_noise():
    images = feeds.random_images((64, 48), 5, 4)
    assert images.shape == (4, 3, 64, 48)
    assert images.dtype == np.float32
    assert np.array_equal(images, images.round())
    assert images.min() == 0
    assert images.max() == 255
    step = np.abs(np.diff(images, axis=3)).mean(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    assert (step[::2] < 0.5).all()
    assert (step[1::2] > 1).all()
    assert not np.array_equal(images[0], images[2])


def test_the_first_images_do_not_depend_on_the_size_of_the_batch():
    assert np.array_equal(feeds.random_images((9, 9), 1, 4)[:2], feeds.random_images((9, 9), 1, 2))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32))
def test_images_of_every_size_and_seed_are_made(height, width, seed):
    images = feeds.random_images((height, width), seed, 2)
    assert images.shape == (2, 3, height, width)
    assert 0 <= images.min() <= images.max() <= 255


def test_seeded_numbers_are_normal_and_differ_by_name_and_seed():
    array = feeds.seeded("a", ("N", 50_000), 1, batch=2)
    assert array.shape == (2, 50_000)
    assert abs(array.mean()) < 0.02
    assert abs(array.std() - 1) < 0.02
    assert not np.array_equal(array, feeds.seeded("b", (2, 50_000), 1))
    assert not np.array_equal(array, feeds.seeded("a", (2, 50_000), 2))


def test_a_dimension_without_a_size_is_refused_with_what_to_type():
    with pytest.raises(Diagnostic, match="--input x:1,3,1,1") as caught:
        feeds.seeded("x", ("N", 3, "H", "W"), 0)
    assert caught.value.code == "open-shape"


def test_colour_order_mean_scale_and_layout_are_applied_as_declared():
    declared = spec(color="BGR", mean=(104.0, 117.0, 123.0), scale=0.017, layout="NHWC", shape=("N", 4, 6, 3))
    fed = feeds.apply(declared, PICTURE)
    expected = (PICTURE[:, ::-1] - np.array([104, 117, 123], np.float32).reshape(3, 1, 1)) * np.float32(0.017)
    np.testing.assert_array_equal(fed, expected.transpose(0, 2, 3, 1))
    assert fed.flags.c_contiguous
    assert fed.dtype == np.float32


def test_range_mean_and_std_are_in_one_unit():
    fed = feeds.apply(spec(range=(0.0, 1.0), mean=(0.5, 0.25, 0.125), std=(0.5, 0.25, 2.0)), PICTURE)
    mean, std = np.array([0.5, 0.25, 0.125]).reshape(3, 1, 1), np.array([0.5, 0.25, 2.0]).reshape(3, 1, 1)
    np.testing.assert_allclose(fed, (PICTURE / 255 - mean) / std, atol=1e-6)


def test_a_range_that_does_not_start_at_zero():
    fed = feeds.apply(spec(range=(-1.0, 1.0)), PICTURE)
    np.testing.assert_allclose(fed, PICTURE / 127.5 - 1, atol=1e-6)


def test_gray_is_the_luma_of_the_picture():
    fed = feeds.apply(spec(color="gray", shape=("N", 1, 4, 6)), PICTURE)
    r, g, b = PICTURE.transpose(1, 0, 2, 3)
    np.testing.assert_allclose(fed[:, 0], 0.299 * r + 0.587 * g + 0.114 * b, rtol=1e-6)


def test_a_fixed_batch_is_filled_by_repeating_or_cut():
    assert np.array_equal(feeds.apply(spec(shape=(5, 3, 4, 6)), PICTURE), PICTURE[[0, 1, 0, 1, 0]])
    assert np.array_equal(feeds.apply(spec(shape=(1, 3, 4, 6)), PICTURE), PICTURE[:1])


def test_the_canonical_picture_is_not_changed():
    before = PICTURE.copy()
    feeds.apply(spec(mean=(1.0, 2.0, 3.0), scale=2.0), PICTURE)
    assert np.array_equal(PICTURE, before)


def test_an_input_that_takes_no_images_says_so():
    with pytest.raises(Diagnostic) as caught:
        feeds.apply(spec(layout=None), PICTURE)
    assert caught.value.code == "not-an-image"


def test_the_size_comes_from_shape_crop_or_warp():
    resize = SimpleNamespace(mode="warp", size=(30, 20), interpolation="bilinear")
    anything = ("N", 3, "H", "W")
    assert feeds.size(spec()) == (4, 6)
    assert feeds.size(spec(shape=("N", 5, 7, 3), layout="NHWC")) == (5, 7)
    assert feeds.size(spec(shape=anything, crop=(8, 9), resize=resize)) == (8, 9)
    assert feeds.size(spec(shape=anything, resize=resize)) == (30, 20)
    with pytest.raises(Diagnostic, match="any size"):
        feeds.size(spec(shape=anything))


@pytest.fixture
def save(tmp_path):
    def write(picture, name="p.png", **more):
        picture.save(tmp_path / name, **more)
        return tmp_path / name

    return write


def bands(height, width):
    """Left half red, right half blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    return Image.fromarray(pixels)


def test_an_image_of_the_right_size_comes_through_unchanged(save):
    pixels = PICTURE[0].astype(np.uint8).transpose(1, 2, 0)
    assert np.array_equal(feeds.image(save(Image.fromarray(pixels)), spec()), PICTURE[:1])


def test_warp_then_crop_takes_the_centre(save):
    resize = SimpleNamespace(mode="warp", size=8, interpolation="nearest")
    fed = feeds.image(save(bands(16, 64)), spec(shape=("N", 3, 4, 4), resize=resize, crop=(4, 4)))
    assert fed.shape == (1, 3, 4, 4)
    assert (fed[0, 0, :, :2] == 255).all()
    assert (fed[0, 2, :, 2:] == 255).all()


def test_short_side_keeps_the_shape_of_the_picture(save):
    resize = SimpleNamespace(mode="short-side", size=4, interpolation="bilinear")
    fed = feeds.image(save(bands(16, 64)), spec(shape=("N", 3, 4, 16), resize=resize))
    np.testing.assert_array_equal(fed[0, 0, :, :7], 255)
    np.testing.assert_array_equal(fed[0, 0, :, 9:], 0)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest", "area"])
def test_every_interpolation_of_the_registry_is_known(save, interpolation):
    resize = SimpleNamespace(mode="warp", size=(4, 6), interpolation=interpolation)
    assert feeds.image(save(bands(16, 64)), spec(resize=resize)).shape == (1, 3, 4, 6)


def test_a_picture_is_turned_upright_by_its_exif_note(save):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn by 90 degrees clockwise
    fed = feeds.image(save(bands(40, 40), "p.jpg", exif=exif, quality=100), spec(shape=("N", 3, 40, 40)))
    assert fed[0, 0, :10].mean() > 240
    assert fed[0, 2, 30:].mean() > 240


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_pictures_of_every_eight_bit_mode_are_read(save, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    assert feeds.image(save(bands(4, 6).convert(mode), f"p.{suffix}"), spec()).shape == (1, 3, 4, 6)


def test_sixteen_bit_pictures_are_refused_not_clipped(save):
    with pytest.raises(Diagnostic, match="8 bits a channel"):
        feeds.image(save(Image.fromarray(np.full((4, 6), 40_000, np.uint16))), spec())


def test_a_picture_that_is_smaller_than_the_crop_is_refused(save):
    resize = SimpleNamespace(mode="short-side", size=3, interpolation="bilinear")
    with pytest.raises(Diagnostic, match="smaller than 4 x 6"):
        feeds.image(save(bands(10, 10)), spec(resize=resize))


@pytest.mark.parametrize("keep", [0, 4, 100, 400])
def test_truncated_pictures_are_refused_by_name(save, keep):
    noise = feeds.random_images((40, 40), 0, 2)[1].astype(np.uint8).transpose(1, 2, 0)
    path = save(Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Diagnostic) as caught:
        feeds.image(path, spec())
    assert caught.value.code == "bad-image"
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_picture_or_not_there_is_refused(tmp_path):
    (tmp_path / "page.jpg").write_text("<html>")
    with pytest.raises(Diagnostic, match="no image format"):
        feeds.image(tmp_path / "page.jpg", spec())
    with pytest.raises(Diagnostic, match="No such file"):
        feeds.image(tmp_path / "none.jpg", spec())


def test_a_picture_that_claims_a_billion_pixels_is_refused_unread(tmp_path):
    from struct import pack
    from zlib import crc32

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))

    head = chunk(b"IHDR", pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IEND", b""))
    with pytest.raises(Diagnostic) as caught:
        feeds.image(tmp_path / "bomb.png", spec())
    assert "pixels" in str(caught.value)
