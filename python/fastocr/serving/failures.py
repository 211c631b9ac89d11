"""What the service refuses and why: one exception, and its form in each protocol."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fastocr.errors import FastOCRError, InputError, InvalidOptionError

__all__ = [
    "INTERNAL_ERROR",
    "RefusedError",
    "busy",
    "failure_responses",
    "mistake",
    "place",
    "refusal",
]

_log = logging.getLogger("fastocr.service")

# Nothing more is told about mistakes of the service: what it was is in the log.
INTERNAL_ERROR = "Internal server error"
# Characters of a name that a client has made up which it is told again.
_MOST_NAME = 64

_DESCRIPTIONS = {
    401: "A key is needed.",
    408: "The request was not sent, or not answered, in time.",
    413: "The request is too large.",
    415: "The body is compressed.",
    422: "The file cannot be read, or an option is not allowed.",
    500: "The service failed; the log says why.",
    503: "The service is busy, loading or stopping; Retry-After says when to try again.",
}


def failure_responses(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return how work is refused, for the OpenAPI document; `model` is the form of errors."""
    return {status: {"model": model, "description": text} for status, text in _DESCRIPTIONS.items()}


class RefusedError(HTTPException):
    """A request that gets no result: an HTTP status, and a sentence for the client."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """`message` must not name anything of the machine."""
        super().__init__(status, message, headers)

    @property
    def message(self) -> str:
        """The sentence for the client."""
        return str(self.detail)


def busy(message: str, seconds: int) -> RefusedError:
    """Return the refusal of a service that cannot work on a request now."""
    return RefusedError(503, message, {"Retry-After": str(seconds)})


def refusal(error: FastOCRError) -> RefusedError:
    """Return what a client is told about an error of the library.

    Messages about inputs and options name what the client has sent; others could name files.
    """
    if isinstance(error, InvalidOptionError):
        return RefusedError(422, str(error))
    if isinstance(error, InputError):
        # The library has no other name for contents without a path.
        reason = str(error).removeprefix("input: ")
        return RefusedError(422, f"Invalid input file: {reason}")
    return mistake(error)


def mistake(error: Exception) -> RefusedError:
    """Return what a client is told about a mistake of the service; log what it was."""
    _log.error("A request failed", exc_info=error)
    return RefusedError(500, INTERNAL_ERROR)


def place(parts: Sequence[str | int]) -> str:
    """Return where in a request a problem is: ``body.fileType``, ``body[1]``."""
    names = (f"[{part}]" if isinstance(part, int) else f".{part[:_MOST_NAME]}" for part in parts)
    return "".join(names).removeprefix(".")
