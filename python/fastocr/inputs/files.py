"""Encoded images and documents: where their bytes come from, and which pages they hold."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from fastocr.errors import InputError, InputNotFoundError
from fastocr.inputs.options import InputOptions
from fastocr.inputs.page import Page
from fastocr.inputs.pdf import is_pdf, pdf_pages
from fastocr.inputs.still import decode_still
from fastocr.inputs.tiff import is_tiff, tiff_pages

__all__ = ["encoded_pages", "read_file"]

_TIFF_SUFFIXES = (".tif", ".tiff")
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def encoded_pages(name: str, suffix: str, data: bytes, options: InputOptions) -> Iterator[Page]:
    """Yield the pages of an encoded image or document.

    Args:
        name: its path or URL, for the pages and for messages.
        suffix: that of its file name, in lower case. The content decides, but a name that ends in
            ``.pdf`` or ``.tif`` says what the caller expects.
        data: the content.
        options: how it is read.

    Raises:
        InputError: it is nothing that can be read.

    """
    if not data:
        raise InputError(f"{name}: the file is empty")
    if suffix == ".pdf" or is_pdf(data):
        yield from pdf_pages(name, data, options)
    elif is_tiff(data):
        yield from tiff_pages(name, data, options)
    else:
        # A page of any ".tif" is numbered, as callers expect of a TIFF.
        page_index = 0 if suffix in _TIFF_SUFFIXES else None
        yield Page(decode_still(name, data, options.max_pixels), name, page_index, None)


def read_file(path: str) -> bytes:
    """Return the content of a file.

    Raises:
        InputNotFoundError: there is no such file.
        InputError: it cannot be read.

    """
    if not path:
        raise InputNotFoundError("an empty string is not a path")
    try:
        return _content(path)
    except FileNotFoundError:
        hint = "; of URLs, those with http and https are read" if _OTHER_SCHEME.match(path) else ""
        raise InputNotFoundError(f"{path}: no such file{hint}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path!r}: not a valid path: {error}") from None
    except MemoryError:
        raise InputError(f"{path}: it is too large for the memory") from None


def _content(path: str) -> bytes:
    """Return the content of a file, or of a pipe that somebody writes to."""
    kind = Path(path).stat().st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
        # A device may go on for ever.
        raise InputError(f"{path}: neither a file, a pipe nor a directory")
    with open(path, "rb", opener=_open_at_once) as file:
        os.set_blocking(file.fileno(), True)
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for somebody who writes to a pipe; with nobody, it is empty."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
