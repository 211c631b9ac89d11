"""``fastocr serve``: the HTTP service."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastocr.cli import exit_status, ocr
from fastocr.cli.options import INPUTS, Groups, Option, add_options, given_arguments
from fastocr.cli.terminal import LogHandler, Progress, add_volume, logging_to
from fastocr.errors import InvalidOptionError

__all__ = ["add_command"]

_KEY_VARIABLE = "FASTOCR_API_KEY"

# The options of inputs that the service has as well, by name; some with defaults of its own.
_INPUTS = {option.name: option for options in INPUTS.values() for option in options}

_SERVICE: Groups = {
    "address": (
        Option("host", "string", "0.0.0.0", "Address to listen on; 127.0.0.1: this machine only."),
        Option("port", "int", "8080", "Port to listen on; 0: one that is free."),
    ),
    "requests": (
        Option("queue_size", "int", "64", "Requests that may wait; more are refused with 503."),
        Option("pages_at_once", "int", "usable CPUs + 2", "Pages that are worked on at once."),
        Option("timeout", "float", "120", "Seconds for a request, waiting included."),
        Option("body_timeout", "float", "60", "Seconds for a client to send a request."),
        Option(
            "idle_timeout",
            "float",
            "60",
            "Seconds after which a client is cut off that sends no header or takes no answer.",
        ),
        Option("max_body_bytes", "int", "104857600", "Largest request."),
        Option("max_pending_bytes", "int", "1073741824", "Most bytes of all requests in memory."),
        replace(_INPUTS["max_pages"], default="1000"),
        replace(_INPUTS["pdf_timeout"], default="20"),
        replace(_INPUTS["pdf_memory"], default="1073741824"),
        _INPUTS["max_pixels"],
    ),
    "URLs": (
        Option("allow_urls", "bool", "false", "Fetch files whose URL a request names."),
        _INPUTS["allow_private_urls"],
        _INPUTS["url_timeout"],
        _INPUTS["max_url_bytes"],
    ),
    "log": (
        Option("log_format", "string", "json", "json or text."),
        Option("log_file", "file", "standard error", "Where lines are appended."),
    ),
    "end": (
        Option(
            "drain_delay",
            "float",
            "0",
            "Seconds between the signal to stop and the end of listening; meanwhile the service "
            "says that it is not ready.",
        ),
        Option(
            "shutdown_timeout", "float", "30", "Seconds that requests in work have to finish then."
        ),
    ),
}
# Inputs of the constructor that are for the service to decide.
_OF_PIPELINE = ("max_pixels", "allow_private_urls", "url_timeout", "max_url_bytes")
_NOT_HERE = ("inputs", "deprecated")
_PIPELINE: Groups = {
    title: tuple(option for option in options if option.name != "paddlex_config")
    for title, options in ocr.COMMAND.options.items()
    if title not in _NOT_HERE
}


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "serve",
        help="run the HTTP service",
        usage="%(prog)s [--host ADDRESS] [--port PORT] [--pipeline FILE] [options]",
        description="Run the HTTP service, which takes what PaddleOCR's basic serving takes. It "
        "needs the extra: pip install 'fastocr[serve]'. It stops at SIGTERM or Ctrl+C, when the "
        "requests in work are answered.",
        epilog="BOOL is true, yes, t, y, 1 or false, no, f, n, 0. Exit status: 0 if it was told to "
        "stop, 1 if it could not start, 2 if an option is wrong.",
    )
    parser.add_argument(
        "--pipeline",
        metavar="FILE",
        default="OCR",
        help="Pipeline configuration in YAML; its section Serving is for the service. (file; "
        "default: OCR, the built-in configuration)",
    )
    parser.add_argument(
        "--api_key_file",
        metavar="FILE",
        help="File with the key that clients have to send. (file; default: the environment "
        f"variable {_KEY_VARIABLE}; without both no key is needed)",
    )
    add_options(parser, _SERVICE)
    add_options(parser, _PIPELINE)
    add_volume(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    with logging_to(LogHandler(Progress(None, enabled=False)), arguments.log_level):
        return exit_status.status_of(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    serving = importlib.import_module("fastocr.serving")
    given = given_arguments(arguments, _SERVICE)
    for_pipeline = {
        **given_arguments(arguments, _PIPELINE),
        **{name: given.pop(name) for name in _OF_PIPELINE if name in given},
        "paddlex_config": arguments.pipeline,
        "warmup": True,
    }
    options = serving.parse_service_options(
        {**_section(arguments.pipeline), **given, "api_key": _api_key(arguments.api_key_file)}
    )
    make = importlib.import_module("fastocr").PaddleOCR
    stopped_by = serving.run(lambda: make(**for_pipeline), options, arguments.log_level)
    return exit_status.INTERRUPTED if stopped_by == signal.SIGINT else exit_status.OK


def _section(pipeline: str) -> Mapping[str, Any]:
    """Return what the configuration says of the service; the pipeline checks the rest."""
    from fastocr import pipeline_config
    from fastocr.serving import serving_section

    config = pipeline_config.read_config(pipeline, lambda _: None)
    return serving_section(config.get("Serving"))


def _api_key(path: str | None) -> str | None:
    if path is None:
        return os.environ.get(_KEY_VARIABLE) or None
    # What is not ASCII is refused with the other checks of a key.
    key = Path(path).read_text(encoding="latin-1").strip()
    if not key:
        raise InvalidOptionError(f"api_key_file: {path} is empty")
    return key
