"""Runs pages, or batches of them, side by side, a few at a time; hands out the results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, NoReturn, Protocol, TypeVar

from fastocr.processes import Home

__all__ = ["AT_ONCE", "FlatRuns", "PageRuns"]


class _Item(Protocol):
    @property
    def followed(self) -> bool:
        """Whether more items come after it."""


Item = TypeVar("Item", bound=_Item)
Result = TypeVar("Result")

# One page in detection, one in recognition, and one at hand for the stage that is free first.
AT_ONCE = 3


class PageRuns(Iterator[Result], Generic[Item, Result]):
    """The results of `run` for pages, in order; the next pages run while one is waited for.

    Pages are taken inside `next`, by the thread that calls it, up to `at_once` ahead of the
    results: for a consumer that has gone nothing more is read. Each runs on a thread that ends with
    it, as no thread waits for the consumer. A page without another one beside it runs on the
    caller's thread.

    An exception of `run`, or of the iterator of pages, is raised in the place of the result, and
    ends the iteration. Threads may share one object; each result goes to one of them.
    """

    def __init__(
        self, pages: Iterator[Item], run: Callable[[Item], Result], at_once: int = AT_ONCE
    ) -> None:
        """Take over `pages`; nothing is read before the first `next`."""
        self._pages = pages
        self._run = run
        self._at_once = at_once
        self._begun: deque[_Run[Result] | _Failed] = deque()
        self._lock = threading.Lock()
        self._home = Home("an iterator of results")

    def __next__(self) -> Result:
        self._home.check()
        with self._lock:
            try:
                self._begin_runs()
                if not self._begun:
                    raise StopIteration
                return self._begun.popleft().result()
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """Drop the pages that have not begun, and wait for those that have.

        When an iterator is deleted without it, these end by themselves.
        """
        self._home.check()
        with self._lock:
            for run in self._end():
                run.wait()

    def _end(self) -> deque[_Run[Result] | _Failed]:
        """Let go of all that is left; return the runs that have begun."""
        begun, self._begun = self._begun, deque()
        self._pages = iter(())
        return begun

    def _begin_runs(self) -> None:
        while len(self._begun) < self._at_once:
            try:
                page = next(self._pages, None)
            except Exception as error:
                # Its turn is after the results of the pages before it.
                self._begun.append(_Failed(error))
                self._pages = iter(())
                continue
            if page is None:
                return
            alone = not (self._begun or page.followed)
            self._begun.append(_Run(partial(self._run, page), on_own_thread=not alone))


class FlatRuns(Iterator[Result]):
    """The results of batches, one by one."""

    def __init__(self, batches: PageRuns[Item, Sequence[Result]]) -> None:
        """Take over `batches`."""
        self._batches = batches
        self._ready: deque[Result] = deque()
        self._lock = threading.Lock()

    def __next__(self) -> Result:
        with self._lock:
            while not self._ready:
                self._ready.extend(next(self._batches))
            return self._ready.popleft()

    def close(self) -> None:
        """Drop what is left, as `PageRuns.close`."""
        with self._lock:
            self._ready.clear()
            self._batches.close()


class _Run(Generic[Result]):
    """One call: on a thread of its own, or at once."""

    def __init__(self, call: Callable[[], Result], on_own_thread: bool = False) -> None:
        self._returned: Result
        self._raised: BaseException | None = None
        self._thread = self._started_thread(call) if on_own_thread else None
        if self._thread is None:
            self._work(call)

    def wait(self) -> None:
        """Wait until the call and its thread have ended."""
        if self._thread is not None:
            self._thread.join()

    def result(self) -> Result:
        """Wait, and return or raise what the call did; only once."""
        self.wait()
        error, self._raised = self._raised, None
        try:
            if error is not None:
                raise error
            return self._returned
        finally:
            # The traceback holds this frame: together they would wait for the garbage collector.
            del error

    def _started_thread(self, call: Callable[[], Result]) -> threading.Thread | None:
        # No daemon: the end of the interpreter would stop it in the middle of the core.
        thread = threading.Thread(
            target=self._work, args=(call,), name="fastocr-page", daemon=False
        )
        try:
            thread.start()
        except RuntimeError:
            return None  # none can be had: too many, or the interpreter is at its end
        return thread

    def _work(self, call: Callable[[], Result]) -> None:
        try:
            self._returned = call()
        except BaseException as error:
            self._raised = error
        finally:
            del self, call  # the traceback holds this frame too


class _Failed:
    """In the place of a call: why there is none."""

    def __init__(self, error: Exception) -> None:
        self._errors = [error]

    def wait(self) -> None:
        """Nothing runs."""

    def result(self) -> NoReturn:
        """Raise the error; only once, and then nothing here holds it, as in `_Run.result`."""
        raise self._errors.pop()
