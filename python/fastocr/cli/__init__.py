"""The command line: ``fastocr ocr -i page.png``.

Results go to standard output, log messages and errors to standard error. Only the options that were
given are passed on, under their own names, as keyword arguments of the class that does the work,
which checks their values.

Each command has a table of its options and a function that runs it:

- `fastocr.cli.ocr`, `doc_preprocessor` and `modules`: what `prediction` needs to know of a command
  that reads pages; `options` has the options that several of them share,
- `fastocr.cli.serve`: the HTTP service,
- `fastocr.cli.models`: the models on this machine and at the official hosts,
- `fastocr.cli.doctor`: the report on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from fastocr.cli import doc_preprocessor, doctor, models, modules, ocr, prediction, serve
from fastocr.cli.exit_status import FAILED, INTERRUPTED

__all__ = ["main"]

# In the order of the help.
_PREDICTIONS = (ocr.COMMAND, doc_preprocessor.COMMAND, *modules.COMMANDS)


class _Version(argparse.Action):
    """Prints version and build, which the core knows; argparse's own action would ask at once."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        for line in importlib.import_module("fastocr.doctor").build_facts():
            print(line)
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastocr", description="Read the text of images and PDF files."
    )
    parser.add_argument(
        "-v",
        "--version",
        action=_Version,
        nargs=0,
        help="print the version and how it was built, and exit",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _PREDICTIONS:
        prediction.add_command(commands, command)
    serve.add_command(commands)
    models.add_command(commands)
    doctor.add_command(commands)
    return parser


def _use_utf8(stream: TextIO) -> None:
    """Make `stream` write UTF-8 whatever the locale; undecodable file names become escapes."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def _no_closed_streams() -> Iterator[None]:
    """Give standard streams that the caller closed (as with ``>&-``) a place that takes all."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(sys.stdout or nowhere),
        contextlib.redirect_stderr(sys.stderr or nowhere),
    ):
        yield


def _discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush cannot fail again."""
    # Streams that replace standard output inside a program may have no file descriptor.
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; standard output is switched to UTF-8.

    Args:
        argv: the arguments without the program's name; None for those of the process.

    Returns:
        The exit status: 0 success, 1 an input failed or the run could not start, 2 wrong usage,
        130 interrupted.

    """
    with _no_closed_streams():
        _use_utf8(sys.stdout)
        try:
            arguments = _parser().parse_args(argv)
            status: int = arguments.run(arguments)
            sys.stdout.flush()
        except SystemExit as stop:
            return int(stop.code or 0)
        except BrokenPipeError:
            _discard_output()
            return FAILED
        except KeyboardInterrupt:
            return INTERRUPTED
        return status
