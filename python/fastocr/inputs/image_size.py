"""The size that the header of an image file states.

It is looked at before the pixels are decoded: a file of some kilobytes may claim gigabytes of them.
Only what OpenCV reads matters here, and of that only formats without a limit of their own.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

__all__ = ["is_jpeg_2000", "stated_size"]

Size = tuple[int, int]

_HEADER_BYTES = 1 << 16

_SPACE = rb"(?:\s|#[^\n]*\n)+"
_PNM = re.compile(rb"P[1-6fF]" + _SPACE + rb"(\d+)" + _SPACE + rb"(\d+)")
_PAM = re.compile(rb"P7\s")
_RADIANCE = re.compile(rb"^[+-]Y (\d+) [+-]X (\d+)", re.MULTILINE)

# JPEG: frame headers are 0xC0 to 0xCF without these three; markers without a length.
_JPEG_NO_FRAME = (0xC4, 0xC8, 0xCC)
_JPEG_BARE = (0x01, *range(0xD0, 0xD9))
_JPEG_SCAN = 0xDA

_JP2_BOX = b"\0\0\0\x0cjP  \r\n\x87\n"
_JP2_CODESTREAM = b"\xff\x4f\xff\x51"


def stated_size(data: bytes) -> Size | None:
    """Return (width, height) as the header of an encoded image says; None where it is not known.

    None also stands for a damaged header, which is for the decoder to refuse.
    """
    for start, read in _READERS:
        if data.startswith(start) or (start == _FILE_TYPE and data.startswith(start, 4)):
            try:
                return read(data)
            except (struct.error, IndexError, OverflowError, ValueError):
                return None
    return None


def is_jpeg_2000(data: bytes) -> bool:
    """Tell whether the content of a file is JPEG 2000, in its own boxes or bare."""
    return data.startswith((_JP2_BOX, _JP2_CODESTREAM))


def _png(data: bytes) -> Size | None:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> Size | None:
    for marker, position in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in _JPEG_NO_FRAME:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (marker, where its length stands) up to the first scan."""
    position = 2
    while True:
        position = data.index(b"\xff", position)
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        position += 1
        if marker == _JPEG_SCAN:
            return
        if marker == 0 or marker in _JPEG_BARE:
            continue
        yield marker, position
        position += struct.unpack_from(">H", data, position)[0]


def _gif(data: bytes) -> Size | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> Size | None:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)


def _webp(data: bytes) -> Size | None:
    if data[8:15] != b"WEBPVP8":
        return None
    kind = data[15:16]
    if kind == b"X":
        width, high_width, height, high_height = struct.unpack_from("<HBHB", data, 24)
        return 1 + width + (high_width << 16), 1 + height + (high_height << 16)
    if kind == b"L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _portable(data: bytes) -> Size | None:
    if _PAM.match(data):
        return _pam(data[:_HEADER_BYTES])
    match = _PNM.match(data[:_HEADER_BYTES])
    return match and (int(match[1]), int(match[2]))


def _pam(header: bytes) -> Size | None:
    width = re.search(rb"^WIDTH\s+(\d+)", header, re.MULTILINE)
    height = re.search(rb"^HEIGHT\s+(\d+)", header, re.MULTILINE)
    return width and height and (int(width[1]), int(height[1]))


def _jpeg_2000(data: bytes) -> Size | None:
    position = 0
    while True:
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:  # the size did not fit
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        if kind == b"jp2c":
            return _codestream(data, position + head)
        if size < head:
            return None
        position += size


def _codestream(data: bytes, position: int = 0) -> Size | None:
    right, bottom, left, top = struct.unpack_from(">IIII", data, position + 8)
    return right - left, bottom - top


def _avif(data: bytes) -> Size | None:
    """Return the largest size that an ISO base media file states of an image or a track."""
    sizes = list(_media_sizes(data, 0, len(data)))
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _media_sizes(data: bytes, position: int, end: int, depth: int = 0) -> Iterator[Size]:
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:  # the size did not fit
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        whole = position + size <= end
        stop = position + size if size and whole else end
        if kind == b"ispe":
            width, height = struct.unpack_from(">II", data, position + head + 4)
            yield width, height
        elif kind == b"tkhd" and whole:
            width, height = struct.unpack_from(">II", data, stop - 8)
            yield width >> 16, height >> 16
        elif kind in _MEDIA_CONTAINERS and depth < _MEDIA_DEPTH:
            inside = position + head + 4 * (kind == b"meta")
            yield from _media_sizes(data, inside, stop, depth + 1)
        if stop <= position + head:
            return
        position = stop


def _sun(data: bytes) -> Size | None:
    width, height = struct.unpack_from(">II", data, 4)
    return width, height


def _radiance(data: bytes) -> Size | None:
    match = _RADIANCE.search(data[:_HEADER_BYTES])
    return match and (int(match[2]), int(match[1]))


_FILE_TYPE = b"ftyp"  # behind its size
_MEDIA_DEPTH = 4  # of containers in each other; a file may claim any number
_MEDIA_CONTAINERS = (b"meta", b"iprp", b"ipco", b"moov", b"trak")

_READERS = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"RIFF", _webp),
    (b"P", _portable),
    (_JP2_BOX, _jpeg_2000),
    (_JP2_CODESTREAM, _codestream),
    (b"\x59\xa6\x6a\x95", _sun),
    (b"#?", _radiance),
    (_FILE_TYPE, _avif),
)
