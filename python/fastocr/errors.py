"""Every exception that fastocr raises on purpose.

Each class derives from `FastOCRError` and from the built-in exception that callers of PaddleOCR
would already catch, so ``except ValueError`` and ``except FileNotFoundError`` keep working.

```
FastOCRError
├── InvalidOptionError (ValueError)        a parameter has a wrong type or value
│   ├── UnsupportedOptionError             a valid parameter that cannot work here
│   └── ConfigNotFoundError (FileNotFoundError)
├── InputError (ValueError)                an image or array that cannot be read
│   └── InputNotFoundError (FileNotFoundError)
├── ModelError (RuntimeError)              a model that cannot be used
│   ├── ModelNotFoundError (FileNotFoundError)
│   └── ModelFormatError (ValueError)
├── EngineError (RuntimeError)             an inference engine that fails
│   ├── EngineUnavailableError             not installed, or installed in the wrong version
│   └── InferenceError                     the engine failed while it ran a model
├── ServiceError (RuntimeError)            what a client of a service got in place of a result
│   ├── ServiceInputError (InputError)     the file or an option is refused
│   └── ServiceUnavailableError            it is busy, loading or stopping: to be tried again
└── WrongProcessError (RuntimeError)       an object of the process that this one was forked from
```
"""

from __future__ import annotations

__all__ = [
    "ConfigNotFoundError",
    "EngineError",
    "EngineUnavailableError",
    "FastOCRError",
    "InferenceError",
    "InputError",
    "InputNotFoundError",
    "InvalidOptionError",
    "ModelError",
    "ModelFormatError",
    "ModelNotFoundError",
    "ServiceError",
    "ServiceInputError",
    "ServiceUnavailableError",
    "UnsupportedOptionError",
    "WrongProcessError",
]


class FastOCRError(Exception):
    """Base class of all fastocr exceptions."""


class InvalidOptionError(FastOCRError, ValueError):
    """A parameter of a wrong type or value; the message names it, the value and what is allowed."""


class UnsupportedOptionError(InvalidOptionError):
    """A parameter that is spelled correctly but cannot work in this installation or version."""


class ConfigNotFoundError(InvalidOptionError, FileNotFoundError):
    """A file that `paddlex_config` names and that does not exist."""


class InputError(FastOCRError, ValueError):
    """An input that cannot be read or converted to an image; the message names the input."""


class InputNotFoundError(InputError, FileNotFoundError):
    """An input path that does not exist."""


class ModelError(FastOCRError, RuntimeError):
    """A model that cannot be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """A model directory or file that does not exist, or a model name that nobody provides."""


class ModelFormatError(ModelError, ValueError):
    """A model directory whose files are damaged or do not belong together."""


class EngineError(FastOCRError, RuntimeError):
    """An inference engine that fails."""


class EngineUnavailableError(EngineError):
    """An engine that is not installed, or is installed in a version it was not built for."""


class InferenceError(EngineError):
    """An engine failed while it ran a model."""


class ServiceError(FastOCRError, RuntimeError):
    """A service answered without a result.

    Attributes:
        status: the HTTP status; 200 if there was an answer that is none of fastocr's service.
        message: what the service said.
        log_id: the name of the request in the service's log; None if the answer has none.
        retry_after: seconds after which the service wants to be asked again; None: it did not say.

    """

    def __init__(
        self,
        status: int,
        message: str,
        log_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """All arguments are kept as attributes."""
        super().__init__(status, message, log_id, retry_after)
        self.status = status
        self.message = message
        self.log_id = log_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return the message, with what is needed to find the request in the service's log."""
        name = "" if self.log_id is None else f", log id {self.log_id}"
        return f"{self.message} (status {self.status}{name})"


class ServiceInputError(ServiceError, InputError):
    """The service does not take the file or an option (status 413 or 422)."""


class ServiceUnavailableError(ServiceError):
    """The service takes no work now: it is busy, loading or stopping (status 503)."""


class WrongProcessError(FastOCRError, RuntimeError):
    """What was made before a fork is used in the child, which has none of its threads."""
