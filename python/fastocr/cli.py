"""The command line: ``fastocr ocr -i page.png``.

Results go to standard output, log messages and errors to standard error. Only the options that were
given are passed on, under their own names, as keyword arguments of `fastocr.PaddleOCR`, which
checks their values.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from fastocr.errors import FastOCRError, InvalidOptionError
from fastocr.options import ALIASES

__all__ = ["main"]

_EXIT_OK = 0
_EXIT_FAILED = 1
_EXIT_USAGE = 2
_EXIT_INTERRUPTED = 130

_TRUE = frozenset({"true", "yes", "t", "y", "1"})
_FALSE = frozenset({"false", "no", "f", "n", "0"})

_logger = logging.getLogger("fastocr")


# --- options --------------------------------------------------------------------------------------


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")


# What `argparse` needs to know about each type of option, by the name that the help shows.
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": str, "metavar": "STR"},
    "path": {"type": str, "metavar": "DIR"},
    "file": {"type": str, "metavar": "FILE"},
    "int": {"type": int, "metavar": "INT"},
    "float": {"type": float, "metavar": "FLOAT"},
    "bool": {"type": _boolean, "metavar": "BOOL"},
    "3 ints": {"type": int, "nargs": 3, "metavar": ("C", "H", "W")},
}


@dataclass(frozen=True)
class _Option:
    """A parameter of the `PaddleOCR` constructor.

    Attributes:
        name: the keyword argument; the option is ``--name``.
        type: a key of `_TYPES`.
        default: what the constructor does without it, as the help shows it.
        meaning: one sentence for the help.

    """

    name: str
    type: str
    default: str
    meaning: str


_BY_LANGUAGE = "by --lang and --ocr_version"
_INSTALLED = "the installed model"
_LATER = " (not supported yet)."

_OPTIONS: dict[str, tuple[_Option, ...]] = {
    "text detection": (
        _Option("text_det_limit_side_len", "int", "960", "Side length that the page is scaled to."),
        _Option(
            "text_det_limit_type",
            "string",
            "max",
            "Which side --text_det_limit_side_len limits: max shrinks pages with a longer long "
            "side, min enlarges pages with a shorter short side.",
        ),
        _Option("text_det_thresh", "float", "0.3", "Pixels with a higher score are text."),
        _Option("text_det_box_thresh", "float", "0.6", "Boxes with a lower score are dropped."),
        _Option("text_det_unclip_ratio", "float", "2.0", "How far boxes grow around the text."),
        _Option(
            "text_det_input_shape", "3 ints", "not fixed", "Scale every page to this model input."
        ),
    ),
    "text recognition": (
        _Option("text_rec_score_thresh", "float", "0.0", "Lines with a lower score are left out."),
        _Option(
            "text_recognition_batch_size", "int", "6", "Lines that share one network input width."
        ),
        _Option(
            "text_rec_input_shape", "3 ints", "not fixed", "Scale every line to this model input."
        ),
        _Option("return_word_box", "bool", "false", "Also return the box of each word" + _LATER),
    ),
    "models": (
        _Option("lang", "string", "ch", "Language of the text: ch."),
        _Option("ocr_version", "string", "PP-OCRv5", "Model family: PP-OCRv5."),
        _Option("text_detection_model_name", "string", _BY_LANGUAGE, "Text detection model."),
        _Option("text_detection_model_dir", "path", _INSTALLED, "Directory of that model."),
        _Option("text_recognition_model_name", "string", _BY_LANGUAGE, "Text recognition model."),
        _Option("text_recognition_model_dir", "path", _INSTALLED, "Directory of that model."),
        _Option(
            "use_doc_orientation_classify", "bool", "false", "Turn the page upright first" + _LATER
        ),
        _Option(
            "doc_orientation_classify_model_name",
            "string",
            "none",
            "Page orientation model" + _LATER,
        ),
        _Option(
            "doc_orientation_classify_model_dir", "path", "none", "Directory of that model" + _LATER
        ),
        _Option(
            "use_doc_unwarping", "bool", "false", "Flatten a bent or tilted page first" + _LATER
        ),
        _Option("doc_unwarping_model_name", "string", "none", "Page flattening model" + _LATER),
        _Option("doc_unwarping_model_dir", "path", "none", "Directory of that model" + _LATER),
        _Option("use_textline_orientation", "bool", "false", "Turn upside-down lines" + _LATER),
        _Option(
            "textline_orientation_model_name",
            "string",
            "none",
            "Line orientation model" + _LATER,
        ),
        _Option(
            "textline_orientation_model_dir", "path", "none", "Directory of that model" + _LATER
        ),
        _Option(
            "textline_orientation_batch_size", "int", "none", "Lines classified together" + _LATER
        ),
        _Option("paddlex_config", "file", "none", "Pipeline configuration in YAML" + _LATER),
    ),
    "engine": (
        _Option("device", "string", "cpu", "cpu, or gpu:N with the Paddle engine."),
        _Option("engine", "string", "auto", "Inference engine: auto, native, openvino or paddle."),
        _Option(
            "enable_hpi",
            "bool",
            "false",
            "Choose the fastest way: on a CPU 8-bit products, on a GPU TensorRT, if possible.",
        ),
        _Option("use_tensorrt", "bool", "false", "Use TensorRT on a GPU."),
        _Option("min_subgraph_size", "int", "3", "Smallest part of a model given to TensorRT."),
        _Option(
            "precision",
            "string",
            "the engine's",
            "fp32; int16 (native, its default) or int8 (native); bf16 or fp16 (openvino, where the "
            "CPU has it; paddle: bf16 on a CPU, fp16 on a GPU).",
        ),
        _Option("enable_mkldnn", "bool", "true", "Use oneDNN (MKL-DNN); false with paddle only."),
        _Option(
            "mkldnn_cache_capacity", "int", "10", "Input shapes that oneDNN remembers, with paddle."
        ),
        _Option("cpu_threads", "int", "all usable CPUs", "Threads of the engine."),
        _Option("enable_cinn", "bool", "false", "Use the CINN compiler of Paddle" + _LATER),
    ),
}


def _all_options() -> dict[str, tuple[_Option, ...]]:
    """Return the option table with the deprecated names as its last group."""
    current = {option.name: option for group in _OPTIONS.values() for option in group}
    deprecated = (
        _Option(old, current[new].type, current[new].default, f"Use --{new} instead.")
        # Passed on under the old name, so that the constructor warns.
        for old, new in ALIASES.items()
    )
    return {**_OPTIONS, "deprecated": tuple(deprecated)}


class _Version(argparse.Action):
    """Prints the version; unlike argparse's own action it loads the package only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        package = importlib.import_module("fastocr")
        print(f"fastocr {package.__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastocr", description="Read the text of images and PDF files."
    )
    parser.add_argument(
        "-v", "--version", action=_Version, nargs=0, help="print the version and exit"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    ocr = commands.add_parser(
        "ocr",
        help="recognise the text of images and PDF files",
        usage="%(prog)s -i FILE [FILE ...] [--save_path DIR] [options]",
        description="Recognise the text of images and PDF files. The text goes to standard "
        "output, log messages and errors to standard error.",
        epilog="BOOL is true, yes, t, y, 1 or false, no, f, n, 0. Exit status: 0 if all inputs "
        "were read, 1 if one failed or the run could not start, 2 if an option is wrong.",
    )
    _add_input_output(ocr)
    for title, options in _all_options().items():
        group = ocr.add_argument_group(title)
        for option in options:
            group.add_argument(
                f"--{option.name}",
                default=argparse.SUPPRESS,
                help=f"{option.meaning} ({option.type}; default: {option.default})",
                **_TYPES[option.type],
            )
    ocr.set_defaults(run=_run)
    doctor = commands.add_parser(
        "doctor",
        help="print what a report of a problem needs",
        description="Print versions, the CPU, the engines and why each can be used or not, and the "
        "models that are found.",
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _add_input_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("input and output")
    group.add_argument(
        "-i",
        "--input",
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE",
        help="Images, TIFF files with one or more frames, and PDF files. (paths; required)",
    )
    group.add_argument(
        "--save_path",
        metavar="DIR",
        help="Save a JSON file and a picture of each page here. (path; default: save nothing)",
    )
    group.add_argument(
        "--format",
        choices=tuple(_WRITERS),
        default="text",
        help="What is printed: text: the lines of each page, with a header if there are several "
        "pages; json: one line of JSON for each page, failed ones included; res: a summary as "
        "PaddleOCR prints it. (default: text)",
    )
    volume = group.add_mutually_exclusive_group()
    volume.add_argument(
        "-q",
        "--quiet",
        dest="log_level",
        action="store_const",
        const=logging.WARNING,
        default=logging.INFO,
        help="Log only warnings and errors, show no progress. (default: also each page)",
    )
    volume.add_argument(
        "-v",
        "--verbose",
        dest="log_level",
        action="store_const",
        const=logging.DEBUG,
        help="Log everything. (default: warnings, errors and each page)",
    )


def _constructor_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the constructor's keyword arguments: only those that the user gave."""
    given = vars(arguments)
    names = [option.name for options in _all_options().values() for option in options]
    return {
        name: tuple(given[name]) if isinstance(given[name], list) else given[name]
        for name in names
        if name in given
    }


# --- standard output ------------------------------------------------------------------------------


class _Writer:
    """Prints results, failed ones included, in the order in which they come."""

    def __init__(self, inputs: int) -> None:
        """Prepare for `inputs` files; how many pages they have is not known yet."""

    def add(self, result: Any) -> None:
        """Print one result."""
        raise NotImplementedError

    def finish(self) -> None:
        """Print what is still held back."""


class _TextWriter(_Writer):
    """Prints the lines of each page, under a header if there is more than one page or input.

    The first page of a single input is held back until it is known whether a second one follows.
    """

    def __init__(self, inputs: int) -> None:
        self._headers = inputs > 1
        self._held: Any = None
        self._pages = 0

    def add(self, result: Any) -> None:
        if not result.ok:
            return
        if not self._headers and self._held is None:
            self._held = result
            return
        self._headers = True
        self._release()
        self._print(result)

    def finish(self) -> None:
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._print(held)

    def _print(self, result: Any) -> None:
        if self._headers:
            index = result["page_index"]
            page = "" if index is None else f" page {index}"
            print("\n" * bool(self._pages) + f"== {result['input_path']}{page} ==")
        for line in result["rec_texts"]:
            print(line)
        self._pages += 1


class _JsonWriter(_Writer):
    """Prints one line of JSON for each page."""

    def add(self, result: Any) -> None:
        print(json.dumps(result.json, ensure_ascii=False))


class _SummaryWriter(_Writer):
    """Prints each page as PaddleOCR does."""

    def add(self, result: Any) -> None:
        result.print()


_WRITERS: dict[str, type[_Writer]] = {
    "text": _TextWriter,
    "json": _JsonWriter,
    "res": _SummaryWriter,
}


def _use_utf8(stream: TextIO) -> None:
    """Make `stream` write UTF-8 whatever the locale; undecodable file names become escapes."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush cannot fail again."""
    # Streams that replace standard output inside a program may have no file descriptor.
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)


# --- standard error -------------------------------------------------------------------------------


class _Progress:
    """A line on the terminal with the inputs that are done and the speed.

    Args of the constructor:
        total: number of inputs.
        enabled: if False, nothing is ever shown.

    """

    def __init__(self, total: int, enabled: bool) -> None:
        self._total = total
        self._enabled = enabled
        self._begin = time.perf_counter()
        self._started = 0
        self._pages = 0
        self._width = 0

    def update(self, page_index: int | None) -> None:
        """Count a page and show the line; `page_index` is None for an input without pages."""
        self._pages += 1
        self._started += page_index in (None, 0)
        # Whether a document has further pages is not known before the next input begins.
        done = self._started - (page_index is not None)
        rate = self._pages / max(time.perf_counter() - self._begin, 1e-9)
        self._show(f"{done}/{self._total} inputs, {rate:.1f} pages/s")

    def clear(self) -> None:
        """Remove the line, so that something else can be printed."""
        self._show("")

    def _show(self, text: str) -> None:
        if self._enabled and (text or self._width):
            sys.stderr.write("\r" + " " * self._width + "\r" + text)
            sys.stderr.flush()
            self._width = len(text)


class _LogHandler(logging.Handler):
    """Writes log records to standard error, where they take the place of the progress line."""

    def __init__(self, progress: _Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            message = f"fastocr: {record.levelname.lower()}: {message}"
        self._progress.clear()
        print(message, file=sys.stderr)


@contextlib.contextmanager
def _logging(handler: logging.Handler, level: int) -> Iterator[None]:
    """Send the package's log records and warnings to `handler`; leave all as it was afterwards."""
    handlers, old_level, propagate = _logger.handlers[:], _logger.level, _logger.propagate
    _logger.handlers[:] = [handler]
    _logger.setLevel(level)
    _logger.propagate = False
    try:
        with warnings.catch_warnings():
            # Python hides deprecations by default; those of our own options concern the user.
            warnings.filterwarnings("default", category=DeprecationWarning, module="fastocr")
            warnings.showwarning = _log_warning
            yield
    finally:
        _logger.handlers[:] = handlers
        _logger.setLevel(old_level)
        _logger.propagate = propagate


def _log_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _logger.warning("%s", message)


# --- the run --------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; standard output is switched to UTF-8.

    Args:
        argv: the arguments without the program's name; None for those of the process.

    Returns:
        The exit status: 0 success, 1 an input failed or the run could not start, 2 wrong usage,
        130 interrupted.

    """
    _use_utf8(sys.stdout)
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as stop:
        return int(stop.code or 0)
    except BrokenPipeError:
        _discard_output()
        return _EXIT_FAILED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return status


def _doctor(_: argparse.Namespace) -> int:
    for line in importlib.import_module("fastocr.doctor").report():
        print(line)
    return _EXIT_OK


def _run(arguments: argparse.Namespace) -> int:
    """Recognise the inputs and report errors; return the exit status."""
    inputs = len(arguments.input)
    show_progress = inputs > 1 and arguments.log_level < logging.WARNING and sys.stderr.isatty()
    progress = _Progress(inputs, show_progress)
    with _logging(_LogHandler(progress), arguments.log_level):
        try:
            return _recognise(arguments, progress)
        except BrokenPipeError:
            raise
        except InvalidOptionError as error:
            _logger.error("%s", error)
            return _EXIT_USAGE
        except (FastOCRError, ImportError, OSError) as error:
            _logger.error("%s", error)
            return _EXIT_FAILED
        finally:
            progress.clear()


def _recognise(arguments: argparse.Namespace, progress: _Progress) -> int:
    ocr = importlib.import_module("fastocr").PaddleOCR(**_constructor_arguments(arguments))
    writer = _WRITERS[arguments.format](len(arguments.input))
    status = _EXIT_OK
    begin = time.perf_counter()
    try:
        for item, result in enumerate(ocr.predict_iter(arguments.input)):
            milliseconds = (time.perf_counter() - begin) * 1000
            progress.clear()
            if not result.ok:
                status = _EXIT_FAILED
                _logger.error("%s", result.error)
            writer.add(result)
            sys.stdout.flush()
            if arguments.save_path is not None:
                result.save_all(arguments.save_path)
            _logger.info("Processed item %d in %.0f ms", item, milliseconds)
            progress.update(result["page_index"])
            begin = time.perf_counter()
    finally:
        # Also after an error or an interruption: what was recognised is not lost.
        progress.clear()
        writer.finish()
    return status
