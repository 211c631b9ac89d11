"""What tests of the service need: pipelines that wait for the test, documents, bare sockets."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
from PIL import Image

from fastocr import PaddleOCR
from fastocr.inputs import InputOptions
from fastocr.options import PageOptions
from tests.python.serving.conftest import LONG, Running, wait_until


class GatedOCR:
    """Stands in for a pipeline; each page waits until `let` lets it pass.

    Every page has the same result, that of a blank page. The first page, which the service reads
    for practice, does not wait, and is not counted.

    Attributes:
        begun: the gray value of the upper left corner of each page, in the order of their begin.
        input_options: the limits.
        failure: what is raised in place of a result.

    """

    switches = dict.fromkeys(
        ("use_doc_orientation_classify", "use_doc_unwarping", "use_textline_orientation"), False
    )
    page_options = PageOptions()

    def __init__(self, ocr: PaddleOCR) -> None:
        (self._result,) = ocr.predict(np.full((40, 40, 3), 255, np.uint8))
        self._pass = threading.Semaphore(1)
        self._practised = False
        self._lock = threading.Lock()
        self.begun: list[int] = []
        self.ended = 0
        self.closed = False
        self.input_options = InputOptions(allow_private_urls=True)
        self.failure: Exception | None = None

    def let(self, pages: int = 1) -> None:
        """Lets pages pass."""
        self._pass.release(pages)

    def predict(self, image: np.ndarray, **_: Any) -> list[Any]:
        with self._lock:
            practice = not self._practised
            self._practised = True
            if not practice:
                self.begun.append(int(image[0, 0, 0]))
        assert self._pass.acquire(timeout=LONG)
        with self._lock:
            self.ended += not practice
        if self.failure is not None and not practice:
            raise self.failure
        return [self._result]

    def close(self) -> None:
        self.closed = True


def picture(gray: int = 200, kind: str = "PNG") -> bytes:
    """An image file of one colour."""
    return document([gray], kind)


def document(grays: list[int], kind: str = "PDF") -> bytes:
    """A file with a page of one colour for each number; TIFF and PNG keep it exactly."""
    first, *others = [Image.new("L", (40, 40), gray) for gray in grays]
    out = io.BytesIO()
    options = {"save_all": True, "append_images": others} if others else {}
    first.save(out, kind, **options)
    return out.getvalue()


def wait_until_noted(service: Running) -> None:
    """Waits until all that was answered is in metrics and log, too: that is done afterwards."""
    wait_until(lambda: not service.server.server_state.tasks)


@contextmanager
def callers() -> Iterator[Callable[..., Future[Any]]]:
    """Calls functions on threads; at the end waits for all of them."""
    with ThreadPoolExecutor(64) as pool:
        yield pool.submit


def post(service: Running, path: str, content: bytes, **options: Any) -> httpx.Response:
    """One request on a connection of its own."""
    with service.client() as client:
        return client.post(path, content=content, **options)


def get(service: Running, path: str) -> httpx.Response:
    """One request on a connection of its own."""
    with service.client() as client:
        return client.get(path)


@contextmanager
def connection(service: Running, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """A bare connection."""
    with socket.socket() as one:
        if receive_buffer is not None:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.settimeout(LONG)
        one.connect(("127.0.0.1", service.server.port))
        yield one


def head(path: str, *fields: str, method: str = "POST") -> bytes:
    """The header of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *fields, "", ""]).encode()


def whole(path: str, content: bytes, *fields: str) -> bytes:
    """A request with a body."""
    return head(path, f"Content-Length: {len(content)}", *fields) + content


def all_that_comes(one: socket.socket) -> bytes:
    """What is received until the server closes the connection."""
    received = b""
    while part := _received(one):
        received += part
    return received


def is_cut_off(one: socket.socket, sent: bytes) -> bool:
    """Sends this again and again; whether the server resets the connection in time."""
    end = time.monotonic() + LONG
    try:
        while time.monotonic() < end:
            one.sendall(sent)
            time.sleep(0.05)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(1 << 16)
    except ConnectionResetError:
        return b""


def answer_of(one: socket.socket) -> tuple[int, bytes]:
    """The status and the body of the next answer, which has a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = one.recv(1 << 16)
        assert part, "the connection was closed"
        received += part
    header, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in header.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += one.recv(1 << 16)
    return int(header.split()[1]), body
