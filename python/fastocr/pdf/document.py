"""A PDF file in this process."""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass
from typing import Any

from fastocr.errors import InputError, InvalidOptionError

__all__ = ["Document", "Pixels", "Scales"]

# Pixels per point. The names of the environment variables are the reference's.
_SCALE = 2.0
_SCALE_VARIABLE = "PADDLE_PDX_PDF_RENDER_SCALE"
_MIN_SCALE = 0.1
_MIN_SCALE_VARIABLE = "PADDLE_PDX_PDF_MIN_RENDER_SCALE"
_SCALE_HALVINGS = 32

# PDFium is not thread-safe. The lock is re-entrant because the garbage collector may run the
# clean-up of an abandoned page iterator in the very thread that is rendering another document.
_PDFIUM_LOCK = threading.RLock()


@dataclass(frozen=True, slots=True)
class Pixels:
    """A rendered page: rows of `stride` bytes that begin with `width` BGR pixels.

    Attributes:
        data: a buffer of height x stride bytes.

    """

    data: Any
    width: int
    height: int
    stride: int


class Document:
    """An open PDF file. Threads may share it; PDFium works for one at a time."""

    def __init__(self, name: str, data: bytes, password: str | None) -> None:
        """Open it.

        Args:
            name: for messages.
            data: the content.
            password: of an encrypted file.

        Raises:
            InputError: it is no PDF that can be opened.

        """
        self._name = name
        with _PDFIUM_LOCK:
            self._document = _opened(name, data, password)
            self.count = len(self._document)

    def render(self, index: int, scales: Scales) -> Pixels:
        """Render a page on white.

        Raises:
            InputError: the page cannot be rendered.

        """
        import pypdfium2

        with _PDFIUM_LOCK:
            page = None
            try:
                page = self._document[index]
                bitmap = page.render(scale=scales.of_page(*page.get_size()))
                # The buffer belongs to Python.
                pixels = Pixels(bitmap.buffer, bitmap.width, bitmap.height, bitmap.stride)
                bitmap.close()
            except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
                reason = str(error) or type(error).__name__
                raise InputError(
                    f"{self._name}: page {index}: cannot be rendered: {reason}"
                ) from None
            finally:
                if page is not None:
                    page.close()
        return pixels

    def close(self) -> None:
        """Free what PDFium holds of it."""
        with _PDFIUM_LOCK:
            self._document.close()


def _opened(name: str, data: bytes, password: str | None) -> Any:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data, password=password)
    except pypdfium2.PdfiumError as error:
        # PDFium may report the error of an earlier document, so its word alone proves nothing.
        if "password" not in str(error).lower() or b"/Encrypt" not in data:
            reason = "not a readable PDF (corrupt, or without pages)"
        elif password is None:
            reason = "the PDF is encrypted with a password; pass it as pdf_password"
        else:
            reason = "the PDF is encrypted with another password than pdf_password"
        raise InputError(f"{name}: {reason}") from None
    try:
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        document.close()
        raise InputError(f"{name}: the form fields of the PDF cannot be read: {error}") from None
    return document


@dataclass(frozen=True, slots=True)
class Scales:
    """How large pages are rendered.

    Attributes:
        wanted: pixels per point of most pages.
        least: of pages that would have too many pixels.
        max_pixels: how many a page may have.

    """

    wanted: float
    least: float
    max_pixels: int

    @staticmethod
    def of(wanted: float | None, max_pixels: int) -> Scales:
        """Return them for a wish; None: that of the environment.

        Raises:
            InvalidOptionError: an environment variable has a value that is not allowed.

        """
        if wanted is None:
            wanted = _environment_scale(_SCALE_VARIABLE, _SCALE)
        least = _environment_scale(_MIN_SCALE_VARIABLE, _MIN_SCALE)
        return Scales(wanted, min(least, wanted), max_pixels)

    def of_page(self, width: float, height: float) -> float:
        """Return the pixels per point for a page of `width` x `height` points.

        Pages that would exceed the pixel limit are rendered at the largest scale that does not.

        Raises:
            ValueError: the page has no area, or exceeds the limit even at the smallest scale.

        """
        if not (width > 0 and height > 0):
            raise ValueError(f"the page size is {width} x {height} points")

        def fits(scale: float) -> bool:
            return math.ceil(width * scale) * math.ceil(height * scale) <= self.max_pixels

        if fits(self.wanted):
            return self.wanted
        if not fits(self.least):
            raise ValueError(
                f"the page of {width} x {height} points is too large: it has more than the "
                f"{self.max_pixels} pixels allowed by max_pixels even at the scale {self.least:g}"
            )
        low, high = self.least, min(self.wanted, math.sqrt(self.max_pixels / (width * height)))
        for _ in range(_SCALE_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low


def _environment_scale(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        scale = float(text) if text else default
    except ValueError:
        scale = 0.0
    if not 0 < scale < math.inf:
        raise InvalidOptionError(
            f"the environment variable {variable} is {text!r}: a number greater than 0 is expected"
        )
    return scale
