"""Who may work when: a bounded queue of requests, and the pages that are worked on at once.

Requests that have been taken wait for the pages of all others in turn: each page of a document
queues anew, so that a long document does not hold up single images.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastocr.serving.failures import RefusedError, busy

__all__ = ["Admission", "Place", "Workers"]

Result = TypeVar("Result")


class Workers:
    """Threads, which serve those who wait in the order in which they came.

    Used by the event loop only.

    Attributes:
        busy: how many threads work.

    """

    def __init__(self, count: int, name: str) -> None:
        """Start no thread yet; `name` is what those will be called."""
        self._slots = asyncio.Semaphore(count)
        self._threads = ThreadPoolExecutor(count, name)
        self.busy = 0

    async def run(
        self,
        work: Callable[[], Result],
        begun: Callable[[], object] = lambda: None,
        ended: Callable[[], object] = lambda: None,
    ) -> Result:
        """Return what `work` does on a thread, when its turn has come.

        When the caller is cancelled, work that has begun goes on to its end, and keeps its thread
        until then; work that has not is dropped.

        Args:
            work: called on the thread, in the caller's context.
            begun: called by the event loop when a thread is there.
            ended: called by the event loop when the work has ended, after `begun` only.

        Raises:
            RefusedError: 503, the threads have been closed.

        """
        await self._slots.acquire()
        loop = asyncio.get_running_loop()

        def end() -> None:
            self.busy -= 1
            self._slots.release()
            ended()

        self.busy += 1
        begun()
        context = contextvars.copy_context()
        try:
            future = self._threads.submit(context.run, work)
        except RuntimeError:
            end()
            raise RefusedError(503, "The service is stopping") from None
        future.add_done_callback(lambda _: _call_soon(loop, end))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for work that has begun, and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)


class Admission:
    """The queue in front of the pipeline. Used by the event loop only."""

    def __init__(self, queue_size: int, pages_at_once: int, max_pending_bytes: int) -> None:
        """Start no thread yet; the arguments are as in `ServiceOptions`."""
        self.limit = queue_size + pages_at_once
        self._max_pending_bytes = max_pending_bytes
        self._workers = Workers(pages_at_once, "fastocr-page")
        self._pages_at_once = pages_at_once
        self._seconds_per_page = 0.5
        self._waiting: Counter[object] = Counter()
        self._working: Counter[object] = Counter()
        self.requests = 0
        self.pending_bytes = 0

    @property
    def pages(self) -> int:
        """How many pages are in work."""
        return self._workers.busy

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread, none of whose pages is in work."""
        return len(self._waiting.keys() - self._working.keys())

    def check(self) -> None:
        """Refuse a request, before its body is read, while the queue is full.

        Raises:
            RefusedError: 503, with the time after which a place is to be expected.

        """
        if self.requests >= self.limit:
            raise busy(
                f"The service is busy: {self.requests} requests are in work or waiting",
                self.retry_after(),
            )

    def retry_after(self) -> int:
        """Return the whole seconds in which the queue should be half empty."""
        seconds = self._seconds_per_page * self.requests / (2 * self._pages_at_once)
        return max(1, min(60, round(seconds)))

    def enter(self) -> Place:
        """Take a place in the queue.

        Raises:
            RefusedError: as `check`.

        """
        self.check()
        self.requests += 1
        return Place(self)

    def note_duration(self, seconds: float) -> None:
        """Learn how long a page takes, for `retry_after`."""
        self._seconds_per_page += 0.1 * (seconds - self._seconds_per_page)

    def check_room(self, count: int) -> None:
        """Refuse a request of this many bytes that cannot be held in memory.

        Raises:
            RefusedError: 503, the requests in memory are too large together.

        """
        if self.pending_bytes + count > self._max_pending_bytes:
            raise busy("The service is busy: it holds too many large requests", self.retry_after())

    def hold(self, count: int) -> None:
        """Count bytes of a request that has been received.

        Raises:
            RefusedError: as `check_room`.

        """
        self.check_room(count)
        self.pending_bytes += count

    def release(self, count: int) -> None:
        """Count off bytes that `hold` has counted."""
        self.pending_bytes -= count

    async def run(self, work: Callable[[], Result], request: object) -> Result:
        """Return what `work` does for a page of `request`, as `Workers.run`."""
        waits = True
        self._waiting[request] += 1

        def begun() -> None:
            nonlocal waits
            waits = False
            _count_off(self._waiting, request)
            self._working[request] += 1

        try:
            return await self._workers.run(work, begun, lambda: _count_off(self._working, request))
        finally:
            if waits:
                _count_off(self._waiting, request)

    def close(self) -> None:
        """Wait for work that has begun, and end the threads."""
        self._workers.close()


class Place:
    """A place in the queue, until `leave`; a context manager."""

    def __init__(self, admission: Admission) -> None:
        """Only `Admission.enter` makes places."""
        self._admission: Admission | None = admission

    def leave(self) -> None:
        """Give the place back; again has no effect."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.requests -= 1

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def _count_off(counter: Counter[object], key: object) -> None:
    counter[key] -= 1
    if counter[key] == 0:
        del counter[key]


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
