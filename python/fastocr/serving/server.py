"""Runs the service: listens, stops when it is told to, and says how it went."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from fastocr.serving import log
from fastocr.serving.app import create_app
from fastocr.serving.connections import connection_class
from fastocr.serving.options import ServiceOptions

if TYPE_CHECKING:
    from fastocr import PaddleOCR
    from fastocr.serving.service import Service

__all__ = ["Server", "run"]

_log = logging.getLogger("fastocr.service")

_MOST_KEEP_ALIVE = 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Server(uvicorn.Server):
    """A uvicorn server of one service.

    Attributes:
        service: what it serves.
        stopped_by: the signal that ended it; None: nobody did.
        on_listening: called with its URL when it listens, before the models are loaded.

    """

    def __init__(self, make_ocr: Callable[[], PaddleOCR], options: ServiceOptions) -> None:
        """Listen to nothing yet."""
        app = create_app(make_ocr, options)
        self.service: Service = app.state.service
        self.service.on_failure = self._stop_listening
        self.stopped_by: signal.Signals | None = None
        self.on_listening: Callable[[str], object] = lambda _: None
        super().__init__(
            uvicorn.Config(
                app,
                host=options.host,
                port=options.port,
                http=connection_class(options.idle_timeout),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=min(options.idle_timeout, _MOST_KEEP_ALIVE),  # type: ignore[arg-type]
                timeout_graceful_shutdown=options.shutdown_timeout,  # type: ignore[arg-type]
            )
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop taking work, then listening; a second interruption does not wait for the rest."""
        if self.stopped_by is not None:
            self.should_exit = True
            if sig == signal.SIGINT:
                self._hang_up()
            return
        self.stopped_by = signal.Signals(sig)
        self.service.begin_to_stop()
        delay = self.service.options.drain_delay
        if delay > 0 and self.started:
            loop = self._loop
            loop.call_soon_threadsafe(loop.call_later, delay, self._stop_listening)
        else:
            self._stop_listening()

    @property
    def url(self) -> str:
        """Where it is reached, once it listens."""
        host = self.config.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and to load the models."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self.on_listening(self.url)

    def _stop_listening(self) -> None:
        self.should_exit = True

    def _hang_up(self) -> None:
        self.force_exit = True
        if self.started:
            self._loop.call_soon_threadsafe(self._abort_connections)

    def _abort_connections(self) -> None:
        # From Python 3.12 on the end of a listening socket waits for its connections.
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def run(
    make_ocr: Callable[[], PaddleOCR], options: ServiceOptions, log_level: int = logging.INFO
) -> signal.Signals | None:
    """Serve until a signal ends it, which is returned; print the URL when it listens.

    Raises:
        FastOCRError: what `make_ocr` raised.
        OSError: the address cannot be listened on, or the log file not opened.

    """
    server = Server(make_ocr, options)
    server.on_listening = lambda url: print(url, flush=True)
    lost = server.service.metrics.lost_records.inc
    with log.logging_to(options.log_file, options.log_format, log_level, lost):
        if options.api_key is None and options.host not in _LOOPBACK:
            _log.warning(
                "Without an API key everybody who reaches %s can use this service", options.host
            )
        try:
            server.run()
        except SystemExit:
            raise OSError(f"cannot listen on {options.host}:{options.port}") from None
    if server.service.failure is not None:
        raise server.service.failure
    return server.stopped_by
