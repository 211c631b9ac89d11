"""From what a caller passes to pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastocr.errors import InputError
from fastocr.inputs.arrays import array_to_bgr
from fastocr.inputs.directories import is_directory, list_directory
from fastocr.inputs.files import encoded_pages, read_file
from fastocr.inputs.options import DEFAULT_OPTIONS, InputOptions
from fastocr.inputs.page import Page, guarded
from fastocr.inputs.pillow import is_pillow_image, pillow_to_bgr
from fastocr.inputs.urls import name_of, read_url, suffix_of
from fastocr.urls import is_url

__all__ = ["iter_pages"]

_ALLOWED = (
    "allowed are numpy arrays, Pillow images, paths (str or os.PathLike) of files and directories, "
    "URLs (str), contents of files (bytes), and flat lists, tuples and iterators of these"
)


def iter_pages(source: object, options: InputOptions = DEFAULT_OPTIONS) -> Iterator[Page]:
    """Yield the pages of `source` in order, reading one file at a time.

    Args:
        source: a numpy array, a Pillow image, a path (str or os.PathLike) of a file or directory,
            a URL (str), the content of a file (bytes, bytearray or memoryview), or a list, tuple
            or iterator of these. Arrays are uint8, uint16 (the high
            byte is used), float32 or float64 (values 0 to 255) of shape (H, W), (H, W, 1),
            (H, W, 3) BGR or (H, W, 4) BGRA (alpha is dropped).
        options: how they are read.

    Yields:
        One `Page` for an array or a still image, one per page of a PDF or frame of a TIFF, those of
        all files of a directory. An item that cannot be read yields one page with `error` set.
        Nothing is raised for it; what an iterator raises, is.

    Raises:
        InvalidOptionError: an environment variable for PDFs has a value that is not allowed.

    """
    if isinstance(source, (list, tuple)):
        last = len(source) - 1
        yield from _items_pages(source, options, lambda position: position < last)
    elif isinstance(source, Iterator):
        yield from _items_pages(source, options, lambda position: True)
    else:
        yield from _item_pages(source, "input", options)


def _items_pages(
    items: Iterable[object], options: InputOptions, followed: Callable[[int], bool]
) -> Iterator[Page]:
    for position, item in enumerate(items):
        for page in _item_pages(item, f"input[{position}]", options):
            yield replace(page, followed=page.followed or followed(position), one_of_many=True)


def _item_pages(item: object, label: str, options: InputOptions) -> Iterator[Page]:
    """Return the pages of one input; `label` names it where it has no path."""
    if isinstance(item, (str, os.PathLike)):
        path = os.fsdecode(item)
        return _url_pages(path, options) if is_url(path) else _path_pages(path, options)
    if isinstance(item, (bytes, bytearray, memoryview)):
        return _content_pages(item, label, options)
    return guarded(None, _image_pages(item, label))


def _content_pages(
    content: bytes | bytearray | memoryview, label: str, options: InputOptions
) -> Iterator[Page]:
    for page in guarded(None, _encoded_pages(content, label, options)):
        yield replace(page, input_path=None)


def _encoded_pages(
    content: bytes | bytearray | memoryview, label: str, options: InputOptions
) -> Iterator[Page]:
    try:
        data = bytes(content)
    except ValueError as error:  # of a memoryview that was released
        raise InputError(f"{label}: {error}") from None
    yield from encoded_pages(label, "", data, options)


def _image_pages(item: object, label: str) -> Iterator[Page]:
    if isinstance(item, np.ndarray):
        yield Page(array_to_bgr(item, label), None, None, None)
    elif is_pillow_image(item):
        yield Page(pillow_to_bgr(item, label), None, None, None)
    else:
        raise InputError(f"{label}: {type(item).__name__} is not a supported input; {_ALLOWED}")


def _path_pages(path: str, options: InputOptions) -> Iterator[Page]:
    read = _directory_pages if is_directory(path) else _file_pages
    return guarded(path, read(path, options))


def _file_pages(path: str, options: InputOptions) -> Iterator[Page]:
    yield from encoded_pages(path, Path(path).suffix.lower(), read_file(path), options)


def _directory_pages(path: str, options: InputOptions) -> Iterator[Page]:
    files = list_directory(path, options.recursive)
    for file in files:
        for page in _path_pages(file, options):
            yield replace(page, followed=page.followed or file != files[-1], one_of_many=True)


def _url_pages(url: str, options: InputOptions) -> Iterator[Page]:
    name = name_of(url)
    return guarded(name, _fetched_pages(url, name, options))


def _fetched_pages(url: str, name: str, options: InputOptions) -> Iterator[Page]:
    data = read_url(url, options)
    yield from encoded_pages(name, suffix_of(url), data, options)
