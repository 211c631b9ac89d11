"""The arguments that the classes for single models share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastocr import checks
from fastocr.errors import InvalidOptionError, UnsupportedOptionError
from fastocr.inputs import InputOptions
from fastocr.options.devices import parse_devices
from fastocr.options.engine import ENGINE_PARAMETERS, engine_options
from fastocr.options.models import ModelChoice
from fastocr.options.notices import Notices
from fastocr.options.reading import INPUT_PARAMETERS, parse_inputs

__all__ = ["ModuleOptions", "parse_module"]


@dataclass(frozen=True, slots=True)
class ModuleOptions:
    """The model of a class and how it is run, and how inputs are read."""

    model: ModelChoice
    inputs: InputOptions


def parse_module(
    role: str, name: Any, directory: Any, given: Mapping[str, Any], stacklevel: int
) -> ModuleOptions:
    """Check the arguments of a class for the step `role` and return what follows from them.

    Raises:
        InvalidOptionError: an unknown name, a wrong type or value.
        UnsupportedOptionError: a value that this version cannot honour.

    """
    unknown = sorted(given.keys() - {*ENGINE_PARAMETERS, *INPUT_PARAMETERS})
    if unknown:
        raise InvalidOptionError(f"Unknown argument: {unknown[0]}")
    devices = parse_devices("device", given.get("device"))
    if len(devices) > 1:
        raise UnsupportedOptionError(
            f"device={given['device']!r} cannot be used: a class for a single model runs on one "
            "device; make one object for each"
        )
    notices = Notices()
    engine = engine_options(given, devices[0], {}, (role,), notices.warn)[role]
    notices.give(stacklevel + 1)
    model = ModelChoice(
        checks.text("model_name", name),
        None if directory is None else checks.path("model_dir", directory),
        True,
        engine,
    )
    return ModuleOptions(model, parse_inputs(given))
