"""HTTP connections that cannot be held for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import struct
import termios
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["connection_class"]

_MOST_OVERHEAD = 64 * 1024


def connection_class(idle_timeout: float) -> type[HttpToolsProtocol]:
    """Return the connections of a server that waits `idle_timeout` seconds for its clients.

    A client is cut off that

    - has not sent the complete header of its next request in this time, counted from the
      connection, from the answer before or from the header's first byte, whichever is last,
    - is about to send more than 64 KiB of a header, or of anything else that is not body,
    - takes nothing of an answer that waits for it.
    """

    class Connection(_BoundedConnection):
        timeout = idle_timeout

    return Connection


class _BoundedConnection(HttpToolsProtocol):
    timeout = 60.0

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._overhead = 0  # bytes since the connection, a request or a part of a body began
        self._write_timer: asyncio.TimerHandle | None = None

    # ---- requests --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first header."""
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Count what is not body: headers, and what may stand between and after parts of a body.

        What the parser has at once, which asyncio limits, is seen when it has been parsed.
        """
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > _MOST_OVERHEAD and not self.transport.is_closing():
            self._cut_off()

    def on_message_begin(self) -> None:
        """Wait for the rest of a header."""
        super().on_message_begin()
        self._await_header()

    def on_headers_complete(self) -> None:
        """Wait for no header."""
        self._header_timer = _stopped(self._header_timer)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; its size is for the application to limit."""
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        self._overhead = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next header, or for the rest of a body that nobody wants any more."""
        super().on_response_complete()
        if self.cycle.response_complete:  # else it is that of a further request, which waited
            self._await_header()

    def _await_header(self) -> None:
        _stopped(self._header_timer)
        self._header_timer = self._cut_off_later(self._await_header)

    # ---- answers ---------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Wait for the client to take something."""
        super().pause_writing()
        self._await_reader()

    def _await_reader(self) -> None:
        self._write_timer = self._cut_off_later(self._await_reader)

    def resume_writing(self) -> None:
        """Wait for the client no longer."""
        self._write_timer = _stopped(self._write_timer)
        super().resume_writing()

    # ---- end -------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._header_timer = _stopped(self._header_timer)
        self._write_timer = _stopped(self._write_timer)
        super().connection_lost(exc)

    def _cut_off_later(self, again: Callable[[], None]) -> asyncio.TimerHandle:
        """Return the clock of a client that is cut off, or, if it takes what it gets, `again`."""
        unsent = self._unsent()

        def check() -> None:
            if self._unsent() < unsent:
                again()
            else:
                self._cut_off()

        return self.loop.call_later(self.timeout, check)

    def _unsent(self) -> int:
        """Return the bytes that the client has not taken, those in the system's buffer included."""
        waiting = 0
        with contextlib.suppress(OSError):  # the connection has ended
            descriptor = self.transport.get_extra_info("socket").fileno()
            (waiting,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
        return self.transport.get_write_buffer_size() + waiting

    def _cut_off(self) -> None:
        self.transport.abort()


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a clock; return what stands in its place."""
    if timer is not None:
        timer.cancel()
    return None
