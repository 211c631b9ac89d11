"""HTTP connections that cannot be held for nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["connection_class"]

_MOST_HEADER_BYTES = 64 * 1024


def connection_class(idle_timeout: float) -> type[HttpToolsProtocol]:
    """Return the connections of a server that waits `idle_timeout` seconds for its clients.

    A client is cut off that sends no complete header in this time, or one of more than 64 KiB, or
    takes nothing of an answer that waits for it.
    """

    class Connection(_BoundedConnection):
        timeout = idle_timeout

    return Connection


class _BoundedConnection(HttpToolsProtocol):
    timeout = 60.0

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._write_timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    # ---- headers ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first header."""
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Count bytes of headers."""
        if self._header_timer is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._header_bytes > _MOST_HEADER_BYTES:
            self._cut_off()

    def on_message_begin(self) -> None:
        """Wait for the header of a further request."""
        super().on_message_begin()
        if self._header_timer is None:
            self._await_header()

    def on_headers_complete(self) -> None:
        """Wait for no header."""
        self._header_timer = _stopped(self._header_timer)
        super().on_headers_complete()

    def _await_header(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.timeout, self._cut_off)

    # ---- answers ---------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Wait for the client to take something."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Wait for the client no longer."""
        self._write_timer = _stopped(self._write_timer)
        super().resume_writing()

    def _await_reader(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self.timeout, self._check_reader)

    def _check_reader(self) -> None:
        if self.transport.get_write_buffer_size() >= self._unsent:
            self._cut_off()
        else:
            self._await_reader()

    # ---- end -------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._header_timer = _stopped(self._header_timer)
        self._write_timer = _stopped(self._write_timer)
        super().connection_lost(exc)

    def _cut_off(self) -> None:
        self.transport.abort()


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a clock; return what stands in its place."""
    if timer is not None:
        timer.cancel()
    return None
