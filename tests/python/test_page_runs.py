"""Pages side by side: order, bounds, errors, and iterators that are not used up; without a core."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import numpy as np
import pytest

from fastocr.inputs import Page
from fastocr.page_runs import AT_ONCE, FlatRuns, PageRuns
from fastocr.predictor import Batch, batches

TIMEOUT = 30


class Source:
    """Pages with the numbers from 0, the last one not followed; counts what is taken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self._images: list[weakref.ref[np.ndarray]] = []

    @property
    def alive(self) -> int:
        return sum(image() is not None for image in self._images)

    def __iter__(self) -> Iterator[Page]:
        for index in range(self.count):
            self.taken += 1
            image = np.zeros((1, 1, 3), np.uint8)
            self._images.append(weakref.ref(image))
            yield Page(image, None, index, None, followed=index + 1 < self.count)


def number(page: Page) -> int:
    assert page.page_index is not None
    return page.page_index


def own_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fastocr-page"]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert eventually(lambda: not own_threads())


class Gate:
    """Runs wait inside until it opens, but for the first page's."""

    def __init__(self) -> None:
        self.inside: list[int] = []
        self.open = threading.Event()

    def run(self, page: Page) -> int:
        self.inside.append(number(page))
        assert number(page) == 0 or self.open.wait(TIMEOUT)
        return number(page)


# --- side by side ---------------------------------------------------------------------------------


def test_pages_run_at_the_same_time() -> None:
    """Each waits for the others: one after the other, they would wait in vain."""
    assert AT_ONCE > 1
    barrier = threading.Barrier(AT_ONCE)

    def run(page: Page) -> int:
        barrier.wait(TIMEOUT)
        return number(page)

    assert list(PageRuns(iter(Source(2 * AT_ONCE)), run)) == list(range(2 * AT_ONCE))


def test_results_come_in_order() -> None:
    """Also where later pages are done first."""

    def run(page: Page) -> int:
        time.sleep(0.003 * (-number(page) % 4))
        return number(page)

    assert list(PageRuns(iter(Source(25)), run)) == list(range(25))


def test_few_pages_are_taken_ahead() -> None:
    source = Source(50)
    for index, result in enumerate(PageRuns(iter(source), number)):
        assert result == index
        assert source.taken <= index + AT_ONCE
        assert source.alive <= AT_ONCE + 1


def test_nothing_happens_before_the_first_next() -> None:
    source = Source(5)
    runs = PageRuns(iter(source), number)
    assert source.taken == 0
    assert next(runs) == 0
    assert iter(runs) is runs
    runs.close()


def test_a_page_without_another_one_has_no_thread() -> None:
    (thread,) = PageRuns(iter(Source(1)), lambda _: threading.current_thread())
    assert thread is threading.current_thread()


def test_no_pages() -> None:
    assert list(PageRuns(iter(Source(0)), number)) == []


def test_without_threads_pages_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """None can be had at the end of the interpreter, or where there are too many."""

    def start(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert list(PageRuns(iter(Source(7)), number)) == list(range(7))


def test_threads_share_the_results() -> None:
    runs = PageRuns(iter(Source(40)), number)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: list(runs), range(4)))
    assert sorted(number for part in parts for number in part) == list(range(40))
    assert all(part == sorted(part) for part in parts)


# --- errors ---------------------------------------------------------------------------------------


def test_an_error_is_raised_in_its_place_and_is_the_end() -> None:
    def run(page: Page) -> int:
        if number(page) == 4:
            raise MemoryError("of page 4")
        return number(page)

    source = Source(50)
    runs = PageRuns(iter(source), run)
    assert [next(runs) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(MemoryError, match="of page 4"):
        next(runs)
    taken = source.taken
    assert list(runs) == []
    assert source.taken == taken < 10


def test_an_error_of_the_source_comes_after_the_pages_before_it() -> None:
    def pages() -> Iterator[Page]:
        yield from Source(3)
        raise MemoryError("while page 3 was read")

    runs = PageRuns(pages(), number)
    assert [next(runs) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(MemoryError, match="while page 3 was read"):
        next(runs)
    assert list(runs) == []


def test_errors_keep_no_page_alive() -> None:
    """Without the garbage collector's help."""

    def run(page: Page) -> int:
        raise MemoryError

    source = Source(9)
    runs = PageRuns(iter(source), run)
    with pytest.raises(MemoryError):
        next(runs)
    del runs
    assert eventually(lambda: not own_threads() and not source.alive)


# --- iterators that are not used up ---------------------------------------------------------------


def test_close_waits_for_what_has_begun_and_drops_the_rest() -> None:
    source, gate = Source(50), Gate()
    runs = PageRuns(iter(source), gate.run)
    assert next(runs) == 0
    opener = threading.Timer(0.05, gate.open.set)
    opener.start()
    runs.close()
    assert own_threads() == []
    assert sorted(gate.inside) == list(range(source.taken))
    assert source.taken == AT_ONCE
    assert list(runs) == []
    runs.close()
    assert len(gate.inside) == source.taken
    assert not source.alive
    opener.join()


def test_a_dropped_iterator_frees_all() -> None:
    """It does not wait: what has begun ends by itself, and the pages go."""
    source, gate = Source(50), Gate()
    runs = PageRuns(iter(source), gate.run)
    next(runs)
    taken = source.taken
    del runs
    gate.open.set()
    assert eventually(lambda: not own_threads() and not source.alive)
    assert source.taken == taken


def test_an_exception_of_the_consumer() -> None:
    source = Source(50)

    def consume() -> None:
        for _ in PageRuns(iter(source), number):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    assert source.taken <= AT_ONCE
    assert eventually(lambda: not own_threads() and not source.alive)


def test_no_thread_waits_for_the_consumer() -> None:
    """So that an iterator which is never finished holds up nothing, not even the end."""
    runs = PageRuns(iter(Source(50)), number)
    next(runs)
    assert eventually(lambda: not own_threads())
    assert list(runs) == list(range(1, 50))


# --- batches --------------------------------------------------------------------------------------


def numbers(batch: Batch) -> list[int]:
    return [number(page) for page in batch.pages]


def test_results_of_batches_come_one_by_one() -> None:
    source = Source(8)
    runs = FlatRuns(PageRuns(batches(iter(source), 3), numbers))
    assert [next(runs) for _ in range(4)] == [0, 1, 2, 3]
    assert list(runs) == [4, 5, 6, 7]
    assert list(runs) == []


def test_batches_know_their_place() -> None:
    made = list(batches(iter(Source(5)), 2))
    assert [(batch.index, numbers(batch), batch.followed) for batch in made] == [
        (0, [0, 1], True),
        (1, [2, 3], True),
        (2, [4], False),
    ]
    assert list(batches(iter(Source(0)), 2)) == []


def test_more_or_fewer_at_once() -> None:
    for at_once in (1, 5):
        source = Source(50)
        runs = PageRuns(iter(source), number, at_once)
        assert next(runs) == 0
        assert source.taken == at_once
        runs.close()


def test_closed_batches_have_no_more_results() -> None:
    source = Source(50)
    runs = FlatRuns(PageRuns(batches(iter(source), 4), numbers))
    assert next(runs) == 0
    runs.close()
    assert list(runs) == []
    assert not source.alive
