"""The arguments of `predict` and `predict_iter`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastocr.errors import InvalidOptionError, UnsupportedOptionError
from fastocr.inputs import InputOptions
from fastocr.options.constructor import PipelineOptions
from fastocr.options.devices import parse_devices
from fastocr.options.page import PAGE_PARAMETERS, PageOptions, check_loaded, page_values
from fastocr.options.reading import CALL_INPUT_PARAMETERS, parse_inputs

__all__ = ["CallOptions", "parse_predict"]

PARAMETERS = (*PAGE_PARAMETERS, *CALL_INPUT_PARAMETERS, "device")


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How the pages of one call are processed, and how its inputs are read."""

    page: PageOptions
    inputs: InputOptions


def parse_predict(given: Mapping[str, Any], own: PipelineOptions) -> CallOptions:
    """Check the arguments of `predict` and return what follows from them.

    Each switch counts for itself: None is what the object does, False leaves the step out, True
    needs a model that is loaded.

    Raises:
        InvalidOptionError: an unknown name, a wrong type or value, or a step that the object was
            made without.
        UnsupportedOptionError: other devices than the object's own.

    """
    for name in given:
        if name not in PARAMETERS:
            raise InvalidOptionError(f"Unknown argument: {name}")
    values = page_values(given)
    check_loaded(values, own.page)
    device = given.get("device")
    if device is not None and parse_devices("device", device) != own.devices:
        raise UnsupportedOptionError(
            f"device={device!r} cannot be used: the networks of this object are loaded on "
            f"{','.join(device.name for device in own.devices)!r}; make another one with "
            f"device={device!r}"
        )
    return CallOptions(own.page.updated(values), parse_inputs(given, own.inputs))
