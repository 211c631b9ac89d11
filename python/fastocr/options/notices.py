"""Warnings about arguments."""

from __future__ import annotations

import warnings

__all__ = ["Notices"]


class Notices:
    """Warnings that arise on the way, to be given by one function at a known depth."""

    def __init__(self) -> None:
        self.all: list[tuple[str, type[Warning]]] = []

    def warn(self, message: str) -> None:
        """Note something that has no effect."""
        self.all.append((message, UserWarning))

    def deprecate(self, message: str) -> None:
        """Note the use of an old name."""
        self.all.append((message, DeprecationWarning))

    def give(self, stacklevel: int) -> None:
        """Give the warnings; `stacklevel` as of `warnings.warn`, counted from the caller."""
        for message, category in self.all:
            warnings.warn(message, category, stacklevel=stacklevel)
