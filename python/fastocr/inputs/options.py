"""How inputs are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastocr.inputs.page_selection import PageSelection

__all__ = ["DEFAULT_OPTIONS", "InputOptions"]


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How inputs are read.

    Attributes:
        recursive: whether directories are read with those in them.
        pdf_pages: the pages of PDFs that are read; None: all.
        pdf_scale: pixels per point (1/72 inch) of PDF pages; None: that of the environment variable
            PADDLE_PDX_PDF_RENDER_SCALE, or 2.
        pdf_password: the password of encrypted PDFs.
        pdf_timeout: seconds for opening a PDF and rendering one page; None: there is no limit. With
            this or `pdf_memory`, PDFs are read in processes of their own.
        pdf_memory: bytes that such a process may take for a PDF; None: there is no limit.
        max_pixels: an image file with more pixels is an error, before it is decoded; a PDF page is
            rendered at a smaller scale.
        max_pages: a document with more pages is an error; None: there is no limit.
        allow_urls: whether strings that start with http:// or https:// are fetched.
        allow_private_urls: whether URLs may lead to addresses that are not public.
        url_timeout: seconds for the whole download of a URL.
        max_url_bytes: the largest file that is downloaded.

    """

    recursive: bool = True
    pdf_pages: PageSelection | None = None
    pdf_scale: float | None = None
    pdf_password: str | None = field(default=None, repr=False)
    pdf_timeout: float | None = None
    pdf_memory: int | None = None
    # Pillow's limit, and the reference's: half a gigabyte as BGR.
    max_pixels: int = 178_956_970
    allow_urls: bool = True
    max_pages: int | None = None
    allow_private_urls: bool = False
    url_timeout: float = 60.0
    max_url_bytes: int = 100 * 2**20


DEFAULT_OPTIONS = InputOptions()
