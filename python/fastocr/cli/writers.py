"""How results are printed to standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["FORMATS", "Lines", "Writer", "make_writer"]

# What of a result the text format shows.
Lines = Callable[[Any], Sequence[str]]


class Writer:
    """Prints results, failed ones included, in the order in which they come."""

    def add(self, result: Any) -> None:
        """Print one result."""
        raise NotImplementedError

    def finish(self) -> None:
        """Print what is still held back."""


class _TextWriter(Writer):
    """Prints the lines of each page, and whose they are if there is more than one page or input.

    The first page of a single input is held back until it is known whether a second one follows.

    Args of the constructor:
        lines: gives the lines of a result.
        several: whether there are several inputs.

    """

    def __init__(self, lines: Lines, several: bool) -> None:
        self._lines = lines
        self._named = several
        self._held: Any = None
        self._pages = 0

    def add(self, result: Any) -> None:
        if not result.ok:
            return
        if not self._named and self._held is None:
            self._held = result
            return
        self._named = True
        self._release()
        self._print(result)

    def finish(self) -> None:
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._print(held)

    def _print(self, result: Any) -> None:
        if self._named:
            index = result["page_index"]
            page = "" if index is None else f" page {index}"
            self._print_named(f"{result['input_path']}{page}", self._lines(result))
        else:
            print(*self._lines(result), sep="\n", end="\n" * bool(self._lines(result)))
        self._pages += 1

    def _print_named(self, name: str, lines: Sequence[str]) -> None:
        """Print the lines under a header."""
        print("\n" * bool(self._pages) + f"== {name} ==")
        for line in lines:
            print(line)


class _LabelWriter(_TextWriter):
    """Prints pages that have a single line each, after the name where one is needed."""

    def _print_named(self, name: str, lines: Sequence[str]) -> None:
        print(f"{name}: {lines[0]}")


class _JsonWriter(Writer):
    """Prints one line of JSON for each page."""

    def add(self, result: Any) -> None:
        print(json.dumps(result.json, ensure_ascii=False))


class _SummaryWriter(Writer):
    """Prints each page as PaddleOCR does."""

    def add(self, result: Any) -> None:
        result.print()


FORMATS = ("text", "json", "res")


def make_writer(form: str, lines: Lines, *, single_line: bool, several: bool) -> Writer:
    """Return what prints results in one of `FORMATS`.

    Args:
        form: one of `FORMATS`.
        lines: gives the lines of a result for the text format.
        single_line: whether that is always one line.
        several: whether there are several inputs.

    """
    if form == "json":
        return _JsonWriter()
    if form == "res":
        return _SummaryWriter()
    return (_LabelWriter if single_line else _TextWriter)(lines, several)
