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


class WrongProcessError(FastOCRError, RuntimeError):
    """What was made before a fork is used in the child, which has none of its threads."""
