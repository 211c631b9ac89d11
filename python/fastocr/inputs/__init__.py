"""Turns what a caller passes to `predict` into pages: 8-bit BGR images, one at a time.

Sources are numpy arrays, Pillow images, paths of image files, of multi-frame TIFFs and of PDFs,
their URLs, their contents, directories of such files, and lists, tuples and iterators of all of
these. They are read lazily, one after the other. An input that cannot be read becomes a page that
carries the error, so that one bad file does not cost the others.
"""

from fastocr.inputs.options import InputOptions
from fastocr.inputs.page import Page
from fastocr.inputs.page_selection import PageSelection
from fastocr.inputs.sources import iter_pages

__all__ = ["InputOptions", "Page", "PageSelection", "iter_pages"]
