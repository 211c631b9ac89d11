"""Turns what a caller passes to `predict` into pages: 8-bit BGR images, one at a time.

Sources are numpy arrays, paths of image files, of multi-frame TIFFs and of PDFs, and flat lists or
tuples of these. Files are read lazily, one after the other. An input that cannot be read becomes a
page that carries the error, so that one bad file does not cost the others.

libjpeg and libpng print some warnings about damaged files straight to stderr. They bypass OpenCV's
log and cannot be silenced without redirecting the file descriptor of the whole process, so they
are left alone; OpenCV's own messages are held back while a file is decoded.
"""

from __future__ import annotations

import logging
import math
import os
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastocr.errors import FastOCRError, InputError, InputNotFoundError

__all__ = ["Page", "is_collection", "iter_pages"]

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

_logger = logging.getLogger(__name__)

_ALLOWED = "allowed are numpy arrays, paths (str or os.PathLike), and flat lists or tuples of these"
_ARRAY_DTYPES = "uint8, uint16, float32 or float64"
_ARRAY_SHAPES = "(H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA, no side empty"

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_SUFFIXES = (".tif", ".tiff")
_TIFF_ONE_EXTRA_SAMPLE = (338, 3, 1)  # tag ExtraSamples, type SHORT, one value
_TIFF_UNASSOCIATED_ALPHA = 2
_TIFF_UNSPECIFIED = 0
_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"

_PDF_SCALE = 2.0
_PDF_MIN_SCALE = 0.1
_PDF_MAX_PIXELS = 178_956_970
_PDF_SCALE_HALVINGS = 32

# PDFium is not thread-safe. The lock is re-entrant because the garbage collector may run the
# clean-up of an abandoned page iterator in the very thread that is rendering another document.
_PDFIUM_LOCK = threading.RLock()


@dataclass(frozen=True, slots=True)
class Page:
    """One page to recognise, or the reason why there is none.

    Exactly one of `image` and `error` is set.

    Attributes:
        image: uint8 (H, W, 3) in BGR order; pixels of a row are packed, rows may be strided.
        input_path: the path as the caller gave it; None for arrays.
        page_index: 0-based page of a PDF or frame of a TIFF; None for everything else.
        error: why the input, or this page of it, could not be read; the message names the input.
        followed: whether more pages come after it.

    """

    image: Image | None
    input_path: str | None
    page_index: int | None
    error: FastOCRError | None
    followed: bool = False


def is_collection(source: object) -> bool:
    """Tell whether `source` holds several inputs, whose errors stay in place of their pages."""
    return isinstance(source, (list, tuple))


def iter_pages(source: object) -> Iterator[Page]:
    """Yield the pages of `source` in order, reading one file at a time.

    Args:
        source: a numpy array, a path (str or os.PathLike), or a list or tuple of these. Arrays are
            uint8, uint16 (the high byte is used), float32 or float64 (values 0 to 255) of shape
            (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA (alpha is dropped).

    Yields:
        One `Page` for an array or a still image, one per page of a PDF or frame of a TIFF. An item
        that cannot be read yields one page with `error` set; nothing is raised for it.

    """
    if not isinstance(source, (list, tuple)):
        yield from _item_pages(source, "input")
        return
    for position, item in enumerate(source):
        for page in _item_pages(item, f"input[{position}]"):
            yield replace(page, followed=page.followed or position + 1 < len(source))


def _item_pages(item: object, label: str) -> Iterator[Page]:
    """Yield the pages of one input; `label` names it where it has no path."""
    path: str | None = None
    try:
        if isinstance(item, np.ndarray):
            yield Page(_array_to_bgr(item, label), None, None, None)
            return
        path = _path_of(item, label)
        yield from _file_pages(path)
    except InputError as error:
        yield Page(None, path, None, _detached(error))


def _detached(error: InputError) -> InputError:
    """Cut `error` off the frames it passed through, which hold the whole content of the file."""
    error.__context__ = None
    return error.with_traceback(None)


def _path_of(item: object, label: str) -> str:
    if isinstance(item, (str, os.PathLike)):
        return os.fsdecode(item)
    raise InputError(f"{label}: {type(item).__name__} is not a supported input; {_ALLOWED}")


# --- arrays ---------------------------------------------------------------------------------------


def _array_to_bgr(array: npt.NDArray[Any], label: str) -> Image:
    """Return uint8 (H, W, 3) BGR of a caller's array, without a copy where it already is that."""
    description = f"{label}: array of shape {array.shape} and dtype {array.dtype}"
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or array.size == 0:
        raise InputError(f"{description}; allowed shapes are {_ARRAY_SHAPES}")
    colour = np.asarray(array)[..., :3] if channels == 4 else np.asarray(array)
    pixels = _to_uint8(colour, description)
    if channels == 1:
        return _gray_to_bgr(pixels.reshape(pixels.shape[:2]))
    return pixels if _rows_are_packed(pixels) else np.array(pixels, order="C")


def _to_uint8(pixels: npt.NDArray[Any], description: str) -> Image:
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "u" and size == 1:
        return cast("Image", pixels)
    if kind == "u" and size == 2:
        return (pixels >> 8).astype(np.uint8)
    if kind == "f" and size in (4, 8):
        return _float_to_uint8(pixels, description)
    raise InputError(f"{description}; allowed dtypes are {_ARRAY_DTYPES}")


def _float_to_uint8(pixels: npt.NDArray[Any], description: str) -> Image:
    if not np.isfinite(pixels).all():
        raise InputError(f"{description} contains NaN or infinity; values 0 to 255 are expected")
    in_unit_range = pixels.min() >= 0 and pixels.max() <= 1
    if in_unit_range and ((pixels > 0) & (pixels < 1)).any():
        raise InputError(
            f"{description} has all values between 0 and 1; values 0 to 255 are expected: "
            "multiply by 255"
        )
    rounded: Image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded


def _gray_to_bgr(gray: Image) -> Image:
    image = np.empty((*gray.shape, 3), np.uint8)
    image[...] = gray[..., np.newaxis]
    return image


def _rows_are_packed(image: Image) -> bool:
    """Tell whether rows run forwards without overlap and pixels follow each other without gaps."""
    row, pixel, channel = image.strides
    width: int = image.shape[1]
    return channel == 1 and pixel == 3 and row >= 3 * width


# --- files ----------------------------------------------------------------------------------------


def _file_pages(path: str) -> Iterator[Page]:
    data = _read(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".pdf" or data[:1024].lstrip().startswith(b"%PDF"):
        yield from _pdf_pages(path, data)
    elif data.startswith(_TIFF_MAGIC):
        yield from _tiff_pages(path, data)
    else:
        # The content decides, but a page of any ".tif" is numbered, as callers expect of a TIFF.
        page_index = 0 if suffix in _TIFF_SUFFIXES else None
        yield Page(_decode_still(path, data), path, page_index, None)


def _read(path: str) -> bytes:
    if path.lower().startswith(("http://", "https://")):
        raise InputError(f"{path}: URLs are not read by this version; download the file first")
    if not path:
        raise InputNotFoundError("an empty string is not a path")
    if Path(path).is_dir():
        raise InputError(f"{path}: directories are not read by this version; list the files")
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputNotFoundError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path!r}: not a valid path: {error}") from None
    if not data:
        raise InputError(f"{path}: the file is empty")
    return data


def _read_page(path: str, page_index: int, decode: Callable[[int], Image], followed: bool) -> Page:
    """Read one page of a document; a failure of `decode` stays with this page."""
    try:
        return Page(decode(page_index), path, page_index, None, followed)
    except InputError as error:
        return Page(None, path, page_index, _detached(error), followed)


# --- still images and TIFF, by OpenCV -------------------------------------------------------------


class _QuietOpenCV:
    """Silences OpenCV's log, which is global to the process, while any thread is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._level: Any = None

    def __enter__(self) -> None:
        from cv2.utils import logging as cv2_log

        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._level = cv2_log.getLogLevel()
                cv2_log.setLogLevel(cv2_log.LOG_LEVEL_SILENT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from cv2.utils import logging as cv2_log

        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                cv2_log.setLogLevel(self._level)


_quiet_opencv = _QuietOpenCV()


def _decode_still(path: str, data: bytes) -> Image:
    """Return uint8 (H, W, 3) BGR of the first frame; EXIF orientation applied, alpha dropped."""
    image = _imdecode(path, np.frombuffer(data, np.uint8))
    if image is None and data.startswith(_JPEG_START):
        # OpenCV 5 refuses a JPEG whose end is cut off, even by the last byte only, which older
        # versions and browsers show. With an end marker libjpeg fills the missing part with gray.
        image = _imdecode(path, np.frombuffer(data + _JPEG_END, np.uint8))
        if image is not None:
            _logger.warning("%s: the JPEG file is truncated; the missing part is gray", path)
    if image is None:
        raise InputError(f"{path}: corrupt, or not an image in a format that OpenCV reads")
    return image


def _imdecode(name: str, data: npt.NDArray[np.uint8]) -> Image | None:
    """Decode the first frame of an encoded image; None if OpenCV cannot. `name` is for errors."""
    import cv2

    try:
        with _quiet_opencv:
            return cast("Image | None", cv2.imdecode(data, cv2.IMREAD_COLOR))
    except cv2.error as error:
        raise InputError(f"{name}: cannot be decoded: {error.err}") from None


def _tiff_pages(path: str, data: bytes) -> Iterator[Page]:
    tiff = _Tiff(data)
    if not tiff.directories:
        raise InputError(f"{path}: corrupt TIFF: no frame found")

    def decode(index: int) -> Image:
        name = f"{path}: page {index}"
        image = _imdecode(name, tiff.frame(index))
        if image is None:
            raise InputError(f"{name}: corrupt, or a pixel type that OpenCV cannot decode")
        return image

    frames = len(tiff.directories)
    for index in range(frames):
        yield _read_page(path, index, decode, index + 1 < frames or not tiff.complete)
    if not tiff.complete:
        message = f"{path}: page {frames}: corrupt TIFF directory; frames after it are lost"
        yield Page(None, path, frames, InputError(message))


class _Tiff:
    """A TIFF (classic or BigTIFF) in memory whose frames can be decoded one at a time.

    OpenCV's own reader of multi-frame files decodes all frames at once, which a long scan cannot
    afford, or walks from the first frame to the wanted one on every call. It also lets libtiff
    multiply the colours by an "unassociated" alpha channel, which turns black text on a transparent
    background into black on black; here such a channel is marked as unspecified and thus skipped.

    Attributes:
        directories: byte offset of each frame's directory, up to the first unreadable one.
        complete: False if the chain of directories is broken.

    """

    def __init__(self, data: bytes) -> None:
        order = "<" if data.startswith(b"II") else ">"
        big = data[2:4] in (b"+\0", b"\0+")
        self._buffer = bytearray(data)
        self._short = struct.Struct(order + "H")
        self._count = struct.Struct(order + ("Q" if big else "H"))
        self._entry_head = struct.Struct(order + ("HHQ" if big else "HHI"))
        self._offset = struct.Struct(order + ("Q" if big else "I"))
        self._start = 8 if big else 4
        self.directories: list[int] = []
        self.complete = self._follow_directories()

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the file with frame `index` as its first; valid until the next call."""
        self._offset.pack_into(self._buffer, self._start, self.directories[index])
        return np.frombuffer(self._buffer, np.uint8)

    def _follow_directories(self) -> bool:
        seen = set()
        position = self._start
        try:
            while (directory := self._offset.unpack_from(self._buffer, position)[0]) != 0:
                if directory in seen:
                    break
                position = self._skip_alpha(directory)
                seen.add(directory)
                self.directories.append(directory)
        except (struct.error, OverflowError):
            return False
        return True

    def _skip_alpha(self, directory: int) -> int:
        """Mark the alpha channel of a frame; return where the next directory's offset stands."""
        entries: int = self._count.unpack_from(self._buffer, directory)[0]
        entry_size = self._entry_head.size + self._offset.size
        first = directory + self._count.size
        end = first + entries * entry_size
        self._offset.unpack_from(self._buffer, end)
        for entry in range(first, end, entry_size):
            if self._entry_head.unpack_from(self._buffer, entry) == _TIFF_ONE_EXTRA_SAMPLE:
                value = entry + self._entry_head.size
                if self._short.unpack_from(self._buffer, value) == (_TIFF_UNASSOCIATED_ALPHA,):
                    self._short.pack_into(self._buffer, value, _TIFF_UNSPECIFIED)
        return end


# --- PDF, by PDFium -------------------------------------------------------------------------------


def _pdf_pages(path: str, data: bytes) -> Iterator[Page]:
    """Yield the rendered pages; the PDFium lock is free while the caller works on one."""
    with _PDFIUM_LOCK:
        document = _open_pdf(path, data)
        count = len(document)

    def render(index: int) -> Image:
        return _render_pdf_page(path, document, index)

    try:
        for index in range(count):
            yield _read_page(path, index, render, index + 1 < count)
    finally:
        with _PDFIUM_LOCK:
            document.close()


def _open_pdf(path: str, data: bytes) -> Any:
    import pypdfium2  # type: ignore[import-untyped]

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        # PDFium may report the error of an earlier document, so its word alone proves nothing.
        if "password" in str(error).lower() and b"/Encrypt" in data:
            reason = "the PDF is encrypted with a password; save it without one first"
        else:
            reason = "not a readable PDF (corrupt, or without pages)"
        raise InputError(f"{path}: {reason}") from None
    try:
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        document.close()
        raise InputError(f"{path}: the form fields of the PDF cannot be read: {error}") from None
    return document


def _render_pdf_page(path: str, document: Any, index: int) -> Image:
    """Render one page on white to uint8 (H, W, 3) BGR, at 144 dpi if the pixel limit allows."""
    import pypdfium2

    with _PDFIUM_LOCK:
        page = None
        try:
            page = document[index]
            bitmap = page.render(scale=_pdf_scale(*page.get_size()))
            # The pixels live in a buffer that Python owns and the array keeps alive.
            image: Image = bitmap.to_numpy()
            bitmap.close()
        except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise InputError(f"{path}: page {index}: cannot be rendered: {reason}") from None
        finally:
            if page is not None:
                page.close()
    return image


def _pdf_scale(width: float, height: float) -> float:
    """Return the pixels per point for a page of `width` x `height` points, at most 2.

    Pages that would exceed the pixel limit are rendered at the largest scale that does not.

    Raises:
        ValueError: the page has no area, or exceeds the limit even at the smallest scale.

    """
    if not (width > 0 and height > 0):
        raise ValueError(f"the page size is {width} x {height} points")

    def fits(scale: float) -> bool:
        return math.ceil(width * scale) * math.ceil(height * scale) <= _PDF_MAX_PIXELS

    if fits(_PDF_SCALE):
        return _PDF_SCALE
    if not fits(_PDF_MIN_SCALE):
        raise ValueError(f"the page of {width} x {height} points is too large")
    low, high = _PDF_MIN_SCALE, min(_PDF_SCALE, math.sqrt(_PDF_MAX_PIXELS / (width * height)))
    for _ in range(_PDF_SCALE_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
