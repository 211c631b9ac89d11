"""The arguments that say how inputs are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastocr import checks
from fastocr.inputs import InputOptions, PageSelection

__all__ = ["INPUT_PARAMETERS", "input_options"]


def _pages(name: str, value: Any) -> PageSelection:
    try:
        return PageSelection.parse(value)
    except ValueError:
        checks.reject(name, value, 'pages counted from 1, such as "1-3,7,9-", 5 or [1, 2],')


# The names are those of `InputOptions`.
_CHECKS: dict[str, checks.Check] = {
    "recursive": checks.switch,
    "pdf_pages": _pages,
    "pdf_scale": checks.number(0, exclusive=True),
    "pdf_password": checks.text,
    "max_pixels": checks.integer(1),
    "allow_urls": checks.switch,
    "allow_private_urls": checks.switch,
    "url_timeout": checks.number(0, exclusive=True),
    "max_url_bytes": checks.integer(1),
}
INPUT_PARAMETERS = tuple(_CHECKS)


def input_options(given: Mapping[str, Any]) -> InputOptions:
    """Check the arguments that say how inputs are read; None stands for the default.

    Raises:
        InvalidOptionError: a wrong type or value.

    """
    return InputOptions(
        **{
            name: check(name, given[name])
            for name, check in _CHECKS.items()
            if given.get(name) is not None
        }
    )
