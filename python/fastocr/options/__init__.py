"""The parameters of the pipeline: names, types, allowed values, defaults and precedence.

Every parameter is checked when it is given, and the message names the parameter, the value and what
is allowed. Nothing is accepted and then ignored.
"""

from fastocr.options.call import CallOptions, parse_predict
from fastocr.options.constructor import (
    ALIASES,
    WARMUP_SIZES,
    PipelineOptions,
    parse_constructor,
    parse_document_constructor,
    parse_warmup,
)
from fastocr.options.devices import parse_devices
from fastocr.options.models import ModelChoice
from fastocr.options.module import parse_module
from fastocr.options.page import PageOptions
from fastocr.options.reading import INPUT_PARAMETERS, parse_inputs

__all__ = [
    "ALIASES",
    "INPUT_PARAMETERS",
    "WARMUP_SIZES",
    "CallOptions",
    "ModelChoice",
    "PageOptions",
    "PipelineOptions",
    "parse_constructor",
    "parse_devices",
    "parse_document_constructor",
    "parse_inputs",
    "parse_module",
    "parse_predict",
    "parse_warmup",
]
