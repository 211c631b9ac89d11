"""The limit on pixels: what a header claims is known before anything is decoded."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from fastocr.errors import InputError
from fastocr.inputs import InputOptions, PageSelection, still
from fastocr.inputs.files import encoded_pages
from fastocr.inputs.image_size import stated_size
from fastocr.inputs.png import whole_chunks
from fastocr.inputs.tiff import _Tiff as Tiff

WIDTH, HEIGHT = 300, 41


def by_pillow(image_format: str, mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(out, image_format, **options)
    return out.getvalue()


def by_opencv(suffix: str, dtype: Any = np.uint8, channels: int = 3) -> bytes:
    return cv2.imencode(suffix, np.ones((HEIGHT, WIDTH, channels), dtype))[1].tobytes()


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010E] = "a" * 60_000  # a description longer than any scan for a marker
    return tags


ENCODED: dict[str, Callable[[], bytes]] = {
    "png": lambda: by_pillow("PNG"),
    "png of 16 bit": lambda: by_opencv(".png", np.uint16),
    "jpeg": lambda: by_pillow("JPEG"),
    "jpeg, progressive": lambda: by_pillow("JPEG", progressive=True),
    "jpeg with a long head": lambda: by_pillow("JPEG", exif=exif(), comment=b"\xff\xc0\xff"),
    "gif": lambda: by_pillow("GIF"),
    "bmp": lambda: by_pillow("BMP"),
    "webp, lossy": lambda: by_pillow("WEBP"),
    "webp, lossless": lambda: by_pillow("WEBP", lossless=True),
    "webp, extended": lambda: by_pillow("WEBP", "RGBA", exif=exif()),
    "pbm": lambda: by_pillow("PPM", "1"),
    "ppm": lambda: by_pillow("PPM").replace(b"P6", b"P6 # a comment\n#\n", 1),
    "pam": lambda: by_opencv(".pam"),
    "pfm": lambda: by_opencv(".pfm", np.float32),
    "jp2": lambda: by_pillow("JPEG2000"),
    "j2k": lambda: by_pillow("JPEG2000", no_jp2=True),
    "sun": lambda: by_opencv(".ras"),
    "radiance": lambda: by_opencv(".hdr", np.float32),
    "avif": lambda: by_pillow("AVIF"),
    "avif, animated": lambda: by_pillow(
        "AVIF", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT))]
    ),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_stated_size(kind: str) -> None:
    assert stated_size(ENCODED[kind]()) == (WIDTH, HEIGHT)


def test_stated_size_of_a_bmp_with_rows_downwards() -> None:
    data = bytearray(by_pillow("BMP"))
    struct.pack_into("<i", data, 22, -HEIGHT)
    assert stated_size(bytes(data)) == (WIDTH, HEIGHT)
    old = b"BM" + bytes(12) + struct.pack("<IHH", 12, WIDTH, HEIGHT)
    assert stated_size(old) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", ENCODED)
def test_cut_headers_state_nothing(kind: str) -> None:
    """At any place: no exception, and no size that is not there."""
    data = ENCODED[kind]()
    for end in range(min(len(data), 700)):
        assert stated_size(data[:end]) in (None, (WIDTH, HEIGHT), *prefixes(data[:end]))


def prefixes(data: bytes) -> list[tuple[int, int]]:
    """What is read of a number in letters that is cut off."""
    if not data.startswith((b"P", b"#?")):
        return []
    numbers = [int(number) for number in re.findall(rb"\d+", data)]
    return [(first, second) for first in numbers for second in numbers]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"RIFFxxxxWAVEfmt ", b"BM", b"Part", b"P6"])
def test_no_image_states_nothing(data: bytes) -> None:
    assert stated_size(data) is None


def test_a_box_beyond_all_memory_states_nothing() -> None:
    box = struct.pack(">I4sQ", 1, b"kind", 2**64 - 1)
    assert stated_size(by_pillow("JPEG2000")[:12] + box) is None


CLAIM = struct.pack(">I", 0xFF000000)


def claiming(data: bytes, kind: bytes) -> bytes:
    """The PNG with a first chunk of a kind that claims to be of 4 GB."""
    place = data.index(kind) - 4
    return data[:place] + CLAIM + data[place + 4 :]


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_chunks_that_are_not_there_are_no_reason_for_memory(
    monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """OpenCV would make room for what the chunk claims: it does not get to see it."""
    seen: list[bytes] = []
    decode = still.decode
    monkeypatch.setattr(
        still, "decode", lambda name, data: seen.append(data.tobytes()) or decode(name, data)
    )
    with pytest.raises(InputError, match="corrupt"):
        decoded(claiming(by_pillow("PNG"), kind), WIDTH * HEIGHT)
    assert seen
    assert all(CLAIM not in data for data in seen)


def test_a_whole_png_is_decoded_as_it_is() -> None:
    data = by_pillow("PNG")
    assert whole_chunks(data) is data
    assert decoded(data + b"more", WIDTH * HEIGHT).shape == (HEIGHT, WIDTH, 3)


def test_a_first_frame_does_not_need_the_others() -> None:
    other = Image.new("RGB", (WIDTH, HEIGHT))
    data = by_pillow("PNG", save_all=True, append_images=[other])
    first = decoded(data, WIDTH * HEIGHT)
    np.testing.assert_array_equal(decoded(claiming(data, b"fdAT"), WIDTH * HEIGHT), first)


def decoded(data: bytes, max_pixels: int) -> Any:
    (page,) = encoded_pages("a", "", data, InputOptions(max_pixels=max_pixels))
    if page.error is not None:
        raise page.error
    return page.image


@pytest.mark.parametrize("kind", [*ENCODED, "tiff"])
def test_limit(kind: str) -> None:
    data = ENCODED.get(kind, lambda: by_pillow(kind.upper()))()
    assert decoded(data, WIDTH * HEIGHT).shape == (HEIGHT, WIDTH, 3)
    message = f"{WIDTH} x {HEIGHT} pixels are more than the {WIDTH * HEIGHT - 1} allowed"
    with pytest.raises(ValueError, match=message):
        decoded(data, WIDTH * HEIGHT - 1)


def swollen(data: bytes, *, order: str = ">", size: str = "II", side: int = 60_000) -> bytes:
    """The data with another size in its header, in place of the first one that is there."""
    own = struct.pack(order + size, WIDTH, HEIGHT)
    assert own in data
    return data.replace(own, struct.pack(order + size, side, side), 1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png": lambda: swollen(by_pillow("PNG")),
    "gif": lambda: swollen(by_pillow("GIF"), order="<", size="HH"),
    "bmp": lambda: swollen(by_pillow("BMP"), order="<", size="ii"),
    "ppm": lambda: by_pillow("PPM").replace(b"300 41", b"60000 60000", 1),
    "j2k": lambda: swollen(by_pillow("JPEG2000", no_jp2=True)),
    "sun": lambda: swollen(by_opencv(".ras")),
    "avif": lambda: swollen(by_pillow("AVIF")),
    "webp": lambda: b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x5f\xea\0" * 2 + bytes(9),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_not_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(still, "decode", never)
    with pytest.raises(
        ValueError, match="60000 x 60000 pixels are more than the 178956970 allowed"
    ):
        decoded(BOMBS[kind](), InputOptions().max_pixels)


def test_boxes_in_boxes_without_end_state_nothing() -> None:
    boxes = b"".join(struct.pack(">I4s", 8 * (5000 - k), b"moov") for k in range(5000))
    assert stated_size(struct.pack(">I4s4s4x", 16, b"ftyp", b"avif") + boxes) is None


def test_jpeg_bomb() -> None:
    data = by_pillow("JPEG")
    own = struct.pack(">HH", HEIGHT, WIDTH)
    with pytest.raises(ValueError, match="65500 x 65500 pixels"):
        decoded(data.replace(own, struct.pack(">HH", 65500, 65500), 1), 178_956_970)


def test_only_the_large_frame_of_a_tiff_fails() -> None:
    out = io.BytesIO()
    frames = [Image.new("L", (40, 30)), Image.new("L", (50, 40)), Image.new("L", (41, 29))]
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    pages = list(encoded_pages("a", "", out.getvalue(), InputOptions(max_pixels=1200)))
    assert [page.error is None for page in pages] == [True, False, True]
    assert "a: page 1: 50 x 40 pixels are more than the 1200 allowed" in str(pages[1].error)


def document(image_format: str, pages: int) -> bytes:
    first, *others = [Image.new("RGB", (40, 30)) for _ in range(pages)]
    out = io.BytesIO()
    first.save(out, image_format, save_all=True, append_images=others)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_too_many_pages(kind: str) -> None:
    data = document(kind, 4)
    assert len(list(encoded_pages("a", "", data, InputOptions(max_pages=4)))) == 4
    with pytest.raises(InputError, match="a: more than the 3 pages allowed by max_pages"):
        list(encoded_pages("a", "", data, InputOptions(max_pages=3)))


def test_chosen_pages_count_against_the_limit() -> None:
    options = InputOptions(max_pages=2, pdf_pages=PageSelection.parse("2-3"))
    assert len(list(encoded_pages("a", "", document("PDF", 4), options))) == 2


def test_tiff_of_tiny_directories_is_not_followed_to_its_end() -> None:
    """Each is a number of entries, 0, and the place of the next one."""
    chain = b"".join(struct.pack("<HI", 0, 8 + 6 * (i + 1)) for i in range(100_000))
    tiff = Tiff(b"II*\0" + struct.pack("<I", 8) + chain, max_frames=10)
    assert len(tiff.directories) == 11


def test_tiff_directory_that_claims_more_entries_than_libtiff_takes() -> None:
    data = b"II*\0" + struct.pack("<IH", 8, 4097) + bytes(12 * 4097 + 4)
    with pytest.raises(InputError, match="no frame found"):
        list(encoded_pages("a", "", data, InputOptions()))


@pytest.mark.parametrize("second", [100, 5000], ids=["beyond the file", "more than libtiff takes"])
def test_tiff_directory_over_the_header(second: int) -> None:
    """Its number of entries is where the header names the first frame, so reading changes it."""
    data = bytearray(max(second + 6, 106))
    data[:8] = b"II*\0" + struct.pack("<I", 8)
    struct.pack_into("<HI", data, 8, 0, second)
    struct.pack_into("<HI", data, second, 0, 4)
    struct.pack_into("<I", data, 102, 4 if second == 100 else 0)
    pages = list(encoded_pages("a", "", bytes(data), InputOptions()))
    assert len(pages) == 3
    assert str(pages[2].error) == "a: page 2: corrupt TIFF directory"
