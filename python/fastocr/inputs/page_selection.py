"""Which pages of a document: ``"1-3,7"``."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["PageSelection"]

# Of more pages no document is.
_MOST = 2**31 - 1
_RANGE = re.compile(r"\s*(\d+)\s*(-\s*(\d+)?\s*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Pages of a document, counted from 1 as people and PDF tools do.

    Attributes:
        ranges: (first, last), both included; last is None for all from there.

    """

    ranges: tuple[tuple[int, int | None], ...]

    @staticmethod
    def parse(value: Any) -> PageSelection:
        """Return the pages of ``"1-3,7,9-"``, of one number or of several, counted from 1.

        Raises:
            ValueError: it is none of these, a number is below 1 or above 2^31 - 1, or a range runs
                backwards.

        """
        if isinstance(value, str):
            ranges = tuple(_range(part) for part in value.split(","))
        else:
            ranges = tuple((page, page) for page in _numbers(value))
        if not ranges or not all(
            0 < first <= _MOST and (last is None or first <= last <= _MOST)
            for first, last in ranges
        ):
            raise ValueError(
                f"no pages, or a number below 1 or above {_MOST}, or a range that runs backwards"
            )
        return PageSelection(ranges)

    def indices(self, count: int) -> list[int]:
        """Return the 0-based indices of the chosen pages of `count`, ascending, each once."""
        chosen: set[int] = set()
        for first, last in self.ranges:
            chosen.update(range(first - 1, count if last is None else min(last, count)))
        return sorted(chosen)

    def __str__(self) -> str:
        return ",".join(
            str(first) if first == last else f"{first}-{'' if last is None else last}"
            for first, last in self.ranges
        )


def _range(text: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no page and no range of pages")
    first, dash, last = match.groups()
    if dash is None:
        last = first
    return int(first), None if last is None else int(last)


def _numbers(value: Any) -> list[int]:
    import numpy as np

    if isinstance(value, (bytes, bytearray, memoryview)):
        raise ValueError("bytes are no pages")
    try:
        values = list(value)
    except TypeError:
        values = [value]
    if any(isinstance(number, bool | np.bool_) for number in values):
        raise ValueError("a bool is no page")
    try:
        return [operator.index(number) for number in values]
    except TypeError:
        raise ValueError("pages are integers") from None
