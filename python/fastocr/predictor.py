"""What everything that turns inputs into results shares: life time, batches, errors of inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from types import TracebackType
from typing import Any, TypeVar

from fastocr import inputs
from fastocr.errors import FastOCRError, InferenceError, InputError
from fastocr.inputs import InputOptions, Page
from fastocr.inputs.options import DEFAULT_OPTIONS
from fastocr.page_runs import AT_ONCE, FlatRuns, PageRuns
from fastocr.processes import Home
from fastocr.results import FailedResult
from fastocr.tracebacks import detached, fresh

__all__ = ["Batch", "Predictor", "batches"]

Result = TypeVar("Result")
Own = TypeVar("Own", bound="Predictor")


@dataclass(frozen=True, slots=True)
class Batch:
    """Pages that are worked on together.

    Attributes:
        index: 0 for the first batch, 1 for the next one, and so on.
        pages: some of them may be errors.
        followed: whether more pages come after them.

    """

    index: int
    pages: tuple[Page, ...]
    followed: bool


def batches(pages: Iterator[Page], size: int) -> Iterator[Batch]:
    """Yield the pages in batches of `size`, the last one with what is left.

    What `pages` raises comes after the pages before it.
    """
    for index in count():
        taken: list[Page] = []
        failures: list[Exception] = []  # one at most
        try:
            for page in islice(pages, size):
                taken.append(page)
        except Exception as error:
            failures.append(error)
        if taken:
            yield Batch(index, tuple(taken), taken[-1].followed)
        if failures:
            raise failures.pop()  # this frame must not hold what holds this frame
        if not taken:
            return


class Predictor:
    """Made of networks, usable in one process, until it is closed; a context manager."""

    def __init__(self) -> None:
        """Note the process."""
        self._home = Home(f"this {type(self).__name__} object")
        self._closed = False

    def close(self) -> None:
        """Free the models and the threads. The object cannot be used any more."""
        self._closed = True

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_usable(self) -> None:
        """Raise an error where the object is closed, or of another process."""
        if self._closed:
            raise FastOCRError(f"this {type(self).__name__} object is closed")
        self._home.check()

    def _results(
        self,
        source: Any,
        read: Callable[[Batch], Sequence[Result]],
        batch_size: int = 1,
        at_once: int = AT_ONCE,
        input_options: InputOptions = DEFAULT_OPTIONS,
    ) -> FlatRuns[Result | FailedResult]:
        """Return an iterator of one result a page of `source`.

        `read` gets batches of pages with images only. The failure of a page that is one of many
        stands among the results; else it is raised.
        """

        def run(batch: Batch) -> list[Result | FailedResult]:
            return _with_failures(batch, read)

        return FlatRuns(
            PageRuns(batches(inputs.iter_pages(source, input_options), batch_size), run, at_once)
        )


def _with_failures(
    batch: Batch, read: Callable[[Batch], Sequence[Result]]
) -> list[Result | FailedResult]:
    good = tuple(page for page in batch.pages if page.image is not None)
    made: Iterator[Result] = iter(())
    failure: FastOCRError | None = None
    try:
        if good:
            made = iter(read(Batch(batch.index, good, batch.followed)))
    except (InputError, InferenceError) as error:
        if not any(page.one_of_many for page in batch.pages):
            raise
        failure = detached(error)

    def outcome(page: Page) -> Result | FailedResult:
        error = page.error or failure
        if error is None:
            return next(made)
        if page.one_of_many:
            return FailedResult(page.input_path, page.page_index, error)
        raise fresh(error)

    return [outcome(page) for page in batch.pages]
