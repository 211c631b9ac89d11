"""A web server on the loopback interface for tests of downloads."""

from __future__ import annotations

import http.server
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """What the server says; `pieces` are sent one by one, each followed by a call of `pause`."""

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: Callable[[], object] = lambda: None
    announced: int | None = -1  # the Content-Length; None: not sent; -1: that of the pieces


@dataclass
class Request:
    path: str
    headers: dict[str, str]


class WebServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers by path, without its query; other paths are not found."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.scheme = "http"

    def url(self, path: str, host: str = "127.0.0.1", user: str = "") -> str:
        return f"{self.scheme}://{user}{host}:{self.server_address[1]}{path}"

    def serve(self, path: str, content: bytes, **answer: object) -> str:
        """Answer with this content; returns the URL."""
        self.answers[path] = Answer((content,), **answer)  # type: ignore[arg-type]
        return self.url(path)

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        self.answers[path] = Answer(status=status, headers={"Location": location})
        return self.url(path)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(Request(self.path, dict(self.headers.items())))
        # A proxy is asked for whole URLs.
        path = self.path.partition("?")[0].removeprefix("http://elsewhere.example")
        answer = self.server.answers.get(path, Answer((b"not here",), status=404))
        self.close_connection = True
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.announced is not None:
            own = sum(map(len, answer.pieces))
            self.send_header(
                "Content-Length", str(own if answer.announced < 0 else answer.announced)
            )
        self.end_headers()
        for piece in answer.pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            answer.pause()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    with WebServer() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
