"""TIFF files of one or more frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from fastocr.errors import InputError
from fastocr.inputs.options import InputOptions
from fastocr.inputs.page import Page, check_count, read_page
from fastocr.inputs.pillow import decode_by_pillow
from fastocr.inputs.still import check_pixels, decode

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastocr.inputs.page import Image

__all__ = ["is_tiff", "tiff_pages"]

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ONE_EXTRA_SAMPLE = (338, 3, 1)  # tag ExtraSamples, type SHORT, one value
_UNASSOCIATED_ALPHA = 2
_UNSPECIFIED = 0
_WIDTH, _LENGTH, _COMPRESSION = 256, 257, 259  # tags
_MOST_ENTRIES = 4096
_SHORT = 3  # type; the other one of these tags is LONG
# LZMA, Zstandard and WebP, with which OpenCV's libtiff is not built.
_BEYOND_OPENCV = (34925, 50000, 50001)


def is_tiff(data: bytes) -> bool:
    """Tell whether the content of a file is a TIFF."""
    return data.startswith(_MAGIC)


def tiff_pages(name: str, data: bytes, options: InputOptions) -> Iterator[Page]:
    """Yield the frames; where their chain is broken, an error comes last.

    Raises:
        InputError: it has no frame, or too many.

    """
    tiff = _Tiff(data, options.max_pages)
    if not tiff.directories:
        raise InputError(f"{name}: corrupt TIFF: no frame found")
    check_count(name, len(tiff.directories), options.max_pages)

    def read(index: int) -> Image:
        frame = f"{name}: page {index}"
        try:
            width, height, compression = tiff.numbers(index, _WIDTH, _LENGTH, _COMPRESSION)
        except (struct.error, OverflowError):
            # It lies over the header or another directory, which reading other frames changes.
            raise InputError(f"{frame}: corrupt TIFF directory") from None
        check_pixels(frame, width, height, options.max_pixels)
        if compression in _BEYOND_OPENCV:
            image = decode_by_pillow(tiff.frame(index).tobytes())
        else:
            image = decode(frame, tiff.frame(index))
        if image is None:
            raise InputError(f"{frame}: corrupt, or a type of pixels that is not read")
        return image

    frames = len(tiff.directories)
    for index in range(frames):
        yield read_page(name, index, read, index + 1 < frames or not tiff.complete)
    if not tiff.complete:
        yield read_page(name, frames, partial(_lost, name), followed=False)


def _lost(name: str, index: int) -> NoReturn:
    raise InputError(f"{name}: page {index}: corrupt TIFF directory; frames after it are lost")


class _Tiff:
    """A TIFF (classic or BigTIFF) in memory whose frames can be decoded one at a time.

    OpenCV's own reader of multi-frame files decodes all frames at once, which a long scan cannot
    afford, or walks from the first frame to the wanted one on every call. It also lets libtiff
    multiply the colours by an "unassociated" alpha channel, which turns black text on a transparent
    background into black on black; here such a channel is marked as unspecified and thus skipped.

    Attributes:
        directories: byte offset of each frame's directory, up to the first unreadable one, or the
            first one beyond the limit.
        complete: False if the chain of directories is broken.

    """

    def __init__(self, data: bytes, max_frames: int | None) -> None:
        order = "<" if data.startswith(b"II") else ">"
        big = data[2:4] in (b"+\0", b"\0+")
        self._buffer = bytearray(data)
        self._short = struct.Struct(order + "H")
        self._long = struct.Struct(order + "I")
        self._count = struct.Struct(order + ("Q" if big else "H"))
        self._entry_head = struct.Struct(order + ("HHQ" if big else "HHI"))
        self._offset = struct.Struct(order + ("Q" if big else "I"))
        self._start = 8 if big else 4
        self.directories: list[int] = []
        self.complete = self._follow_directories(None if max_frames is None else max_frames + 1)

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the file with frame `index` as its first; valid until the next call."""
        self._offset.pack_into(self._buffer, self._start, self.directories[index])
        return np.frombuffer(self._buffer, np.uint8)

    def numbers(self, index: int, *tags: int) -> list[int]:
        """Return the first number of each of these tags of frame `index`; 0 where there is none."""
        found = dict.fromkeys(tags, 0)
        for entry in self._entries(self.directories[index]):
            tag, kind, _ = self._entry_head.unpack_from(self._buffer, entry)
            if tag in found:
                number = self._short if kind == _SHORT else self._long
                (found[tag],) = number.unpack_from(self._buffer, entry + self._entry_head.size)
        return list(found.values())

    def _follow_directories(self, most: int | None) -> bool:
        # A directory may be as small as six bytes: a file of some megabytes could hold millions.
        seen: set[int] = set()
        position = self._start
        try:
            while (directory := self._offset.unpack_from(self._buffer, position)[0]) != 0:
                if directory in seen or len(seen) == most:
                    break
                position = self._skip_alpha(directory)
                seen.add(directory)
                self.directories.append(directory)
        except (struct.error, OverflowError):
            return False
        return True

    def _skip_alpha(self, directory: int) -> int:
        """Mark the alpha channel of a frame; return where the next directory's offset stands."""
        entries = self._entries(directory)
        self._offset.unpack_from(self._buffer, entries.stop)
        for entry in entries:
            if self._entry_head.unpack_from(self._buffer, entry) == _ONE_EXTRA_SAMPLE:
                value = entry + self._entry_head.size
                if self._short.unpack_from(self._buffer, value) == (_UNASSOCIATED_ALPHA,):
                    self._short.pack_into(self._buffer, value, _UNSPECIFIED)
        return entries.stop

    def _entries(self, directory: int) -> range:
        """Return where the entries of a directory start; the end is where its last one ends.

        Raises:
            OverflowError: it claims more entries than libtiff takes.

        """
        count: int = self._count.unpack_from(self._buffer, directory)[0]
        if count > _MOST_ENTRIES:
            raise OverflowError
        size = self._entry_head.size + self._offset.size
        first = directory + self._count.size
        return range(first, first + count * size, size)
