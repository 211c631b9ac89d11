"""Checks of single values: each returns the value in its plain form, or names what is allowed.

A check takes the name that its message shows (a parameter, or the path of a key in a pipeline
configuration) and the value.
"""

from __future__ import annotations

import math
import numbers
import operator
import os
import reprlib
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NoReturn

from fastocr import _core, engines
from fastocr.errors import InvalidOptionError, UnsupportedOptionError

__all__ = [
    "MAX_SIDE",
    "Check",
    "choice",
    "detection_shape",
    "engine_name",
    "integer",
    "number",
    "path",
    "recognition_shape",
    "reject",
    "settings",
    "shown",
    "switch",
    "text",
]

Check = Callable[[str, Any], Any]

# Pixels of a side of a network input; beyond it memory ends before the range of int.
MAX_SIDE = 32768
# Engines of the reference that are no engines of fastocr.
REFERENCE_ENGINES = ("paddle_dynamic", "transformers", "onnxruntime")
# The reference's other name of an engine of fastocr.
ENGINE_ALIASES = {"paddle_static": "paddle"}


class _Limited(reprlib.Repr):
    """Representations that end, also of what is nested or repeated without end."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 12
        self.maxstring = self.maxother = 400

    def repr_dict(self, x: Mapping[Any, Any], level: int) -> str:
        """Keep the order, which the base class does not."""
        if level <= 0 and x:
            return "{...}"
        items = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        return f"{{{', '.join(items)}{', ...' if len(x) > self.maxdict else ''}}}"


_limited = _Limited()


def shown(value: object) -> str:
    """Return a value as messages show it: not longer than can be read, whatever it is."""
    try:
        return _limited.repr(value)
    except Exception:  # of an object's own __repr__, or a number of more digits than Python writes
        return f"<{type(value).__name__}>"


def reject(name: str, value: object, allowed: str) -> NoReturn:
    """Raise the error of a wrong type or value."""
    raise InvalidOptionError(f"{name}={shown(value)} is not allowed: {allowed} is expected")


def integer(minimum: int, maximum: int = 2**31 - 1) -> Check:
    """Return a check for whole numbers; by default for those that fit the core's int."""

    def check(name: str, value: Any) -> int:
        allowed = f"an integer of at least {minimum}"
        if isinstance(value, bool):
            reject(name, value, allowed)
        try:
            number = operator.index(value)
        except TypeError:
            reject(name, value, allowed)
        if not minimum <= number <= maximum:
            reject(name, value, allowed)
        return number

    return check


def number(minimum: float, exclusive: bool = False) -> Check:
    """Return a check for finite numbers."""

    def check(name: str, value: Any) -> float:
        allowed = f"a number {'greater than' if exclusive else 'of at least'} {minimum:g}"
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            reject(name, value, allowed)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or number < minimum or (exclusive and number == minimum):
            reject(name, value, allowed)
        return number

    return check


def choice(choices: tuple[str, ...]) -> Check:
    """Return a check for one of several words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            reject(name, value, f"one of {', '.join(map(repr, choices))}")
        return value

    return check


def switch(name: str, value: Any) -> bool:
    """Check that a value is True or False, and no stand-in."""
    if not isinstance(value, bool):
        reject(name, value, "a bool")
    return value


def text(name: str, value: Any) -> str:
    """Check that a value is a string."""
    if not isinstance(value, str):
        reject(name, value, "a string")
    return value


def path(name: str, value: Any) -> str:
    """Check that a value is a path; returns it as a string."""
    if not isinstance(value, (str, os.PathLike)):
        reject(name, value, "a path (str or os.PathLike)")
    return os.fsdecode(value)


def settings(name: str, value: Any) -> dict[str, Any]:
    """Check that a value is a dictionary with string keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        reject(name, value, "a dictionary with string keys")
    return dict(value)


def engine_name(name: str, value: Any) -> str:
    """Check that a value names an engine, or "auto"; returns fastocr's own name."""
    own = ENGINE_ALIASES.get(value, value) if isinstance(value, str) else value
    known = _core.engine_names()
    if own in REFERENCE_ENGINES and own not in known:
        raise UnsupportedOptionError(
            f"{name}={value!r} is not available in this version of fastocr: leave it out or pass "
            f"one of {engines.AUTO!r}, {', '.join(map(repr, known))}"
        )
    if not isinstance(own, str) or own not in (engines.AUTO, *known):
        reject(name, value, f"one of {engines.AUTO!r}, {', '.join(map(repr, known))}")
    return own


def _input_shape(allowed: str, fits: Callable[[int, int], bool]) -> Check:
    def check(name: str, value: Any) -> tuple[int, int, int]:
        try:
            channels, height, width = (operator.index(side) for side in value)
        except (TypeError, ValueError):
            reject(name, value, allowed)
        if channels != 3 or max(height, width) > MAX_SIDE or not fits(height, width):
            reject(name, value, allowed)
        return channels, height, width

    return check


detection_shape = _input_shape(
    f"(3, height, width) with sides that are multiples of 32, from 32 to {MAX_SIDE},",
    lambda height, width: min(height, width) >= 32 and height % 32 == 0 and width % 32 == 0,
)
# Narrower than 8 columns the networks have no time step left.
recognition_shape = _input_shape(
    f"(3, 48, width) with a width from 8 to {MAX_SIDE}",
    lambda height, width: height == 48 and width >= 8,
)
