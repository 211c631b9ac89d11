"""A page, and how errors become one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastocr.errors import FastOCRError, InputError
from fastocr.tracebacks import detached

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

__all__ = ["Page", "check_count", "guarded", "read_page"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page to recognise, or the reason why there is none.

    Exactly one of `image` and `error` is set.

    Attributes:
        image: uint8 (H, W, 3) in BGR order; pixels of a row are packed, rows may be strided.
        input_path: the path as the caller gave it, or that of a file in a directory; a URL without
            user name and password; None for arrays, Pillow images and contents of files.
        page_index: 0-based page of a PDF or frame of a TIFF; None for everything else.
        error: why the input, or this page of it, could not be read; the message names the input.
        followed: whether more pages come after it, or may come, as those of an iterator.
        one_of_many: whether it stands in a document, a directory, a list or an iterator, so that
            its failure must not cost the others.

    """

    image: Image | None
    input_path: str | None
    page_index: int | None
    error: FastOCRError | None
    followed: bool = False
    one_of_many: bool = False


def guarded(input_path: str | None, pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages of an input; where it cannot be read, one page with the error."""
    try:
        yield from pages
    except InputError as error:
        yield Page(None, input_path, None, detached(error))


def read_page(
    input_path: str, page_index: int, decode: Callable[[int], Image], followed: bool
) -> Page:
    """Read one page of a document; a failure of `decode` stays with this page."""
    try:
        image = decode(page_index)
    except InputError as error:
        return Page(None, input_path, page_index, detached(error), followed, one_of_many=True)
    return Page(image, input_path, page_index, None, followed, one_of_many=True)


def check_count(name: str, count: int, max_pages: int | None) -> None:
    """Refuse a document of `count` pages.

    Raises:
        InputError: they are more than `max_pages`; None allows any number.

    """
    if max_pages is not None and count > max_pages:
        raise InputError(f"{name}: more than the {max_pages} pages allowed by max_pages")
