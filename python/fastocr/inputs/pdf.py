"""PDF files: which pages are read, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fastocr.errors import InputError
from fastocr.inputs.options import InputOptions
from fastocr.inputs.page import Page, check_count, read_page
from fastocr.inputs.page_selection import PageSelection
from fastocr.pdf import Document, Pixels, Scales

if TYPE_CHECKING:
    from fastocr.inputs.page import Image
    from fastocr.pdf.isolated import IsolatedDocument

__all__ = ["is_pdf", "pdf_pages"]


def is_pdf(data: bytes) -> bool:
    """Tell whether the content of a file is a PDF; some have a few bytes before it."""
    return data[:1024].lstrip().startswith(b"%PDF")


def pdf_pages(name: str, data: bytes, options: InputOptions) -> Iterator[Page]:
    """Yield the rendered pages; PDFium is free while the caller works on one.

    Raises:
        InputError: it is no PDF that can be opened, has none of the chosen pages, or too many.

    """
    scales = Scales.of(options.pdf_scale, options.max_pixels)
    document = _opened(name, data, options)

    def render(index: int) -> Image:
        return _image(document.render(index, scales))

    try:
        indices = _chosen(name, document.count, options.pdf_pages)
        check_count(name, len(indices), options.max_pages)
        for index in indices:
            yield read_page(name, index, render, index != indices[-1])
    finally:
        document.close()


def _opened(name: str, data: bytes, options: InputOptions) -> Document | IsolatedDocument:
    if options.pdf_timeout is None and options.pdf_memory is None:
        return Document(name, data, options.pdf_password)
    from fastocr.pdf.isolated import IsolatedDocument, Limits

    limits = Limits(options.pdf_timeout, options.pdf_memory)
    return IsolatedDocument(name, data, options.pdf_password, limits)


def _image(pixels: Pixels) -> Image:
    """Return (H, W, 3) uint8 BGR; the array keeps the buffer alive."""
    import numpy as np

    shape = (pixels.height, pixels.width, 3)
    image: Image = np.ndarray(shape, np.uint8, pixels.data, strides=(pixels.stride, 3, 1))
    return image


def _chosen(name: str, count: int, selection: PageSelection | None) -> Sequence[int]:
    if selection is None:
        return range(count)
    indices = selection.indices(count)
    if not indices:
        raise InputError(
            f"{name}: the PDF has {count} pages, none of which is in pdf_pages={str(selection)!r}"
        )
    return indices
