"""A PDF file in a process of its own, which may take so long and so much memory and no more.

Processes are used again and again, by one document at a time, until one of them has to be killed. A
process keeps the document that it has read last: the next page of it is had from the same one, if
that is free, else from another one that opens the document for it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import count
from multiprocessing.connection import Connection
from socket import socketpair
from typing import Any

from fastocr.errors import InputError
from fastocr.pdf.document import Pixels, Scales

__all__ = ["IsolatedDocument", "Limits"]

# Idle processes that are kept; about 30 MB each.
_MOST_IDLE = 4
# For a new process, on a busy machine.
_START_SECONDS = 60.0

_keys = count()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take.

    Attributes:
        seconds: for opening a document and rendering one page of it; None: no limit.
        memory: bytes beyond those of the process itself; None: no limit.

    """

    seconds: float | None
    memory: int | None


class IsolatedDocument:
    """Like `Document`."""

    def __init__(self, name: str, data: bytes, password: str | None, limits: Limits) -> None:
        """Open it.

        Raises:
            InputError: it is no PDF that can be opened within the limits.

        """
        self._name = name
        self._data = data
        self._password = password
        self._limits = limits
        self._key = next(_keys)
        self._exceeded: str | None = None
        reply, _ = self._ask("", {"do": "count"})
        self.count: int = reply["count"]

    def render(self, index: int, scales: Scales) -> Pixels:
        """Render a page on white.

        Raises:
            InputError: the page cannot be rendered within the limits.

        """
        reply, data = self._ask(
            f"page {index}: ", {"do": "render", "index": index, "scales": astuple(scales)}
        )
        return Pixels(data, reply["width"], reply["height"], reply["stride"])

    def close(self) -> None:
        """Free what a process holds of it."""
        self._data = b""
        _pool.forget(self._key)

    def _ask(self, what: str, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        if self._exceeded is not None:
            # Its other pages are not worth as much again.
            raise InputError(f"{self._name}: {what}{self._exceeded}")
        child = _pool.take(self._key, self._limits.memory)
        try:
            if child.key != self._key:
                child.open(self._key, self._name, self._password, self._data)
            answer = child.ask(request, self._limits.seconds)
        except TimeoutError:
            child.kill()
            self._exceeded = (
                f"the PDF takes longer than the {self._limits.seconds:g} s allowed by pdf_timeout"
            )
            raise InputError(f"{self._name}: {what}{self._exceeded}") from None
        except (EOFError, OSError):
            child.kill()
            self._exceeded = self._reason_of_end()
            raise InputError(f"{self._name}: {what}{self._exceeded}") from None
        except BaseException:
            child.kill()
            raise
        _pool.give_back(child)
        reply, data = answer
        if "error" in reply:
            raise InputError(reply["error"])
        return reply, data

    def _reason_of_end(self) -> str:
        if self._limits.memory is None:
            return "the PDF makes its reader fail"
        return (
            f"the PDF takes more than the {self._limits.memory} bytes of memory allowed by "
            "pdf_memory, or makes its reader fail"
        )


class _Child:
    """A process that reads PDF files, one at a time.

    Attributes:
        key: of the document that it has read last.

    """

    def __init__(self, memory: int | None) -> None:
        self.key: int | None = None
        self.memory = memory
        own, other = socketpair()
        with other:
            os.set_inheritable(other.fileno(), True)
            program = [sys.executable, "-m", "fastocr.pdf.child"]
            with _signals_blocked():
                self._process = subprocess.Popen(
                    [*program, str(other.fileno()), str(memory or 0)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[other.fileno()],
                    env={
                        **os.environ,
                        "PYTHONPATH": os.pathsep.join(p or os.curdir for p in sys.path),
                    },
                )
        self._connection = Connection(own.detach())
        try:
            self._receive(_START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def open(self, key: int, name: str, password: str | None, data: bytes) -> None:
        """Send a document; whether it can be opened, the next answer says."""
        self.key = key
        self._send({"do": "open", "name": name, "password": password})
        self._connection.send_bytes(data)

    def close_document(self) -> None:
        """Free the document."""
        self.key = None
        self._send({"do": "close"})

    def ask(self, request: dict[str, Any], seconds: float | None) -> tuple[dict[str, Any], bytes]:
        """Return the answer to a request, and the bytes that belong to it.

        Raises:
            TimeoutError: it does not come in time.
            EOFError, OSError: the process has ended.

        """
        self._send(request)
        reply = self._receive(seconds)
        return reply, self._bytes(seconds) if reply.get("data") else b""

    def kill(self) -> None:
        """End the process at once."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def _receive(self, seconds: float | None) -> dict[str, Any]:
        # No pickles: who has taken over the process must not get any further.
        message: dict[str, Any] = json.loads(self._bytes(seconds))
        return message

    def _bytes(self, seconds: float | None) -> bytes:
        if not self._connection.poll(seconds):
            raise TimeoutError
        return self._connection.recv_bytes()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Begin processes that do not end by a signal to a whole group, as from a terminal.

    What is blocked here is blocked in them. They end with the connection, and so after the page
    that this process still wants.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Pool:
    """The idle processes."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def take(self, key: int, memory: int | None) -> _Child:
        """Return an idle process, best the one that has read this document; or a new one."""
        with self._lock:
            if os.getpid() != self._owner:
                # Those of the process that this one was forked from are not for both.
                self._idle, self._owner = [], os.getpid()
            fitting = [child for child in self._idle if child.memory == memory]
            for child in sorted(fitting, key=lambda child: child.key != key)[:1]:
                self._idle.remove(child)
                return child
        return _Child(memory)

    def forget(self, key: int) -> None:
        """Free a document, unless it is gone already."""
        with self._lock:
            holders = [child for child in self._idle if child.key == key]
            for child in holders:
                try:
                    child.close_document()
                except OSError:
                    self._idle.remove(child)  # it has ended meanwhile
                    child.kill()

    def give_back(self, child: _Child) -> None:
        """Take a process that has answered."""
        with self._lock:
            self._idle.append(child)
            surplus = self._idle.pop(0) if len(self._idle) > _MOST_IDLE else None
        if surplus is not None:
            surplus.kill()

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            idle, self._idle = self._idle, []
            if os.getpid() != self._owner:
                return
        for child in idle:
            child.kill()


_pool = _Pool()
atexit.register(_pool.close)
