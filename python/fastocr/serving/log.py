"""The log of the service: a line a record, JSON or text, in a file or on standard error.

A place that cannot be written to, as on a full disk, costs records, never requests.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from fastocr.serving.requests import current_request_id

__all__ = ["logging_to"]

_LOGGERS = ("fastocr", "uvicorn", "asyncio")
# What a client could put into a line to make it look like several.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _JSONFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        entry: dict[str, Any] = {
            "time": _utc(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True, default=str)


class _TextFormatter(logging.Formatter):
    """Time, level, message, and the fields of `extra` as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end, and what was raised after it."""
        fields = _fields(record)
        pairs = [f"{name}={json.dumps(value, default=str)}" for name, value in fields.items()]
        lines = [" ".join([_utc(record), record.levelname, record.getMessage(), *pairs])]
        if record.exc_info:
            # Indented, so that no message of an exception looks like a record.
            lines += [f"  {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(map(_visible, lines))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of `extra`, and the request that the record is of."""
    request_id = current_request_id.get()
    named = {} if request_id is None else {"request_id": request_id}
    return {**named, **getattr(record, "fields", {})}


def _visible(line: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", line)


def _utc(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[Any]
else:  # with Python 3.10 it takes no parameter
    _StreamHandler = logging.StreamHandler


class _Handler(_StreamHandler):
    """Counts records that cannot be written instead of complaining about them."""

    def __init__(self, stream: Any, lost: Callable[[], object]) -> None:
        super().__init__(stream)
        self._lost = lost

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count the record."""
        self._lost()


class _FileHandler(logging.handlers.WatchedFileHandler):
    """Opens the file anew when somebody has moved it away."""

    def __init__(self, path: str, lost: Callable[[], object]) -> None:
        super().__init__(path, encoding="utf-8")
        self._lost = lost

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; the folder may have gone since the last one."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count the record."""
        self._lost()


@contextmanager
def logging_to(
    log_file: str | None, log_format: str, level: int, lost: Callable[[], object]
) -> Iterator[None]:
    """Send the records of fastocr and of the HTTP server to one place; leave all as it was after.

    Args:
        log_file: where lines are appended; None: standard error.
        log_format: "json" or "text".
        level: the least that is logged.
        lost: called for each record that could not be written.

    Raises:
        OSError: the file cannot be opened.

    """
    handler = _Handler(sys.stderr, lost) if log_file is None else _FileHandler(log_file, lost)
    handler.setFormatter(_JSONFormatter() if log_format == "json" else _TextFormatter())
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:], logger.propagate = [handler], False
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, (handlers, old_level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(old_level)
        with suppress(OSError):  # what is lost with it cannot be written either
            handler.close()
