"""What only some operating systems have."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fastocr.errors import UnsupportedOptionError

__all__ = ["require"]

_NAMES = {"linux": "Linux", "darwin": "macOS"}


def require(what: str, systems: Sequence[str], remedy: str) -> None:
    """Check that this is one of the `systems`, as `sys.platform` names them.

    Raises:
        UnsupportedOptionError: it is another one.

    """
    if sys.platform not in systems:
        names = " and ".join(_NAMES[system] for system in systems)
        raise UnsupportedOptionError(f"{what} works on {names} only: {remedy}")
