"""Spans of OpenTelemetry, where its package is installed; nothing otherwise.

Only the API is used: where spans go is for the program, or ``opentelemetry-instrument``, to set up.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["Span", "server_span", "span"]


def _installed() -> bool:
    # Other distributions put packages of their own into the same namespace.
    try:
        return importlib.util.find_spec("opentelemetry.trace") is not None
    except ModuleNotFoundError:
        return False


_FOUND = _installed()


class Span:
    """A span, or nothing."""

    def __init__(self, span: Any = None) -> None:
        """`span` is one of OpenTelemetry."""
        self._span = span

    def note(self, attributes: Mapping[str, str | int | float | bool]) -> None:
        """Add attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        """Change the name."""
        if self._span is not None:
            self._span.update_name(name)

    def fail(self, message: str) -> None:
        """Mark what the span stands for as failed."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, message))


@cache
def _tracer() -> Any:
    """Return what makes spans, also if the program sets up later where they go."""
    from opentelemetry.trace import get_tracer

    return get_tracer("fastocr")


@contextmanager
def span(name: str, begin_ns: int) -> Iterator[Span]:
    """Begin a span inside that of this thread's or task's context.

    Args:
        name: its name.
        begin_ns: when it began, as `time.time_ns` says.

    """
    if not _FOUND:
        yield Span()
        return
    with _tracer().start_as_current_span(name, start_time=begin_ns) as started:
        yield Span(started)


@contextmanager
def server_span(name: str, headers: Mapping[str, str]) -> Iterator[Span]:
    """Begin the span of a request, inside that of the client, which `headers` name."""
    if not _FOUND:
        yield Span()
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    with _tracer().start_as_current_span(
        name, context=extract(headers), kind=SpanKind.SERVER
    ) as started:
        yield Span(started)
