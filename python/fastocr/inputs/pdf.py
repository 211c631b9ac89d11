"""PDF files, rendered by PDFium."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastocr.errors import InputError, InvalidOptionError
from fastocr.inputs.options import InputOptions
from fastocr.inputs.page import Page, check_count, read_page
from fastocr.inputs.page_selection import PageSelection

if TYPE_CHECKING:
    from fastocr.inputs.page import Image

__all__ = ["is_pdf", "pdf_pages"]

# Pixels per point. The names of the environment variables are the reference's.
_SCALE = 2.0
_SCALE_VARIABLE = "PADDLE_PDX_PDF_RENDER_SCALE"
_MIN_SCALE = 0.1
_MIN_SCALE_VARIABLE = "PADDLE_PDX_PDF_MIN_RENDER_SCALE"
_SCALE_HALVINGS = 32

# PDFium is not thread-safe. The lock is re-entrant because the garbage collector may run the
# clean-up of an abandoned page iterator in the very thread that is rendering another document.
_PDFIUM_LOCK = threading.RLock()


def is_pdf(data: bytes) -> bool:
    """Tell whether the content of a file is a PDF; some have a few bytes before it."""
    return data[:1024].lstrip().startswith(b"%PDF")


def pdf_pages(name: str, data: bytes, options: InputOptions) -> Iterator[Page]:
    """Yield the rendered pages; the PDFium lock is free while the caller works on one.

    Raises:
        InputError: it is no PDF that can be opened, has none of the chosen pages, or too many.

    """
    limits = _Scales.of(options)
    with _PDFIUM_LOCK:
        document = _open(name, data, options.pdf_password)
        count = len(document)

    def render(index: int) -> Image:
        return _render(name, document, index, limits)

    try:
        indices = _chosen(name, count, options.pdf_pages)
        check_count(name, len(indices), options.max_pages)
        for index in indices:
            yield read_page(name, index, render, index != indices[-1])
    finally:
        with _PDFIUM_LOCK:
            document.close()


def _chosen(name: str, count: int, selection: PageSelection | None) -> Sequence[int]:
    if selection is None:
        return range(count)
    indices = selection.indices(count)
    if not indices:
        raise InputError(
            f"{name}: the PDF has {count} pages, none of which is in pdf_pages={str(selection)!r}"
        )
    return indices


def _open(name: str, data: bytes, password: str | None) -> Any:
    import pypdfium2  # type: ignore[import-untyped]

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


def _render(name: str, document: Any, index: int, scales: _Scales) -> Image:
    """Render one page on white to uint8 (H, W, 3) BGR."""
    import pypdfium2

    with _PDFIUM_LOCK:
        page = None
        try:
            page = document[index]
            bitmap = page.render(scale=scales.of_page(*page.get_size()))
            # The pixels live in a buffer that Python owns and the array keeps alive.
            image: Image = bitmap.to_numpy()
            bitmap.close()
        except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise InputError(f"{name}: page {index}: cannot be rendered: {reason}") from None
        finally:
            if page is not None:
                page.close()
    return image


@dataclass(frozen=True, slots=True)
class _Scales:
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
    def of(options: InputOptions) -> _Scales:
        wanted = options.pdf_scale
        if wanted is None:
            wanted = _environment_scale(_SCALE_VARIABLE, _SCALE)
        least = _environment_scale(_MIN_SCALE_VARIABLE, _MIN_SCALE)
        return _Scales(wanted, min(least, wanted), options.max_pixels)

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
