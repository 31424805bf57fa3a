"""What models are fed: canonical images (RGB, NCHW, float32 in 0..255) shaped by what an entry declares, or noise.

Two entries of one network that want different layouts, colour orders or ranges see the same picture.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from zoo.diagnostics import Diagnostic, Where

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_WHITE = 255.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenCV and Pillow turn RGB into gray
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")  # Pillow's 8-bit modes


class Resize(Protocol):
    """How an image is brought to size before the crop: `zoo.catalog.schema.Resize` is one."""

    @property
    def mode(self) -> Literal["warp", "short-side"]: ...
    @property
    def size(self) -> int | tuple[int, int]: ...
    @property
    def interpolation(self) -> str: ...


class InputSpec(Protocol):
    """What `apply` and `image` ask of an input: `zoo.catalog.schema.InputSpec` is one."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int | str, ...]: ...
    @property
    def layout(self) -> str | None: ...
    @property
    def color(self) -> str | None: ...
    @property
    def range(self) -> tuple[float, float] | None: ...
    @property
    def mean(self) -> tuple[float, ...] | None: ...
    @property
    def scale(self) -> float | None: ...
    @property
    def std(self) -> tuple[float, ...] | None: ...
    @property
    def resize(self) -> Resize | None: ...
    @property
    def crop(self) -> tuple[int, int] | None: ...


def random_images(shape: InputSpec | tuple[int, int], seed: int, batch: int) -> np.ndarray:
    """Canonical images [batch, 3, height, width] of whole numbers, the same on every machine and numpy version.

    Even ones are smooth (octaves of interpolated lattice noise, amplitude as wavelength: a photograph's 1/f spectrum),
    odd ones are white noise. Drawn from PCG64's raw stream, the only one that numpy promises to keep, in integers.
    """
    height, width = shape if isinstance(shape, tuple) else size(shape)
    images = [(_white if index % 2 else _smooth)(_Raw(seed, index), height, width) for index in range(batch)]
    return np.stack(images).astype(np.float32)


def seeded(name: str, shape: Sequence[int | str], seed: int, *, batch: int = 1) -> np.ndarray:
    """Normal float32 numbers for an input that no entry describes; its name takes part in the seed.

    Symbolic dimensions: the first is `batch`, another one is refused as `open-shape`.
    """
    open_dims = [dim for dim in shape[1:] if not isinstance(dim, int)]
    if open_dims:
        raise Diagnostic(
            "open-shape",
            f"input {name} has dimensions without a size: {', '.join(map(str, open_dims))}",
            hint=f"say them: --input {name}:{','.join('1' if isinstance(dim, str) else str(dim) for dim in shape)}",
        )
    sizes = [dim if isinstance(dim, int) else batch for dim in shape]
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    raw = _Raw(seed, digest)
    count = int(np.prod(sizes, dtype=np.int64))
    # Irwin-Hall: twelve uniform numbers of 16 bits, exact in float64, so no library's log or cos takes part
    uniform = raw.bytes(count * 24).view("<u2").reshape(count, 12).astype(np.float64)
    normal: np.ndarray = (uniform.sum(axis=1) + 6.0) / 65536.0 - 6.0
    return normal.astype(np.float32).reshape(sizes)


def seeded_whole(name: str, shape: Sequence[int], seed: int, below: int) -> np.ndarray:
    """Whole numbers from 0, each smaller than `below` and as likely as any other; int64, drawn like `seeded`'s."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    raw = _Raw(seed, digest).bytes(int(np.prod(shape, dtype=np.int64)) * 4).view("<u4").astype(np.uint64)
    whole: np.ndarray = (raw * np.uint64(below) >> np.uint64(32)).astype(np.int64)
    return whole.reshape(shape)


def size(spec: InputSpec) -> tuple[int, int]:
    """Height and width of an image input: by its shape, else its crop, else a warp to a fixed size."""
    layout = _layout(spec)
    height, width = spec.shape[layout.index("H")], spec.shape[layout.index("W")]
    if isinstance(height, int) and isinstance(width, int):
        return height, width
    if spec.crop:
        return spec.crop
    if spec.resize and spec.resize.mode == "warp":
        return _pair(spec.resize.size)
    raise Diagnostic("open-shape", f"input {spec.name} is of any size and its entry names no crop")


def apply(spec: InputSpec, canonical: np.ndarray) -> np.ndarray:
    """The batch as the model wants it: colour order, range, minus mean, times scale or by std, layout; float32.

    `mean` and `std` count in the units of `range` and in the order of `color`. A batch that the model fixes is
    filled by repeating images, or cut.
    """
    layout = _layout(spec)
    low, high = spec.range or (0.0, _WHITE)
    planes = _COLORS[spec.color](canonical)
    if (low, high) != (0.0, _WHITE):
        planes = planes * np.float32((high - low) / _WHITE) + np.float32(low)
    if spec.mean is not None:
        planes = planes - _column(spec.mean)
    if spec.scale is not None:
        planes = planes * np.float32(spec.scale)
    if spec.std is not None:
        planes = planes / _column(spec.std)
    batch = spec.shape[0]
    if isinstance(batch, int) and batch != len(planes):
        planes = planes[np.arange(batch) % len(planes)]
    axes = ["NCHW".index(axis) for axis in layout]
    return np.ascontiguousarray(planes.transpose(axes), dtype=np.float32)


def image(path: Path, spec: InputSpec) -> np.ndarray:
    """An image file as the model wants it, batch of one: upright by its EXIF note, resized, cropped, applied.

    Diagnostic `bad-image` when Pillow cannot read the whole of it.
    """
    return apply(spec, canonical(path, spec))


def canonical(path: Path, spec: InputSpec) -> np.ndarray:
    """The upright, resized and centre-cropped image as [1, 3, h, w], RGB, float32 in 0..255."""
    height, width = size(spec)
    fitted = _crop(_resize(_upright(path), spec.resize, height, width), height, width)
    if fitted is None:
        reason = f"resized as {spec.name} wants it, it is smaller than {height} x {width}"
        raise Diagnostic("bad-image", reason, where=Where(str(path)))
    return np.asarray(fitted, np.float32).transpose(2, 0, 1)[None]


def _upright(path: Path) -> PillowImage:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                if file.mode in _MODES:
                    return ImageOps.exif_transpose(file).convert("RGB")
                reason = f"its pixels are of mode {file.mode}, expected 8 bits a channel"
    except UnidentifiedImageError:
        reason = "it is in no image format that Pillow knows"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        reason = str(fault)
    raise Diagnostic("bad-image", f"cannot be read as an image: {reason}", where=Where(str(path)))


def _resize(picture: PillowImage, resize: Resize | None, height: int, width: int) -> PillowImage:
    """Without a rule the picture is warped to the input's size."""
    from PIL import Image

    filters = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "nearest": "NEAREST", "area": "BOX"}
    chosen = Image.Resampling[filters[resize.interpolation if resize else "bilinear"]]
    if resize is None:
        return picture.resize((width, height), chosen)
    tall, wide = _pair(resize.size)
    if resize.mode == "short-side":
        short = min(picture.size)
        tall, wide = picture.height * min(tall, wide) // short, picture.width * min(tall, wide) // short
    return picture.resize((wide, tall), chosen)


def _crop(picture: PillowImage, height: int, width: int) -> PillowImage | None:
    """The centre of the picture; None when it is too small."""
    top, left = (picture.height - height) // 2, (picture.width - width) // 2
    if top < 0 or left < 0:
        return None
    return picture.crop((left, top, left + width, top + height))


def _pair(length: int | tuple[int, int]) -> tuple[int, int]:
    return (length, length) if isinstance(length, int) else length


def _column(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 1, 1)


def _layout(spec: InputSpec) -> str:
    if spec.layout is None or spec.color is None:
        raise Diagnostic(
            "not-an-image", f"input {spec.name} does not take images: its entry declares no layout and colour"
        )
    return spec.layout


_COLORS: Mapping[str | None, Callable[[np.ndarray], np.ndarray]] = {
    "RGB": lambda planes: planes,
    "BGR": lambda planes: planes[:, ::-1],
    "gray": lambda planes: np.tensordot(planes, _LUMA, axes=([1], [0]))[:, None],
}


class _Raw:
    """Bytes of PCG64's raw stream."""

    def __init__(self, *seed: int) -> None:
        self._stream = np.random.PCG64(np.random.SeedSequence(seed))

    def bytes(self, count: int) -> np.ndarray:
        """The next `count` bytes, a multiple of eight drawn."""
        words: np.ndarray = self._stream.random_raw(-(-count // 8))
        return words.astype("<u8").view(np.uint8)[:count]


def _white(raw: _Raw, height: int, width: int) -> np.ndarray:
    return raw.bytes(3 * height * width).reshape(3, height, width)


def _smooth(raw: _Raw, height: int, width: int) -> np.ndarray:
    """Octaves of noise, stretched to 0..255."""
    total = np.zeros((3, height, width), np.int64)
    cell = 1
    while cell <= max(height, width):
        total += cell * _lattice(raw, cell, height, width)
        cell *= 2
    low, high = int(total.min()), int(total.max())
    stretched: np.ndarray = (total - low) * 255 // max(high - low, 1)
    return stretched


def _lattice(raw: _Raw, cell: int, height: int, width: int) -> np.ndarray:
    """Random bytes on a lattice of `cell` pixels, bilinear in between, in integers."""
    rows, columns = height // cell + 2, width // cell + 2
    knots = raw.bytes(3 * rows * columns).reshape(3, rows, columns).astype(np.int64)
    (row, down), (column, right) = np.divmod(np.arange(height), cell), np.divmod(np.arange(width), cell)
    tall = knots[:, row] * (cell - down)[:, None] + knots[:, row + 1] * down[:, None]
    whole: np.ndarray = tall[:, :, column] * (cell - right) + tall[:, :, column + 1] * right
    whole //= cell * cell
    return whole
