"""Progress, log messages and warnings on standard error."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["LogHandler", "Progress", "add_volume", "log", "logging_to"]

log = logging.getLogger("fastocr")


class Progress:
    """A line on the terminal with what is done and the speed.

    Args of the constructor:
        total: number of inputs; None where it is not known, then pages are counted.
        enabled: if False, nothing is ever shown.

    """

    def __init__(self, total: int | None, enabled: bool) -> None:
        self._total = total
        self._enabled = enabled
        self._begin = time.perf_counter()
        self._started = 0
        self._pages = 0
        self._last: tuple[str | None, int | None] = (None, None)
        self._width = 0

    def update(self, path: str | None, page_index: int | None) -> None:
        """Count a page and show the line; `page_index` is None for an input without pages."""
        self._pages += 1
        self._started += self._begins_input(path, page_index)
        self._last = (path, page_index)
        # Whether a document has further pages is not known before the next input begins.
        done = self._started - (page_index is not None)
        rate = self._pages / max(time.perf_counter() - self._begin, 1e-9)
        count = f"{self._pages} pages" if self._total is None else f"{done}/{self._total} inputs"
        self._show(f"{count}, {rate:.1f} pages/s")

    def _begins_input(self, path: str | None, page_index: int | None) -> bool:
        last_path, last_index = self._last
        if page_index is None or last_index is None or path != last_path:
            return True
        return page_index <= last_index  # the same document once more

    def clear(self) -> None:
        """Remove the line, so that something else can be printed."""
        self._show("")

    def _show(self, text: str) -> None:
        if self._enabled and (text or self._width):
            sys.stderr.write("\r" + " " * self._width + "\r" + text)
            sys.stderr.flush()
            self._width = len(text)


class LogHandler(logging.Handler):
    """Writes log records to standard error, where they take the place of the progress line."""

    def __init__(self, progress: Progress) -> None:
        """`progress` is what gives way to the records."""
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record; warnings and errors say so, and whose they are."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            message = f"fastocr: {record.levelname.lower()}: {message}"
        self._progress.clear()
        print(message, file=sys.stderr)


def add_volume(group: argparse._ActionsContainer) -> None:
    """Add the options that choose the level of the log: `log_level` of the arguments."""
    volume = group.add_mutually_exclusive_group()
    volume.add_argument(
        "-q",
        "--quiet",
        dest="log_level",
        action="store_const",
        const=logging.WARNING,
        default=logging.INFO,
        help="Log only warnings and errors, show no progress. (default: also what was done)",
    )
    volume.add_argument(
        "-v",
        "--verbose",
        dest="log_level",
        action="store_const",
        const=logging.DEBUG,
        help="Log everything. (default: warnings, errors and what was done)",
    )


@contextlib.contextmanager
def logging_to(handler: logging.Handler, level: int) -> Iterator[None]:
    """Send the package's log records and warnings to `handler`; leave all as it was afterwards."""
    handlers, old_level, propagate = log.handlers[:], log.level, log.propagate
    log.handlers[:] = [handler]
    log.setLevel(level)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            # Python hides deprecations by default; those of our own options concern the user.
            warnings.filterwarnings("default", category=DeprecationWarning, module="fastocr")
            warnings.showwarning = _log_warning
            yield
    finally:
        log.handlers[:] = handlers
        log.setLevel(old_level)
        log.propagate = propagate


def _log_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    log.warning("%s", message)
