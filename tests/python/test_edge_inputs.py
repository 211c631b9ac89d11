"""Inputs and options that few would think of: each gives a page, or an error that names it.

One table a kind of input; `test_edge_cases.py` has the cases that are known of the reference.
"""

from __future__ import annotations

import io
import os
import re
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from PIL import Image

from fastocr import PaddleOCR
from fastocr.errors import FastOCRError, InputError, InputNotFoundError, InvalidOptionError
from fastocr.inputs import InputOptions, PageSelection, iter_pages
from tests.python.test_inputs import pdf_of_pages

NOISE = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
GRAY = NOISE[..., 0]


def read(source: Any, **options: Any) -> Any:
    """The image of the only page, or its error raised."""
    (page,) = iter_pages(source, InputOptions(**options))
    if page.error is not None:
        raise page.error
    return page.image


# ---- arrays --------------------------------------------------------------------------------------

ARRAYS: dict[str, tuple[Callable[[], Any], Any]] = {
    "negative strides": (lambda: NOISE[::-1, ::-1, ::-1], NOISE[::-1, ::-1, ::-1]),
    "Fortran order": (lambda: np.asfortranarray(NOISE), NOISE),
    "rows that overlap": (lambda: as_strided(NOISE, (5, 4, 3), (3, 3, 1)), as_strided(
        NOISE, (5, 4, 3), (3, 3, 1))),
    "rows that repeat": (lambda: np.broadcast_to(NOISE[:1], NOISE.shape), np.repeat(
        NOISE[:1], 40, 0)),
    "read only": (lambda: np.frombuffer(NOISE.tobytes(), np.uint8).reshape(NOISE.shape), NOISE),
    "matrix": (lambda: np.matrix(GRAY), np.dstack([GRAY] * 3)),
    "masked": (lambda: np.ma.masked_less(NOISE, 100), NOISE),
    "a subclass": (lambda: NOISE.view(type("Mine", (np.ndarray,), {})), NOISE),
    "big-endian uint8": (lambda: NOISE.astype(">u1"), NOISE),
    "big-endian uint16": (lambda: NOISE.astype(">u2") * np.uint16(257), NOISE),
    "big-endian float32": (lambda: NOISE.astype(">f4"), NOISE),
    "negative zero": (lambda: np.full((4, 4, 3), -0.0), np.zeros((4, 4, 3), np.uint8)),
    "floats out of range": (
        lambda: np.float64([[-1e300, 1e300]]), np.uint8([[[0] * 3, [255] * 3]])),
    "1 x 200000": (lambda: np.full((1, 200_000), 7, np.uint8), np.full((1, 200_000, 3), 7)),
    "200000 x 1": (lambda: np.full((200_000, 1), 7, np.uint8), np.full((200_000, 1, 3), 7)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_read(name: str) -> None:
    make, wanted = ARRAYS[name]
    image = read(make())
    assert type(image) is np.ndarray
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, wanted)


def test_a_file_in_memory(tmp_path: Path) -> None:
    stored = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=NOISE.shape)
    stored[...] = NOISE
    np.testing.assert_array_equal(read(stored), NOISE)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: NOISE.astype(object), "dtype object"),
        (lambda: NOISE.astype("U3"), "dtype <U3"),
        (lambda: NOISE.astype("S3"), r"dtype \|S3"),
        (lambda: NOISE.astype("M8[s]"), r"dtype datetime64\[s\]"),
        (lambda: NOISE.astype("m8[s]"), r"dtype timedelta64\[s\]"),
        (lambda: NOISE.astype(np.complex64), "dtype complex64"),
        (lambda: NOISE.astype(np.float16), "dtype float16"),
        (lambda: NOISE.astype(np.longdouble), "dtype float"),
        (lambda: NOISE.astype(np.int8), "dtype int8"),
        (lambda: NOISE > 9, "dtype bool"),
        (lambda: np.zeros((4, 4), [("b", "u1"), ("g", "u1"), ("r", "u1")]), "dtype .*'b'"),
        (lambda: np.array(5, np.uint8), r"shape \(\)"),
        (lambda: np.zeros(5, np.uint8), r"shape \(5,\)"),
        (lambda: np.zeros((3, 3, 2), np.uint8), r"shape \(3, 3, 2\)"),
        (lambda: np.zeros((3, 3, 5), np.uint8), r"shape \(3, 3, 5\)"),
        (lambda: NOISE[None], r"shape \(1, 40, 60, 3\)"),
        (lambda: np.zeros((0, 4, 4, 3), np.uint8), r"shape \(0, 4, 4, 3\)"),
        (lambda: np.zeros((4, 0), np.uint8), "no side empty"),
        (lambda: np.full((4, 4, 3), np.nan, np.float32), "NaN or infinity"),
        (lambda: np.full((4, 4, 3), -np.inf), "NaN or infinity"),
        (lambda: np.ma.masked_invalid([[np.nan, 5.0]]), "NaN or infinity"),
        (lambda: np.full((4, 4), 0.5), "multiply by 255"),
        (lambda: np.broadcast_to(np.uint8(0), (10**6, 10**6, 3)), "too large for the memory"),
        (lambda: np.uint8(3), "uint8 is not a supported input"),
        (lambda: np.ma.masked, "shape|not a supported"),
        (lambda: range(3), "range is not a supported input"),
        (lambda: {NOISE.tobytes()}, "set is not a supported input"),
        (lambda: object(), "object is not a supported input"),
        (lambda: NOISE.dtype, "is not a supported input"),
    ],
)
def test_arrays_that_are_refused(make: Callable[[], Any], named: str) -> None:
    with pytest.raises(InputError, match=f"input: .*({named})"):
        read(make())


def test_a_side_that_the_core_cannot_count(ocr: PaddleOCR) -> None:
    """A few bytes that pass for 2^31 rows; refused before any is looked at."""
    rows = as_strided(NOISE, (2**31, 1, 3), (3, 3, 1))
    with pytest.raises(InputError, match="2147483648: at most 2147483647"):
        ocr.predict(rows)


# ---- contents of files ---------------------------------------------------------------------------


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width: int, height: int, pixels: bytes = b"x", interlaced: int = 0) -> bytes:
    """A PNG that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def animated(kind: str) -> bytes:
    frames = [Image.fromarray(np.roll(NOISE, number, 0)) for number in range(3)]
    return encoded(kind, frames[0], save_all=True, append_images=frames[1:], duration=40)


def adam7() -> bytes:
    """A PNG of one colour in the seven passes of interlacing; of 8 x 8 pixels."""
    passes = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))
    rows = b"".join((b"\0" + b"\x20\x40\x60" * width) * height for width, height in passes)
    return png(8, 8, rows, interlaced=1)


def palette_with_alpha() -> Image.Image:
    return Image.fromarray(NOISE).convert("P")


CONTENTS: dict[str, tuple[Callable[[], bytes], tuple[int, ...]]] = {
    **{f"PNG of mode {mode}": (lambda m=mode: encoded("PNG", Image.fromarray(NOISE).convert(m)),
                               NOISE.shape) for mode in ("1", "L", "P", "LA", "RGBA")},
    "PNG of 16 bit": (lambda: encoded("PNG", Image.fromarray(GRAY.astype(np.uint16))), NOISE.shape),
    "PNG with a palette and alpha": (
        lambda: encoded("PNG", palette_with_alpha(), transparency=3), NOISE.shape),
    "PNG, interlaced": (adam7, (8, 8, 3)),
    "PNG and garbage after it": (lambda: encoded("PNG") + b"garbage" * 99, NOISE.shape),
    "JPEG, CMYK": (lambda: encoded("JPEG", Image.fromarray(NOISE).convert("CMYK")), NOISE.shape),
    "JPEG, gray": (lambda: encoded("JPEG", Image.fromarray(GRAY)), NOISE.shape),
    "JPEG, YCCK": (lambda: encoded("JPEG", Image.fromarray(NOISE).convert("CMYK")).replace(
        b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2"), NOISE.shape),
    "JPEG, progressive": (lambda: encoded("JPEG", progressive=True), NOISE.shape),
    "JPEG and garbage after it": (lambda: encoded("JPEG") + b"garbage" * 99, NOISE.shape),
    "two JPEGs": (lambda: encoded("JPEG") * 2, NOISE.shape),
    "JPEG without its last byte": (lambda: encoded("JPEG")[:-1], NOISE.shape),
    "JPEG without its last quarter": (
        lambda: (data := encoded("JPEG"))[: len(data) * 3 // 4], NOISE.shape),
    **{f"{kind}, animated": (lambda k=kind: animated(k), NOISE.shape)
       for kind in ("WEBP", "GIF", "PNG", "AVIF")},
    "BMP": (lambda: encoded("BMP"), NOISE.shape),
    "PFM, gray": (lambda: b"Pf\n2 3\n-1.0\n" + np.full(6, 100, "<f4").tobytes(), (3, 2, 3)),
    "PFM of NaN": (lambda: b"PF\n2 3\n-1.0\n" + np.full(18, np.nan, "<f4").tobytes(), (3, 2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_that_are_read(name: str) -> None:
    make, shape = CONTENTS[name]
    image = read(make())
    assert image.shape == shape
    assert image.dtype == np.uint8


def test_interlaced_pixels() -> None:
    assert (read(adam7()) == (0x60, 0x40, 0x20)).all()


@pytest.mark.parametrize("orientation", range(10))
def test_orientations_of_exif(orientation: int) -> None:
    """1 to 8 are applied; there are no others."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    image = read(encoded("JPEG", exif=tags))
    assert image.shape == ((60, 40, 3) if 5 <= orientation <= 8 else (40, 60, 3))


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 10, 20, 50, 100, 158, 200, 300, 400, 500, 600])
def test_jpeg_without_pixels(cut: int) -> None:
    """What ends before the first pixels is no image."""
    with pytest.raises(InputError, match="input: corrupt"):
        read(encoded("JPEG")[:cut])


BROKEN: dict[str, tuple[bytes, str]] = {
    **{f"PNG of {width} x {height}": (png(width, height), "more than the 178956970 allowed")
       for width, height in ((100_000, 100_000), (2**31 - 1, 1), (2**32 - 1, 2**32 - 1))},
    "PNG without a width": (png(0, 5), "corrupt"),
    "PNG of too few pixels": (png(13_000, 13_000), "corrupt"),
    "PNG that is all head": (encoded("PNG")[:33], "corrupt"),
    "PNG with a wrong checksum": (encoded("PNG")[:30] + b"\0" + encoded("PNG")[31:], "corrupt"),
    "PNG that ends early": (encoded("PNG")[:-300], "corrupt"),
    "WebP that ends early": (encoded("WEBP")[:60], "corrupt"),
    "GIF that ends early": (encoded("GIF")[:60], "corrupt"),
    "BMP that ends early": (encoded("BMP")[:60], "corrupt"),
    "PPM of 10^16 pixels": (b"P6 99999999 99999999 255\n", "more than the 178956970 allowed"),
    "PPM of negative sides": (b"P6 -5 -5 255\n" + bytes(75), "corrupt"),
    "Radiance of 10^12 pixels": (
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1000000 +X 1000000\n", "more than the"),
    "TIFF of 2^62 pixels": (
        b"II*\0\x08\0\0\0\2\0\0\1\4\0\1\0\0\0\xff\xff\xff\x7f\1\1\4\0\1\0\0\0\xff\xff\xff\x7f"
        b"\0\0\0\0", "page 0: 2147483647 x 2147483647 pixels"),
    "TIFF without frames": (b"II*\0\0\0\0\0", "no frame found"),
    "TIFF whose frame is its head": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "page 0: corrupt"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(40), "not an image"),
    "ICO": (encoded("ICO"), "not an image"),
    "PSD": (b"8BPS" + bytes(60), "not an image"),
    "a program": (b"\x7fELF" + bytes(60), "not an image"),
    "zeros": (bytes(5000), "not an image"),
    "PDF that ends early": (b"%PDF-1.7\n1 0 obj", "not a readable PDF"),
    "PDF whose page is all pages": (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj trailer<</Root 1 0 R>>",
        "page 0: cannot be rendered"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_contents_that_are_refused(name: str) -> None:
    content, named = BROKEN[name]
    with pytest.raises(InputError, match=f"input: .*{named}"):
        read(content)


@pytest.mark.parametrize(
    ("page", "shape"),
    [
        (b"/MediaBox[0 0 0 0]", (1584, 1224, 3)),  # US Letter stands for what makes no sense
        (b"/MediaBox[0 0 -5 10]", (20, 10, 3)),
        (b"/MediaBox[nan 0 1 1]", (1584, 1224, 3)),
        (b"/MediaBox[0 0 1e30 1]", (1584, 1224, 3)),
        (b"", (1584, 1224, 3)),
        (b"/MediaBox[0 0 .1 .1]", (1, 1, 3)),
        (b"/MediaBox[0 0 40 20]/Rotate 90", (80, 40, 3)),
        (b"/MediaBox[0 0 40 20]/Rotate 45", (40, 80, 3)),
        (b"/MediaBox[0 0 40 40]/UserUnit 1000000", (80, 80, 3)),
    ],
)
def test_odd_sizes_of_pdf_pages(page: bytes, shape: tuple[int, ...]) -> None:
    assert read(pdf_of_pages(page)).shape == shape


def test_memory_that_was_given_back() -> None:
    view = memoryview(encoded("PNG"))
    assert read(view[:]).shape == NOISE.shape
    view.release()
    with pytest.raises(InputError, match=r"input: .*released"):
        read(view)


# ---- names of files ------------------------------------------------------------------------------

NAMES = {
    "a line feed": "a\nb.png",
    "a tab and a bell": "a\t\a.png",
    "quotes": "a'\"`b.png",
    "what shells expand": "$HOME*?[a].png",
    "a leading dash": "-i.png",
    "a percent sign": "%s%n%00.png",
    "right to left": "\u202egnp.a.png",
    "a letter in two parts": "e\u0301.png",
    "an emoji": "\U0001f600.png",
    "bytes that are no text": os.fsdecode(b"\xff\xfe.png"),
    "255 bytes": "a" * 251 + ".png",
    "dots": "...png",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_read(ocr: PaddleOCR, tmp_path: Path, name: str) -> None:
    """They come back as they were given, and make a name for what is saved."""
    file = tmp_path / NAMES[name]
    file.write_bytes(encoded("PNG", Image.new("RGB", (60, 40), "white")))
    (result,) = ocr.predict(str(file))
    assert result["input_path"] == str(file)
    result.save_to_json(str(tmp_path / "out"))
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "kind", "named"),
    [
        ("", InputNotFoundError, "an empty string is not a path"),
        (" ", InputNotFoundError, " : no such file"),
        ("a\0b.png", InputError, r"'a\\x00b.png': not a valid path"),
        ("\ud800.png", InputError, "not a valid path"),
        ("a" * 256, InputError, "a{256}: cannot be read: .*too long"),
        ("/a" * 5000, InputError, "cannot be read: .*too long"),
        ("file:///etc/hosts", InputNotFoundError, "no such file; of URLs"),
        ("http://", InputError, "http://"),
        ("https://[::1", InputError, r"https://\[::1"),
        ("http://a b/", InputError, "http://a%20b/"),
        ("/proc/version", InputError, "/proc/version: corrupt"),
        ("/proc/self/mem", InputError, "/proc/self/mem: cannot be read"),
        ("/dev/zero", InputError, "/dev/zero: neither a file, a pipe nor a directory"),
        ("/dev/null", InputError, "/dev/null: neither a file, a pipe nor a directory"),
        ("/dev/urandom", InputError, "/dev/urandom: neither a file, a pipe nor a directory"),
    ],
)
def test_names_that_are_refused(name: str, kind: type[Exception], named: str) -> None:
    with pytest.raises(kind, match=named):
        read(name)


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    circle, dangling = tmp_path / "circle.png", tmp_path / "dangling.png"
    circle.symlink_to(circle)
    dangling.symlink_to(tmp_path / "gone.png")
    with pytest.raises(InputError, match=f"{re.escape(str(circle))}: cannot be read"):
        read(circle)
    with pytest.raises(InputNotFoundError, match=re.escape(str(dangling))):
        read(dangling)


def test_sockets(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        with pytest.raises(InputError, match=f"{re.escape(path)}: neither a file"):
            read(path)


def test_pipes(tmp_path: Path) -> None:
    """One is read to its end; nobody waits for one that nobody writes to."""
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: the file is empty"):
        read(path)
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(encoded("PNG"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert read(f"/dev/fd/{reading}").shape == NOISE.shape
    finally:
        writer.join()
        os.close(reading)


def test_a_directory_that_may_not_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Any) -> Iterator[Any]:
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path))}.*Permission denied"):
        read(tmp_path)


# ---- options -------------------------------------------------------------------------------------

NUMBERS = ("text_det_thresh", "text_det_box_thresh", "text_det_unclip_ratio", "pdf_scale")
WHITE = np.full((40, 60, 3), 255, np.uint8)


@pytest.mark.parametrize("option", [*NUMBERS, "text_rec_score_thresh"])
@pytest.mark.parametrize(
    "value",
    [np.float32(0.5), np.float64(0.5), np.int64(5), np.uint8(5), Fraction(1, 2), 2**31, 1e300,
     5e-324],
)  # fmt: skip
def test_numbers_of_other_types(ocr: PaddleOCR, option: str, value: Any) -> None:
    (result,) = ocr.predict(WHITE, **{option: value})
    assert result.ok


@pytest.mark.parametrize("option", [*NUMBERS, "text_rec_score_thresh"])
@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -1, 10**400, 10**5000, "0.5", b"1", True, np.True_, [0.5],
     np.array([0.5]), np.float32("nan"), 1j, Decimal("0.5"), np.ma.masked, {}],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_number(ocr: PaddleOCR, option: str, value: Any) -> None:
    with pytest.raises(InvalidOptionError, match=f"{option}=") as caught:
        ocr.predict(WHITE, **{option: value})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("option", ["text_det_limit_side_len"])
@pytest.mark.parametrize(
    ("value", "allowed"),
    [(1, True), (2**31 - 1, True), (np.int64(64), True), (np.uint8(64), True), (2**31, False),
     (64.0, False), (np.float64(64), False), (0, False), (-0.0, False), (True, False),
     ("64", False), (10**5000, False)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_whole_numbers(ocr: PaddleOCR, option: str, value: Any, allowed: bool) -> None:
    if allowed:
        assert ocr.predict(WHITE, **{option: value})[0].ok
    else:
        with pytest.raises(InvalidOptionError, match=f"{option}="):
            ocr.predict(WHITE, **{option: value})


@pytest.mark.parametrize(
    ("pages", "ranges"),
    [
        (np.int64(2), ((2, 2),)),
        (np.array(2), ((2, 2),)),
        (np.array([1, 3]), ((1, 1), (3, 3))),
        (range(1, 3), ((1, 1), (2, 2))),
        ({5}, ((5, 5),)),
        (2**31 - 1, ((2**31 - 1, 2**31 - 1),)),
    ],
)
def test_pages_of_other_types(pages: Any, ranges: Any) -> None:
    assert PageSelection.parse(pages).ranges == ranges


@pytest.mark.parametrize(
    "pages",
    [0, -1, 2**31, 10**5000, "9" * 5000, "1-" + "9" * 5000, "1-9999999999", b"1", bytearray(b"1"),
     1.0, "", "a", "1--2", "2-1", "１", [], [True], [1.0], np.array([True]), np.ma.masked, {"a": 1},
     [[1]]],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_page(ocr: PaddleOCR, pages: Any) -> None:
    with pytest.raises(InvalidOptionError, match="pdf_pages="):
        ocr.predict(WHITE, pdf_pages=pages)


def test_errors_come_from_every_thread(ocr: PaddleOCR) -> None:
    """Bad inputs and options on many threads: each thread gets its own error."""
    found: dict[int, str] = {}

    def fail(number: int) -> None:
        page, options = f"missing-{number}.png", {}
        if number % 2:
            page, options = WHITE, {"text_det_thresh": f"{number}"}
        with pytest.raises(FastOCRError) as caught:
            ocr.predict(page, **options)
        found[number] = str(caught.value)

    threads = [threading.Thread(target=fail, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(str(number) in found[number] for number in range(16))
