"""Commands that read pages: their options, and the run over all inputs."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import time
from dataclasses import dataclass
from typing import Any

from fastocr.cli import exit_status
from fastocr.cli.options import Groups, add_options, given_arguments
from fastocr.cli.terminal import LogHandler, Progress, add_volume, log, logging_to
from fastocr.cli.writers import FORMATS, Lines, make_writer

__all__ = ["Prediction", "add_command"]


@dataclass(frozen=True)
class Prediction:
    """A command that hands its inputs to an object of the package.

    Attributes:
        name: of the command.
        predictor: name of the class in `fastocr`; it has `predict_iter` and is a context manager.
        help: one line for the list of commands.
        description: for the command's own help.
        options: keyword arguments of the class.
        lines: what the text format shows of a result.
        text: what that is, for the help.
        single_line: whether `lines` always gives one line.

    """

    name: str
    predictor: str
    help: str
    description: str
    options: Groups
    lines: Lines
    text: str
    single_line: bool = False


def add_command(commands: argparse._SubParsersAction[Any], command: Prediction) -> None:
    """Add a command to those of the program."""
    parser = commands.add_parser(
        command.name,
        help=command.help,
        usage="%(prog)s -i INPUT [INPUT ...] [--save_path DIR] [options]",
        description=f"{command.description} Results go to standard output, log messages and errors "
        "to standard error.",
        epilog="BOOL is true, yes, t, y, 1 or false, no, f, n, 0. Exit status: 0 if all inputs "
        "were read, 1 if one failed or the run could not start, 2 if an option is wrong.",
    )
    _add_input_output(parser, command)
    add_options(parser, command.options)
    parser.set_defaults(run=lambda arguments: _run(command, arguments))


def _add_input_output(parser: argparse.ArgumentParser, command: Prediction) -> None:
    group = parser.add_argument_group("input and output")
    group.add_argument(
        "-i",
        "--input",
        nargs="+",
        action="extend",
        required=True,
        metavar="INPUT",
        help="Images, TIFF files with one or more frames, PDF files, directories of these, and "
        "URLs. (paths; required)",
    )
    group.add_argument(
        "--save_path",
        metavar="DIR",
        help="Save a JSON file and the pictures of each page here. (path; default: save nothing)",
    )
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help=f"What is printed: text: {command.text}, with the name of the page if there are "
        "several; json: one line of JSON for each page, failed ones included; res: a summary as "
        "PaddleOCR prints it. (default: text)",
    )
    add_volume(group)


def _run(command: Prediction, arguments: argparse.Namespace) -> int:
    """Read the inputs and report errors; return the exit status."""
    progress = _progress(arguments)
    with logging_to(LogHandler(progress), arguments.log_level):
        try:
            return exit_status.status_of(lambda: _predict(command, arguments, progress))
        finally:
            progress.clear()


def _progress(arguments: argparse.Namespace) -> Progress:
    # How many files a directory gives is not known before it is read.
    from fastocr.inputs.directories import is_directory

    open_ended = any(map(is_directory, arguments.input))
    several = open_ended or len(arguments.input) > 1
    return Progress(
        None if open_ended else len(arguments.input),
        several and arguments.log_level < logging.WARNING and sys.stderr.isatty(),
    )


def _predict(command: Prediction, arguments: argparse.Namespace, progress: Progress) -> int:
    make = getattr(importlib.import_module("fastocr"), command.predictor)
    writer = make_writer(
        arguments.format,
        command.lines,
        single_line=command.single_line,
        several=len(arguments.input) > 1,
    )
    status = exit_status.OK
    begin = time.perf_counter()
    with make(**given_arguments(arguments, command.options)) as predictor:
        try:
            for item, result in enumerate(predictor.predict_iter(arguments.input)):
                milliseconds = (time.perf_counter() - begin) * 1000
                progress.clear()
                if not result.ok:
                    status = exit_status.FAILED
                    log.error("%s", result.error)
                writer.add(result)
                sys.stdout.flush()
                if arguments.save_path is not None:
                    result.save_all(arguments.save_path)
                log.info("Processed item %d in %.0f ms", item, milliseconds)
                progress.update(result["input_path"], result["page_index"])
                begin = time.perf_counter()
        finally:
            # Also after an error or an interruption: what was recognised is not lost.
            progress.clear()
            writer.finish()
    return status
