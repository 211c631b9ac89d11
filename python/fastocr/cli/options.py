"""Tables of options, and the options that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CONFIG", "ENGINE", "INPUTS", "Groups", "Option", "add_options", "given_arguments"]

_TRUE = frozenset({"true", "yes", "t", "y", "1"})
_FALSE = frozenset({"false", "no", "f", "n", "0"})


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"expected JSON, not {text!r}: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, not {text!r}")
    return value


# What `argparse` needs to know about each type of option, by the name that the help shows.
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": str, "metavar": "STR"},
    "path": {"type": str, "metavar": "DIR"},
    "file": {"type": str, "metavar": "FILE"},
    "int": {"type": int, "metavar": "INT"},
    "float": {"type": float, "metavar": "FLOAT"},
    "bool": {"type": _boolean, "metavar": "BOOL"},
    "json": {"type": _json_object, "metavar": "JSON"},
    "3 ints": {"type": int, "nargs": 3, "metavar": ("C", "H", "W")},
}


@dataclass(frozen=True)
class Option:
    """A keyword argument of the class that a command uses.

    Attributes:
        name: the keyword argument; the option is ``--name``.
        type: a key of `_TYPES`.
        default: what the class does without it, as the help shows it.
        meaning: one sentence for the help.

    """

    name: str
    type: str
    default: str
    meaning: str


# Options by the title under which the help shows them.
Groups = Mapping[str, tuple[Option, ...]]


def add_options(parser: argparse.ArgumentParser, groups: Groups) -> None:
    """Add the options of a table to a command."""
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for option in options:
            group.add_argument(
                f"--{option.name}",
                default=argparse.SUPPRESS,
                help=f"{option.meaning} ({option.type}; default: {option.default})",
                **_TYPES[option.type],
            )


def given_arguments(arguments: argparse.Namespace, groups: Groups) -> dict[str, Any]:
    """Return the keyword arguments: only those that the user gave."""
    given = vars(arguments)
    return {
        option.name: tuple(given[option.name]) if option.type == "3 ints" else given[option.name]
        for options in groups.values()
        for option in options
        if option.name in given
    }


# --- shared by commands ---------------------------------------------------------------------------

CONFIG = Option("paddlex_config", "file", "none", "Pipeline configuration in YAML.")

ENGINE: Groups = {
    "engine": (
        Option("device", "string", "cpu", "cpu, or gpu:N with the Paddle engine."),
        Option("engine", "string", "auto", "Inference engine: auto, native, openvino or paddle."),
        Option(
            "engine_config",
            "json",
            "none",
            "The engine's own settings by its own names, such as '{\"NUM_STREAMS\": 2}'.",
        ),
        Option(
            "enable_hpi",
            "bool",
            "false",
            "Choose the fastest way: on a CPU 8-bit products, on a GPU TensorRT, if possible.",
        ),
        Option("use_tensorrt", "bool", "false", "Use TensorRT on a GPU."),
        Option("min_subgraph_size", "int", "3", "Smallest part of a model given to TensorRT."),
        Option(
            "precision",
            "string",
            "the engine's",
            "fp32; int16 (native, its default) or int8 (native); bf16 or fp16 (openvino, where the "
            "CPU has it; paddle: bf16 on a CPU, fp16 on a GPU).",
        ),
        Option("enable_mkldnn", "bool", "true", "Use oneDNN (MKL-DNN); false with paddle only."),
        Option(
            "mkldnn_cache_capacity", "int", "10", "Input shapes that oneDNN remembers, with paddle."
        ),
        Option("cpu_threads", "int", "all usable CPUs", "Threads of the engine."),
        Option(
            "enable_cinn", "bool", "false", "PaddleOCR's; true is an error: no engine has CINN."
        ),
    )
}

INPUTS: Groups = {
    "inputs": (
        Option("recursive", "bool", "true", "Also read the directories in a directory."),
        Option(
            "pdf_pages", "string", "all", "Pages of PDF files, counted from 1, such as 1-3,7,9-."
        ),
        Option("pdf_scale", "float", "2", "Pixels a point (1/72 inch) of PDF pages."),
        Option("pdf_password", "string", "none", "Password of encrypted PDF files."),
        Option(
            "pdf_timeout",
            "float",
            "none",
            "Seconds for opening a PDF and rendering one page; PDFs are then read in processes of "
            "their own.",
        ),
        Option("pdf_memory", "int", "none", "Bytes that a PDF may take; in processes as well."),
        Option("max_pages", "int", "none", "Documents with more pages fail."),
        Option(
            "max_pixels",
            "int",
            "178956970",
            "Images with more pixels fail; PDF pages are made smaller.",
        ),
        Option("allow_urls", "bool", "true", "Fetch what begins with http:// or https://."),
        Option(
            "allow_private_urls",
            "bool",
            "false",
            "Also fetch from private addresses, such as this machine's.",
        ),
        Option("url_timeout", "float", "60", "Seconds for the download of a URL."),
        Option("max_url_bytes", "int", "104857600", "Largest file that is downloaded."),
    )
}
