"""Services that listen on the loopback interface, and how tests talk to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastocr import PaddleOCR
from fastocr.serving import parse_service_options
from fastocr.serving.server import Server

# Seconds until which what has to happen has happened on the slowest machine.
LONG = 60.0

MakeOCR = Callable[..., PaddleOCR]


@dataclass(frozen=True)
class Running:
    """A service that listens."""

    server: Server
    url: str

    @property
    def service(self) -> Any:
        return self.server.service

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, **{"timeout": LONG, **options})


MakeService = Callable[..., Running]


def wait_until(condition: Callable[[], object]) -> None:
    """Fails the test where `condition` does not come true in time."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.01)


@contextmanager
def running(
    make_ocr: Callable[[], PaddleOCR], ready: bool = True, **options: Any
) -> Iterator[Running]:
    """Runs a service on a thread; waits until it is ready, unless told otherwise."""
    server = Server(make_ocr, parse_service_options({"host": "127.0.0.1", "port": 0, **options}))
    thread = threading.Thread(target=server.run, name="service")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        if ready:
            wait_until(lambda: server.service.ready)
        yield Running(server, f"http://127.0.0.1:{server.port}")
    finally:
        server.should_exit = True
        thread.join(LONG)
        assert not thread.is_alive()


class Borrowed:
    """A pipeline that a service uses, but does not close."""

    def __init__(self, ocr: PaddleOCR) -> None:
        self._ocr = ocr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ocr, name)

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def borrowed(ocr: PaddleOCR) -> Callable[[], PaddleOCR]:
    """Returns the pipeline of all tests, whose steps are off, for a service."""
    return lambda: Borrowed(ocr)  # type: ignore[return-value]


@pytest.fixture(scope="session")
def service(borrowed: Callable[[], PaddleOCR]) -> Iterator[Running]:
    """One service with default options for all tests; tests do not change it."""
    with running(borrowed) as one:
        yield one


@pytest.fixture
def make_service(borrowed: Callable[[], PaddleOCR]) -> Iterator[MakeService]:
    """Runs services with options of their own; `make_ocr` is another pipeline, if it is given."""
    with ExitStack() as stack:

        def make(
            make_ocr: Callable[[], PaddleOCR] = borrowed, ready: bool = True, **options: Any
        ) -> Running:
            return stack.enter_context(running(make_ocr, ready, **options))

        yield make


@pytest.fixture(scope="session")
def client(service: Running) -> Iterator[httpx.Client]:
    """Talks to `service`."""
    with service.client() as one:
        yield one


@pytest.fixture(scope="session")
def page_file(pages_dir: Path) -> Path:
    """An image with several lines."""
    return pages_dir / "noise_background.png"
