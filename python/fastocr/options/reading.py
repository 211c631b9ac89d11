"""How inputs are read: what is allowed for an object, and what a call may choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastocr import checks, platforms
from fastocr.checks import Check
from fastocr.inputs import InputOptions, PageSelection

__all__ = ["CALL_INPUT_PARAMETERS", "INPUT_PARAMETERS", "parse_inputs"]


def _page_selection(name: str, value: Any) -> PageSelection:
    if isinstance(value, PageSelection):
        return value
    try:
        return PageSelection.parse(value)
    except ValueError:
        checks.reject(name, value, "pages counted from 1, for example '1-3,7,9-', 7 or [1, 2, 7],")


def _only_on(systems: Sequence[str], check: Check) -> Check:
    def checked(name: str, value: Any) -> Any:
        platforms.require(f"`{name}`", systems, "leave it out")
        return check(name, value)

    return checked


_CALL_CHECKS: dict[str, Check] = {
    "recursive": checks.switch,
    "pdf_pages": _page_selection,
    "pdf_scale": checks.number(0, exclusive=True),
    "pdf_password": checks.text,
}
# What protects the machine is for whoever makes the object to decide, not for each call.
_OBJECT_CHECKS: dict[str, Check] = {
    # Processes are started, and their memory is bounded, in the ways of these systems.
    "pdf_timeout": _only_on(("linux", "darwin"), checks.number(0, exclusive=True)),
    "pdf_memory": _only_on(("linux",), checks.integer(1, 2**63 - 1)),
    "max_pages": checks.integer(1),
    "max_pixels": checks.integer(1, 2**63 - 1),
    "allow_urls": checks.switch,
    "allow_private_urls": checks.switch,
    "url_timeout": checks.number(0, exclusive=True),
    "max_url_bytes": checks.integer(1, 2**63 - 1),
}
_CHECKS = {**_CALL_CHECKS, **_OBJECT_CHECKS}
CALL_INPUT_PARAMETERS = tuple(_CALL_CHECKS)
INPUT_PARAMETERS = tuple(_CHECKS)


def parse_inputs(given: Mapping[str, Any], own: InputOptions | None = None) -> InputOptions:
    """Return how inputs are read: `own`, or the default, with the values given that are not None.

    Raises:
        InvalidOptionError: a wrong type or value.

    """
    values = {
        name: check(name, given[name])
        for name, check in _CHECKS.items()
        if given.get(name) is not None
    }
    return replace(own or InputOptions(), **values)
