"""Errors that are kept, and what they keep alive.

An exception holds the frames it was raised through, and so what these hold: files, pages, the
models of an object that was closed. If one of the frames holds the exception, too, all of that
waits for the garbage collector, which may take its time.
"""

from __future__ import annotations

import copy
from typing import TypeVar

from fastocr.errors import FastOCRError

__all__ = ["detached", "fresh"]

Error = TypeVar("Error", bound=FastOCRError)


def detached(error: Error) -> Error:
    """Cut an error that is to be kept off the frames it passed through."""
    error.__context__ = None
    return error.with_traceback(None)


def fresh(error: Error) -> Error:
    """Return a copy of an error that is kept, to be raised where frames hold the error itself."""
    again = copy.copy(error)
    again.__cause__ = error.__cause__
    return again
