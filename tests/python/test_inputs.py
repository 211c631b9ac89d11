from __future__ import annotations

import gc
import hashlib
import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from fastocr.errors import InputError, InputNotFoundError, InvalidOptionError
from fastocr.inputs import InputOptions, Page, PageSelection, iter_pages
from fastocr.pdf import Scales

Array = npt.NDArray[Any]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def bgr(rng: np.random.Generator) -> Array:
    return rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)


def read(source: object, **options: Any) -> Array:
    """The image of a source that has exactly one page."""
    (page,) = iter_pages(source, InputOptions(**options))
    if page.error is not None:
        raise page.error
    image = page.image
    assert image is not None
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.strides[1:] == (3, 1)
    assert image.strides[0] >= 3 * image.shape[1]
    return image


def failure(source: object, **options: Any) -> str:
    """The error message of a source that has exactly one page, which cannot be read."""
    (page,) = iter_pages(source, InputOptions(**options))
    assert page.image is None
    assert isinstance(page.error, InputError)
    return str(page.error)


def summary(pages: Sequence[Page]) -> list[tuple[int | None, bool]]:
    return [(page.page_index, page.error is None) for page in pages]


def pil_bgr(image: Image.Image) -> Array:
    return np.asarray(image.convert("RGB"))[..., ::-1]


# --- arrays ---------------------------------------------------------------------------------------


def test_uint8_bgr_is_not_copied(bgr: Array) -> None:
    assert read(bgr) is bgr
    (page,) = iter_pages(bgr)
    assert (page.input_path, page.page_index) == (None, None)


@pytest.mark.parametrize(
    "view",
    [lambda a: a[3:30], lambda a: a[:, 5:40], lambda a: a[::2, 1:], lambda a: a[7:8, 2:9]],
    ids=["rows", "columns", "every second row", "one row"],
)
def test_views_with_packed_pixels_are_not_copied(
    bgr: Array, view: Callable[[Array], Array]
) -> None:
    expected = view(bgr)
    image = read(expected)
    assert np.shares_memory(image, bgr)
    np.testing.assert_array_equal(image, expected)


def test_read_only_array_is_not_copied(bgr: Array) -> None:
    bgr.setflags(write=False)
    assert read(bgr) is bgr


@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[..., ::-1],
        lambda a: a[:, ::2],
        lambda a: a.transpose(1, 0, 2),
        lambda a: a[::-1][:1],
        lambda a: np.broadcast_to(a[:1], a.shape),
    ],
    ids=[
        "fortran",
        "flip",
        "mirror",
        "rgb",
        "columns",
        "transposed",
        "one flipped row",
        "repeated",
    ],
)
def test_other_layouts_are_copied(bgr: Array, view: Callable[[Array], Array]) -> None:
    expected = view(bgr)
    image = read(expected)
    assert not np.shares_memory(image, bgr)
    np.testing.assert_array_equal(image, expected)


def test_gray_is_repeated(bgr: Array) -> None:
    gray = bgr[..., 1]
    expected = cv2.cvtColor(np.ascontiguousarray(gray), cv2.COLOR_GRAY2BGR)
    np.testing.assert_array_equal(read(gray), expected)
    np.testing.assert_array_equal(read(gray[..., np.newaxis]), expected)
    np.testing.assert_array_equal(read(gray.astype(np.float32)), expected)


def test_alpha_is_dropped_not_composited(rng: np.random.Generator) -> None:
    bgra = rng.integers(0, 256, (9, 11, 4), dtype=np.uint8)
    np.testing.assert_array_equal(read(bgra), bgra[..., :3])
    unit_alpha = bgra.astype(np.float32)
    unit_alpha[..., 3] = 0.5
    np.testing.assert_array_equal(read(unit_alpha), bgra[..., :3])


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_uint16_keeps_the_high_byte(rng: np.random.Generator, dtype: str) -> None:
    values = rng.integers(0, 65536, (8, 9, 3)).astype(dtype)
    np.testing.assert_array_equal(read(values), (values // 256).astype(np.uint8))


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_floats_are_rounded_half_to_even_and_clipped(dtype: str) -> None:
    values = np.array([[-3.0, 0.5, 1.5, 2.5, 254.5, 255.5, 1e9]], dtype)
    assert read(values)[0, :, 0].tolist() == [0, 0, 2, 2, 254, 255, 255]


@pytest.mark.parametrize("value", [0.0, 1.0, 255.0])
def test_constant_float_pages_are_accepted(value: float) -> None:
    assert (read(np.full((4, 5, 3), value)) == value).all()


def test_floats_between_0_and_1_are_refused() -> None:
    message = failure(np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 2, 3))
    assert "(2, 2, 3)" in message
    assert "multiply by 255" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_floats_are_refused(value: float) -> None:
    image = np.full((4, 4, 3), 100.0)
    image[1, 2, 0] = value
    assert "NaN or infinity" in failure(image)


@pytest.mark.parametrize("shape", [(), (5,), (2, 2, 2, 2), (1, 1, 1, 4, 3), (4, 4, 2), (4, 4, 5)])
def test_wrong_shapes_are_named(shape: tuple[int, ...]) -> None:
    assert failure(np.zeros(shape, np.uint8)).startswith(f"input: array of shape {shape} ")


@pytest.mark.parametrize("shape", [(0, 0), (0, 7, 3), (7, 0, 3), (0, 0, 4), (3, 3, 0)])
def test_empty_arrays_are_named(shape: tuple[int, ...]) -> None:
    assert f"shape {shape}" in failure(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", ["?", "i1", "i4", "i8", "u4", "u8", "f2", "O", "U1", "c8"])
def test_wrong_dtypes_are_named(dtype: str) -> None:
    message = failure(np.zeros((4, 4, 3), dtype))
    assert f"dtype {np.dtype(dtype)}" in message
    assert "float32" in message


# --- Pillow images --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_pillow_images(bgr: Array, mode: str) -> None:
    image = Image.fromarray(bgr[..., ::-1]).convert(mode)
    np.testing.assert_array_equal(read(image), pil_bgr(image))
    (page,) = iter_pages([image])
    assert (page.input_path, page.page_index) == (None, None)


def test_pillow_images_drop_alpha(rng: np.random.Generator) -> None:
    rgba = rng.integers(0, 256, (9, 8, 4), dtype=np.uint8)
    np.testing.assert_array_equal(read(Image.fromarray(rgba)), rgba[..., 2::-1])
    gray = read(Image.fromarray(rgba).convert("LA"))
    np.testing.assert_array_equal(gray, pil_bgr(Image.fromarray(rgba[..., :3]).convert("L")))


def test_deep_pillow_images_keep_the_high_byte(rng: np.random.Generator) -> None:
    values = rng.integers(0, 65536, (8, 9), dtype=np.uint16)
    image = Image.fromarray(values)
    assert image.mode == "I;16"
    np.testing.assert_array_equal(read(image)[..., 1], values >> 8)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pillow_images_without_a_range_are_refused(mode: str) -> None:
    message = failure([Image.new(mode, (5, 4))])
    assert message.startswith(f"input[0]: Pillow image of mode '{mode}' and size (5, 4)")
    assert "16-bit gray" in message


def test_pillow_images_that_cannot_be_loaded(bgr: Array, tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes()[:300])
    with Image.open(path) as image:
        assert "cannot be decoded" in failure(image)
    assert "shape (0, 5, 3)" in failure(Image.new("RGB", (5, 0)))


def test_pillow_images_are_taken_as_they_are(bgr: Array, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(bgr[..., ::-1]).save(path, exif=exif)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read(image), bgr)
    np.testing.assert_array_equal(read(path), np.rot90(bgr, -1))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_contents_of_files(bgr: Array, kind: Any) -> None:
    content = kind(cv2.imencode(".png", bgr)[1].tobytes())
    (page,) = iter_pages(content)
    np.testing.assert_array_equal(page.image, bgr)
    assert (page.input_path, page.page_index, page.one_of_many) == (None, None, False)
    assert failure(kind(b"a.png")) == "input: corrupt, or not an image in a format that is read"


# --- kinds of input, lists ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (None, "NoneType"),
        (3, "int"),
        ({"a.png"}, "set"),
        ({"input": "a.png"}, "dict"),
        (range(3), "range"),
    ],
)
def test_unsupported_types_are_named(item: object, name: str) -> None:
    message = failure(item)
    assert message.startswith("input: ")
    assert name in message
    assert "os.PathLike" in message


def test_empty_collections_have_no_pages() -> None:
    assert list(iter_pages([])) == []
    assert list(iter_pages(())) == []


@pytest.mark.parametrize("collection", [list, tuple])
def test_errors_stay_in_place(bgr: Array, tmp_path: Path, collection: type) -> None:
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), bgr)
    missing = str(tmp_path / "missing.png")
    bad_array = np.zeros((2, 2, 2, 2), np.uint8)
    pages = list(iter_pages(collection([good, None, missing, bad_array, [bgr], bgr, str(good)])))
    assert [page.error is None for page in pages] == [True, False, False, False, False, True, True]
    assert [page.image is None for page in pages] == [False, True, True, True, True, False, False]
    assert [page.input_path for page in pages[:3]] == [str(good), None, missing]
    assert "input[1]: NoneType" in str(pages[1].error)
    assert missing in str(pages[2].error)
    assert "input[3]: array of shape (2, 2, 2, 2)" in str(pages[3].error)
    assert "input[4]: list" in str(pages[4].error)


def test_iterators_are_read_as_needed(bgr: Array, tmp_path: Path) -> None:
    taken: list[int] = []

    def source() -> Iterator[object]:
        for number in range(3):
            taken.append(number)
            yield bgr if number != 1 else tmp_path / "missing.png"

    pages = iter_pages(source())
    assert taken == []
    for number in range(3):
        page = next(pages)
        assert taken == list(range(number + 1))
        assert (page.error is None) == (number != 1)
        # Nobody knows whether an iterator has more.
        assert (page.followed, page.one_of_many) == (True, True)
    assert list(pages) == []
    assert list(iter_pages(iter([]))) == []


def test_what_an_iterator_raises_comes_in_its_turn(bgr: Array) -> None:
    def source() -> Iterator[object]:
        yield bgr
        raise KeyError("camera")

    pages = iter_pages(source())
    assert next(pages).image is bgr
    with pytest.raises(KeyError, match="camera"):
        next(pages)


@pytest.mark.parametrize("make", [iter, lambda items: (item for item in items), reversed])
def test_kinds_of_iterators(bgr: Array, make: Callable[[list[object]], object]) -> None:
    pages = list(iter_pages(make([bgr, 5, [bgr]])))
    assert sorted(str(page.error) for page in pages if page.error is not None)[0].startswith(
        "input["
    )
    assert [page.error is None for page in pages].count(True) == 1


def test_same_array_twice(bgr: Array) -> None:
    assert [page.image is bgr for page in iter_pages([bgr, bgr])] == [True, True]


def test_pages_know_whether_others_follow(bgr: Array, tmp_path: Path) -> None:
    blank = Image.new("RGB", (40, 30), "white")
    one, three, frames, broken = (tmp_path / name for name in ("1.pdf", "3.pdf", "2.tif", "b.tif"))
    blank.save(one)
    blank.save(three, save_all=True, append_images=[blank, blank])
    blank.save(frames, save_all=True, append_images=[blank])
    # The second frame's directory is cut off: its place has an error.
    broken.write_bytes(frames.read_bytes()[:-20])

    def followed(source: object) -> list[bool]:
        return [page.followed for page in iter_pages(source)]

    for source in (bgr, [bgr], one, [one], "missing.png", ["missing.png"]):
        assert followed(source) == [False]
    for source, count in ((three, 3), ([three], 3), (frames, 2), ([one, bgr, 7, one], 4)):
        assert followed(source) == [True] * (count - 1) + [False]
    assert followed([frames, bgr, three]) == [True] * 5 + [False]
    assert followed(broken) == [True, False]


def test_files_are_read_one_at_a_time(bgr: Array, tmp_path: Path) -> None:
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    cv2.imwrite(str(first), bgr)
    pages = iter_pages([first, second])
    assert next(pages).error is None
    cv2.imwrite(str(second), bgr)
    assert next(pages).error is None


def test_errors_do_not_hold_the_content_of_the_file(tmp_path: Path) -> None:
    (page,) = iter_pages(tmp_path / "missing.png")
    assert page.error is not None
    assert page.error.__traceback__ is None
    assert page.error.__context__ is None


# --- still images ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a.png", "a.bmp", "a.jpg", "a.webp", "a.ppm", "A.PNG", "with space.png", "文字 é.png"]
)
def test_files_equal_imread(bgr: Array, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    encoded = cv2.imencode(path.suffix.lower(), bgr)[1]
    path.write_bytes(encoded.tobytes())
    image = read(str(path))
    np.testing.assert_array_equal(image, cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(read(path), image)
    (page,) = iter_pages(path)
    assert (page.input_path, page.page_index) == (str(path), None)


@pytest.mark.parametrize("name", ["no_suffix", "wrong.jpg", "wrong.txt"])
def test_content_decides_not_the_suffix(bgr: Array, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes())
    np.testing.assert_array_equal(read(path), bgr)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    image = Image.new("RGB", (48, 32), "white")
    image.paste((200, 30, 30), (0, 0, 16, 8))
    image.paste((30, 30, 200), (32, 0, 48, 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    image.save(path, exif=exif, quality=95, subsampling=0)
    expected = pil_bgr(ImageOps.exif_transpose(Image.open(path)))
    result = read(path)
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_png_keeps_the_high_byte(
    rng: np.random.Generator, tmp_path: Path, channels: int
) -> None:
    values = rng.integers(0, 65536, (9, 8, channels), dtype=np.uint16)
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), values)
    expected = np.broadcast_to((values >> 8)[..., :3], (9, 8, 3))
    np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB"])
def test_png_modes_equal_pillow(bgr: Array, tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(bgr[..., ::-1]).convert(mode)
    path = tmp_path / "mode.png"
    image.save(path)
    np.testing.assert_array_equal(read(path), pil_bgr(image))


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_orientation_beyond_jpeg(
    bgr: Array, tmp_path: Path, suffix: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(bgr[..., ::-1]).save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        turned = pil_bgr(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read(path), turned)


@pytest.mark.parametrize(
    "options", [{}, {"transparency": 3}, {"transparency": bytes(range(0, 256, 16))}]
)
def test_palettes_with_transparency_keep_their_colours(
    bgr: Array, tmp_path: Path, options: dict[str, Any]
) -> None:
    image = Image.fromarray(bgr).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    path = tmp_path / "palette.png"
    image.save(path, **options)
    np.testing.assert_array_equal(read(path), pil_bgr(image))


def png_of(colour_type: int, depth: int, width: int, rows: Sequence[bytes]) -> bytes:
    """A PNG of packed rows, of kinds that neither OpenCV nor Pillow write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_of_few_grays(rng: np.random.Generator, tmp_path: Path, depth: int) -> None:
    values = rng.integers(0, 2**depth, (5, 16), dtype=np.uint8)
    bits = (values[..., np.newaxis] >> np.arange(depth - 1, -1, -1)) & 1
    path = tmp_path / "few.png"
    path.write_bytes(png_of(0, depth, 16, [np.packbits(row).tobytes() for row in bits]))
    np.testing.assert_array_equal(read(path)[..., 0], values * (255 // (2**depth - 1)))


def test_16_bit_gray_png_with_alpha(rng: np.random.Generator, tmp_path: Path) -> None:
    values = rng.integers(0, 65536, (5, 6, 2)).astype(">u2")
    path = tmp_path / "deep.png"
    path.write_bytes(png_of(4, 16, 6, [row.tobytes() for row in values]))
    np.testing.assert_array_equal(read(path)[..., 2], values[..., 0] >> 8)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_portable_maps_equal_pillow(bgr: Array, tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(bgr).convert(mode)
    path = tmp_path / "map.pnm"
    image.save(path, "PPM")
    np.testing.assert_array_equal(read(path), pil_bgr(image))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_jpeg_2000(rng: np.random.Generator, tmp_path: Path, mode: str) -> None:
    channels = rng.integers(0, 256, (40, 50, 4), dtype=np.uint8)
    image = Image.fromarray(channels).convert(mode)
    for name in ("a.jp2", "a.j2k"):
        image.save(tmp_path / name)
        gray_or_colour = image.convert("L") if "L" in mode else image
        np.testing.assert_array_equal(read(tmp_path / name), pil_bgr(gray_or_colour))


def test_transparent_png_keeps_its_hidden_colours(rng: np.random.Generator, tmp_path: Path) -> None:
    rgba = rng.integers(0, 256, (9, 8, 4), dtype=np.uint8)
    rgba[::2, :, 3] = 0
    path = tmp_path / "alpha.png"
    Image.fromarray(rgba).save(path)
    np.testing.assert_array_equal(read(path), rgba[..., 2::-1])


def test_cmyk_jpeg(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), (250, 250, 250))
    image.paste((20, 30, 40), (8, 8, 24, 24))
    path = tmp_path / "print.jpg"
    image.convert("CMYK").save(path, quality=95)
    difference = read(path).astype(int) - pil_bgr(Image.open(path))
    assert np.abs(difference).max() <= 3


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
def test_animations_give_their_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (19, 17), colour) for colour in ("white", "black")]
    path = tmp_path / f"animated{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 2
    assert read(path).shape == (17, 19, 3)
    assert (read(path) >= 250).all()
    (page,) = iter_pages(path)
    assert page.page_index is None


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_jpeg_is_read_with_a_warning(
    bgr: Array, tmp_path: Path, caplog: pytest.LogCaptureFixture, progressive: bool
) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(cv2.resize(bgr, (400, 300))).save(whole, progressive=progressive)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-1])
    np.testing.assert_array_equal(read(cut), read(whole))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(cut) in caplog.text


# --- files that cannot be read --------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "missing.png"
    (page,) = iter_pages(path)
    assert isinstance(page.error, InputNotFoundError)
    assert isinstance(page.error, FileNotFoundError)
    assert str(path) in str(page.error)
    assert page.input_path == str(path)
    with pytest.raises(InputNotFoundError, match="empty string"):
        read("")


@pytest.mark.parametrize("name", ["empty.png", "empty.pdf", "empty.tif"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert failure(path) == f"{path}: the file is empty"


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_truncated_image(bgr: Array, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    encoded = cv2.imencode(suffix, bgr)[1].tobytes()
    path.write_bytes(encoded[: len(encoded) // 2])
    assert failure(path).startswith(f"{path}: corrupt")


@pytest.mark.parametrize("name", ["text.png", "text.txt", "text.tif", "head.jpg", "head.tif"])
def test_no_image_at_all(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = {"head.jpg": b"\xff\xd8\xff\xe0", "head.tif": b"II*\0\x08\0\0\0"}
    path.write_bytes(content.get(name, b"just text"))
    assert failure(path).startswith(f"{path}: corrupt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.touch(mode=0)
    assert "cannot be read" in failure(path)


def test_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be read" in failure(tmp_path / "file" / "a.png")


def test_path_with_a_null_character() -> None:
    assert "not a valid path" in failure("a\0b.png")


@pytest.mark.parametrize("url", ["ftp://host/a.png", "s3://bucket/a.pdf", "file:///a.png"])
def test_other_urls_are_no_files(url: str) -> None:
    assert failure(url) == f"{url}: no such file; of URLs, those with http and https are read"


def test_opencv_prints_nothing_and_keeps_its_log_level(bgr: Array, tmp_path: Path) -> None:
    path = tmp_path / "cut.bmp"
    path.write_bytes(cv2.imencode(".bmp", bgr)[1].tobytes()[:200])
    script = (
        "import sys, cv2.utils.logging as log; from fastocr.inputs import iter_pages;"
        "log.setLogLevel(log.LOG_LEVEL_INFO); pages = list(iter_pages(sys.argv[1]));"
        "assert pages[0].error; assert log.getLogLevel() == log.LOG_LEVEL_INFO"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert run.stderr == b""


def test_importing_loads_no_decoder() -> None:
    script = "import sys, fastocr.inputs; assert not {'cv2', 'pypdfium2', 'PIL'} & set(sys.modules)"
    subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=60,
    )


# --- TIFF -----------------------------------------------------------------------------------------


def save_tiff(path: Path, frames: Sequence[Image.Image], **options: Any) -> None:
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:], **options)


@pytest.fixture
def frames(rng: np.random.Generator) -> list[Image.Image]:
    shapes = [(20, 31, 3), (25, 17, 3), (9, 40, 3)]
    return [Image.fromarray(rng.integers(0, 256, s, dtype=np.uint8)) for s in shapes]


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "tiff_adobe_deflate"}),
        ("RGB", {"compression": "zstd"}),
        ("L", {"compression": "lzma"}),
        ("1", {"compression": "zstd"}),
        ("RGB", {"big_tiff": True}),
        ("L", {}),
        ("P", {}),
        ("1", {"compression": "group4"}),
        ("CMYK", {}),
    ],
)
def test_every_tiff_frame_equals_pillow(
    frames: list[Image.Image], tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    frames = [frame.convert(mode) for frame in frames]
    path = tmp_path / "scan.tif"
    save_tiff(path, frames, **options)
    pages = list(iter_pages(path))
    assert summary(pages) == [(0, True), (1, True), (2, True)]
    assert {page.input_path for page in pages} == {str(path)}
    for page, frame in zip(pages, frames, strict=True):
        np.testing.assert_array_equal(page.image, pil_bgr(frame))


@pytest.mark.parametrize("name", ["one.tif", "one.TIFF", "one.bin"])
def test_single_frame_has_index_0(frames: list[Image.Image], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_tiff(path, frames[:1])
    assert summary(list(iter_pages(path))) == [(0, True)]


def test_png_named_tif_has_index_0(bgr: Array, tmp_path: Path) -> None:
    path = tmp_path / "really_png.tif"
    path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes())
    assert summary(list(iter_pages(path))) == [(0, True)]


@pytest.mark.parametrize("big", [False, True])
def test_tiff_alpha_is_dropped_not_multiplied(
    rng: np.random.Generator, tmp_path: Path, big: bool
) -> None:
    rgba = [rng.integers(0, 256, (8, 9, 4), dtype=np.uint8) for _ in range(2)]
    path = tmp_path / "alpha.tif"
    save_tiff(path, [Image.fromarray(frame) for frame in rgba], big_tiff=big)
    for page, frame in zip(iter_pages(path), rgba, strict=True):
        np.testing.assert_array_equal(page.image, frame[..., 2::-1])


def test_big_endian_tiff_with_alpha(tmp_path: Path) -> None:
    pixels = bytes([10, 20, 30, 0, 40, 50, 60, 128])
    entries = [
        (256, 3, 1, struct.pack(">HH", 2, 0)),
        (257, 3, 1, struct.pack(">HH", 1, 0)),
        (258, 3, 4, struct.pack(">I", 200)),
        (259, 3, 1, struct.pack(">HH", 1, 0)),
        (262, 3, 1, struct.pack(">HH", 2, 0)),
        (273, 4, 1, struct.pack(">I", 300)),
        (277, 3, 1, struct.pack(">HH", 4, 0)),
        (278, 3, 1, struct.pack(">HH", 1, 0)),
        (279, 4, 1, struct.pack(">I", 8)),
        (338, 3, 1, struct.pack(">HH", 2, 0)),
    ]
    directory = struct.pack(">H", len(entries))
    directory += b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    data = bytearray(308)
    data[:8] = struct.pack(">2sHI", b"MM", 42, 8)
    data[8 : 8 + len(directory)] = directory
    data[200:208] = struct.pack(">4H", 8, 8, 8, 8)
    data[300:] = pixels
    path = tmp_path / "motorola.tif"
    path.write_bytes(data)
    assert read(path).tolist() == [[[30, 20, 10], [60, 50, 40]]]


def test_16_bit_tiff(rng: np.random.Generator, tmp_path: Path) -> None:
    values = rng.integers(0, 65536, (8, 9), dtype=np.uint16)
    path = tmp_path / "deep.tif"
    cv2.imwrite(str(path), values)
    np.testing.assert_array_equal(read(path)[..., 0], values >> 8)
    colour = rng.integers(0, 65536, (8, 9, 3), dtype=np.uint16)
    cv2.imwrite(str(path), colour)
    # libtiff scales 16-bit colour by rounding instead of cutting.
    assert np.abs(read(path).astype(int) - (colour >> 8)).max() <= 1


def test_tiff_orientation_is_applied(frames: list[Image.Image], tmp_path: Path) -> None:
    path = tmp_path / "turned.tif"
    save_tiff(path, frames[:1], tiffinfo={274: 6})
    np.testing.assert_array_equal(read(path), np.rot90(pil_bgr(frames[0]), -1))


def test_float_tiff_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    save_tiff(path, [Image.fromarray(np.full((8, 9), 0.5, np.float32))])
    assert f"{path}: page 0" in failure(path)


def test_only_the_broken_tiff_frame_fails(frames: list[Image.Image], tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    save_tiff(path, [*frames, *frames])
    data = bytearray(path.read_bytes())
    width = struct.pack("<HHI", 256, 4, 1)
    positions = [i for i in range(len(data)) if data.startswith(width, i)]
    assert len(positions) == 6
    data[positions[2] + 8 : positions[2] + 12] = bytes(4)
    path.write_bytes(data)
    pages = list(iter_pages(path))
    assert summary(pages) == [(i, i != 2) for i in range(6)]
    assert f"{path}: page 2" in str(pages[2].error)
    np.testing.assert_array_equal(pages[5].image, pil_bgr(frames[2]))


def test_broken_directory_chain_keeps_the_frames_before(
    frames: list[Image.Image], tmp_path: Path
) -> None:
    path = tmp_path / "scan.tif"
    save_tiff(path, frames)
    data = path.read_bytes()
    last = data.rindex(struct.pack("<HHI", 256, 4, 1))
    path.write_bytes(data[: last + 4])
    pages = list(iter_pages(path))
    assert summary(pages) == [(0, True), (1, True), (2, False)]
    assert "corrupt TIFF directory" in str(pages[2].error)


def test_tiff_with_a_circle_of_directories_ends(frames: list[Image.Image], tmp_path: Path) -> None:
    path = tmp_path / "circle.tif"
    save_tiff(path, frames[:1])
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path), pil_bgr(frames[0]))


# --- PDF ------------------------------------------------------------------------------------------


def make_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of the given objects, numbered from 1; the first is the catalogue."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def pdf_of_pages(*pages: bytes) -> bytes:
    """A PDF of the given page dictionaries, as ``/MediaBox[...]`` and what else they have."""
    kids = b" ".join(b"%d 0 R" % (3 + i) for i in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
    ]
    objects += [b"<</Type/Page/Parent 2 0 R" + page + b">>" for page in pages]
    return make_pdf(objects)


@pytest.fixture
def three_pages(tmp_path: Path) -> Path:
    path = tmp_path / "three.pdf"
    sizes = (b"100 50", b"60.3 80.2", b"40 40")
    path.write_bytes(pdf_of_pages(*(b"/MediaBox[0 0 %s]" % size for size in sizes)))
    return path


def test_pdf_pages_have_two_pixels_per_point(three_pages: Path) -> None:
    pages = list(iter_pages(str(three_pages)))
    assert summary(pages) == [(0, True), (1, True), (2, True)]
    assert {page.input_path for page in pages} == {str(three_pages)}
    images = [page.image for page in pages]
    assert [i.shape for i in images if i is not None] == [(100, 200, 3), (161, 121, 3), (80, 80, 3)]
    assert all(np.all(image == 255) for image in images)


def test_pdf_colours_are_bgr_on_white(tmp_path: Path) -> None:
    content = b"1 0 0 rg 0 0 10 10 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
    ]
    path = tmp_path / "red.pdf"
    path.write_bytes(make_pdf(objects))
    image = read(path)
    assert (image[:, :20] == (0, 0, 255)).all()
    assert (image[:, 20:] == 255).all()
    assert image.flags.writeable


def test_pdf_form_fields_are_drawn(tmp_path: Path) -> None:
    look = b"0 0 1 rg 0 0 20 10 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]/Annots[4 0 R]>>",
        b"<</Type/Annot/Subtype/Widget/FT/Btn/Ff 65536/T(b)/F 4/Rect[0 0 20 10]/P 3 0 R"
        b"/AP<</N 5 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 20 10]/Length %d>>stream\n%s\nendstream"
        % (len(look), look),
    ]
    path = tmp_path / "form.pdf"
    path.write_bytes(make_pdf(objects))
    assert read(path)[10, 20].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["pdf_without_suffix", "wrong.png", "UPPER.PDF"])
def test_pdf_is_known_by_its_content(three_pages: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\n" + three_pages.read_bytes())
    assert len(list(iter_pages(path))) == 3


def test_only_the_broken_pdf_page_fails(tmp_path: Path) -> None:
    good = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    pages = b"<</Type/Pages/Kids[3 0 R 9 0 R 4 0 R]/Count 3>>"
    path = tmp_path / "gap.pdf"
    path.write_bytes(make_pdf([b"<</Type/Catalog/Pages 2 0 R>>", pages, good, good]))
    result = list(iter_pages(path))
    assert summary(result) == [(0, True), (1, False), (2, True)]
    assert isinstance(result[1].error, InputError)
    assert f"{path}: page 1: cannot be rendered" in str(result[1].error)


def test_encrypted_pdf(tmp_path: Path) -> None:
    security = b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>" % (b"41" * 32, b"42" * 32)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        security,
    ]
    path = tmp_path / "secret.pdf"
    path.write_bytes(make_pdf(objects, b"/Encrypt 4 0 R/ID[<00><00>]"))
    message = failure(path)
    assert str(path) in message
    assert "encrypted with a password" in message
    # The error of the first document must not be blamed on the next.
    empty = tmp_path / "no_pages.pdf"
    empty.write_bytes(
        make_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"])
    )
    assert "not a readable PDF" in failure(empty)


def rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def encrypted_pdf(password: bytes) -> bytes:
    """A black page, encrypted with 40-bit RC4 (the standard handler's revision 2)."""
    filler = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded = (password + filler)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(padded + owner + permissions + b"\0").digest()[:5]
    security = b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>" % (
        owner.hex().encode(),
        rc4(key, filler).hex().encode(),
    )
    own_key = hashlib.md5(key + b"\4\0\0\0\0").digest()[:10]  # of object 4
    content = rc4(own_key, b"0 g 0 0 20 10 re f")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        security,
    ]
    return make_pdf(objects, b"/Encrypt 5 0 R/ID[<00><00>]")


@pytest.mark.parametrize("password", ["secret", ""])
def test_password_of_a_pdf(tmp_path: Path, password: str) -> None:
    path = tmp_path / "secret.pdf"
    path.write_bytes(encrypted_pdf(password.encode()))
    assert (read(path, pdf_password=password) == 0).all()
    assert "secret" not in repr(InputOptions(pdf_password="secret"))
    if password:
        assert "pass it as pdf_password" in failure(path)
        assert "another password than pdf_password" in failure(path, pdf_password="Secret")
        assert "Secret" not in failure(path, pdf_password="Secret")
    else:
        assert (read(path) == 0).all()


def test_password_of_other_pdfs(three_pages: Path) -> None:
    """One password is for a whole list, of which some are not encrypted."""
    assert len(list(iter_pages(three_pages, InputOptions(pdf_password="secret")))) == 3


def chosen(path: Path, pages: object) -> list[int | None]:
    options = InputOptions(pdf_pages=PageSelection.parse(pages))
    return [page.page_index for page in iter_pages(path, options)]


@pytest.mark.parametrize(
    ("pages", "indices"),
    [
        ("1", [0]), ("3", [2]), ("2-3", [1, 2]), ("2-", [1, 2]), ("3,1", [0, 2]),
        (" 1 - 2 , 2 ", [0, 1]), (2, [1]), ([3, 1, 3], [0, 2]), (range(2, 9), [1, 2]),
        (np.int64(1), [0]), ("9,1", [0]), ("1-9", [0, 1, 2]),
    ],
)  # fmt: skip
def test_pages_of_a_pdf(three_pages: Path, pages: object, indices: list[int]) -> None:
    assert chosen(three_pages, pages) == indices


def test_chosen_pages_know_whether_others_follow(three_pages: Path) -> None:
    options = InputOptions(pdf_pages=PageSelection.parse("1-2"))
    assert [page.followed for page in iter_pages(three_pages, options)] == [True, False]


def test_pages_that_a_pdf_does_not_have(three_pages: Path) -> None:
    message = failure(three_pages, pdf_pages=PageSelection.parse("4-6,9-,7"))
    assert (
        message == f"{three_pages}: the PDF has 3 pages, none of which is in pdf_pages='4-6,9-,7'"
    )


def test_pages_are_of_pdfs_only(frames: list[Image.Image], tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    save_tiff(path, frames)
    assert chosen(path, "1") == [0, 1, 2]


@pytest.mark.parametrize("scale", [0.5, 1, 3.0])
def test_scale_of_pdfs(three_pages: Path, scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [(50, 100), (80.2, 60.3), (40, 40)]
    expected = [tuple(int(np.ceil(side * scale)) for side in size) for size in sizes]
    given = list(iter_pages(three_pages, InputOptions(pdf_scale=scale)))
    monkeypatch.setenv("PADDLE_PDX_PDF_RENDER_SCALE", str(scale))
    for pages in (given, list(iter_pages(three_pages))):
        assert [page.image.shape[:2] for page in pages if page.image is not None] == expected
    # What is given goes before the environment.
    (first, *_) = iter_pages(three_pages, InputOptions(pdf_scale=2))
    assert first.image is not None
    assert first.image.shape == (100, 200, 3)


@pytest.mark.parametrize("name", ["PADDLE_PDX_PDF_RENDER_SCALE", "PADDLE_PDX_PDF_MIN_RENDER_SCALE"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "nan", "inf"])
def test_wrong_scales_in_the_environment(
    three_pages: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidOptionError, match=f"{name} is '{value}'"):
        list(iter_pages(three_pages))
    monkeypatch.setenv(name, "")
    assert len(list(iter_pages(three_pages))) == 3


def test_pixel_limit_of_pdf_pages(three_pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 100 x 50, 60.3 x 80.2 and 40 x 40 points."""
    monkeypatch.setenv("PADDLE_PDX_PDF_MIN_RENDER_SCALE", "0.9")
    pages = list(iter_pages(three_pages, InputOptions(max_pixels=4500)))
    assert summary(pages) == [(0, True), (1, True), (2, True)]
    shapes = [page.image.shape[:2] for page in pages if page.image is not None]
    assert all(4300 < height * width <= 4500 for height, width in shapes[:2])
    assert shapes[2] == (67, 67)
    pages = list(iter_pages(three_pages, InputOptions(max_pixels=4000)))
    assert summary(pages) == [(0, False), (1, False), (2, True)]
    assert "4000 pixels allowed by max_pixels even at the scale 0.9" in str(pages[0].error)
    # The least scale is none where a smaller one is asked for.
    (page, *_) = iter_pages(three_pages, InputOptions(pdf_scale=0.5, max_pixels=1000))
    assert "even at the scale 0.5" in str(page.error)


@pytest.mark.parametrize("content", [b"%PDF-1.7 junk", b"junk"])
def test_corrupt_pdf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "corrupt.pdf"
    path.write_bytes(content)
    assert failure(path).startswith(f"{path}: not a readable PDF")


def test_abandoned_pdf_does_not_block_the_next(three_pages: Path) -> None:
    abandoned = iter_pages(three_pages)
    assert next(abandoned).page_index == 0
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(len(list(iter_pages(three_pages)))), daemon=True
    )
    thread.start()
    thread.join(timeout=30)
    assert done == [3]
    assert next(abandoned).page_index == 1


def test_abandoned_pdf_is_closed(three_pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2  # type: ignore[import-untyped]

    closed: list[object] = []
    close = pypdfium2.PdfDocument.close

    def recording_close(document: Any, *args: Any, **kwargs: Any) -> Any:
        closed.append(document)
        return close(document, *args, **kwargs)

    monkeypatch.setattr(pypdfium2.PdfDocument, "close", recording_close)
    pages = iter_pages(three_pages)
    page = next(pages)
    assert not closed
    del pages
    gc.collect()
    assert len(closed) == 1
    # The pixels outlive the document.
    assert page.image is not None
    assert (page.image == 255).all()


def test_pdf_collected_while_another_is_rendered(
    three_pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned = [iter_pages(three_pages)]
    next(abandoned[0])
    scale = Scales.of_page

    def scale_after_collection(scales: Scales, width: float, height: float) -> float:
        abandoned.clear()
        return scale(scales, width, height)

    monkeypatch.setattr(Scales, "of_page", scale_after_collection)
    assert len(list(iter_pages(three_pages))) == 3


def test_pdfs_in_threads_are_identical(three_pages: Path) -> None:
    shapes: list[list[Any]] = []

    def work() -> None:
        for _ in range(5):
            pages = list(iter_pages(three_pages))
            shapes.append([page.image.shape for page in pages if page.image is not None])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert shapes == [[(100, 200, 3), (161, 121, 3), (80, 80, 3)]] * 20


def test_pdf_scale() -> None:
    cap = 178_956_970
    scale_of = Scales.of(None, InputOptions().max_pixels).of_page
    assert scale_of(640, 240) == 2.0
    assert scale_of(6000, 7000) == 2.0
    for width, height in [(20000.0, 20000.0), (7000.0, 7000.0), (100000.0, 3000.0)]:
        scale = scale_of(width, height)
        larger = scale * (1 + 1e-6)
        assert 0.1 <= scale < 2.0
        assert np.ceil(width * scale) * np.ceil(height * scale) <= cap
        assert np.ceil(width * larger) * np.ceil(height * larger) > cap
    with pytest.raises(ValueError, match="too large"):
        scale_of(9_000_000, 9_000_000)
    with pytest.raises(ValueError, match="page size"):
        scale_of(0, 10)


def test_huge_pdf_page_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "huge.pdf"
    path.write_bytes(pdf_of_pages(b"/MediaBox[0 0 9000000 9000000]", b"/MediaBox[0 0 9 9]"))
    pages = list(iter_pages(path))
    assert summary(pages) == [(0, False), (1, True)]
    assert "too large" in str(pages[0].error)
