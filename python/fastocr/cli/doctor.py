"""``fastocr doctor``: what a report of a problem needs."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from fastocr.cli.exit_status import OK

__all__ = ["add_command"]


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "doctor",
        help="print what a report of a problem needs",
        description="Print versions, the CPU, the engines and why each can be used or not, and the "
        "models that are found.",
    )
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    for line in importlib.import_module("fastocr.doctor").report():
        print(line)
    return OK
