"""What the service refuses and why: one exception, and its form in each protocol."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException

from fastocr.errors import FastOCRError, InputError, InvalidOptionError

__all__ = ["INTERNAL_ERROR", "ServiceError", "busy", "mistake", "refusal"]

_log = logging.getLogger("fastocr.service")

# Nothing more is told about mistakes of the service: what it was is in the log.
INTERNAL_ERROR = "Internal server error"


class ServiceError(HTTPException):
    """A request that gets no result: an HTTP status, and a sentence for the client."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """`message` must not name anything of the machine."""
        super().__init__(status, message, headers)

    @property
    def message(self) -> str:
        """The sentence for the client."""
        return str(self.detail)


def busy(message: str, seconds: int) -> ServiceError:
    """Return the refusal of a service that cannot work on a request now."""
    return ServiceError(503, message, {"Retry-After": str(seconds)})


def refusal(error: FastOCRError) -> ServiceError:
    """Return what a client is told about an error of the library.

    Messages about inputs and options name what the client has sent; others could name files.
    """
    if isinstance(error, InvalidOptionError):
        return ServiceError(422, str(error))
    if isinstance(error, InputError):
        return ServiceError(422, f"Invalid input file: {error}")
    return mistake(error)


def mistake(error: Exception) -> ServiceError:
    """Return what a client is told about a mistake of the service; log what it was."""
    _log.error("A request failed", exc_info=error)
    return ServiceError(500, INTERNAL_ERROR)
