"""What belongs to one process: threads are not copied by a fork."""

from __future__ import annotations

import os

from fastocr.errors import WrongProcessError

__all__ = ["Home"]


class Home:
    """The process in which something was made, which alone can use it.

    In a child that was forked later its threads are missing, so that a call would wait for ever.
    """

    def __init__(self, what: str) -> None:
        """Note the running process; `what` was made here, as messages name it."""
        self._what = what
        self._process = os.getpid()

    def check(self) -> None:
        """Raise `WrongProcessError` in any other process."""
        if os.getpid() != self._process:
            raise WrongProcessError(
                f"{self._what} was made in process {self._process}, whose threads are missing in "
                f"process {os.getpid()}, forked from it: make PaddleOCR objects after the fork "
                "only, or start processes with the method 'spawn' or 'forkserver'"
            )
