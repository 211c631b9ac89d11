"""What the commands return to the shell, and how errors become that."""

from __future__ import annotations

from collections.abc import Callable

from fastocr.cli.terminal import log
from fastocr.errors import FastOCRError, InvalidOptionError

__all__ = ["FAILED", "INTERRUPTED", "OK", "USAGE", "status_of"]

OK = 0
FAILED = 1  # an input failed, or the run could not start
USAGE = 2  # a wrong option or value; `argparse` uses the same
INTERRUPTED = 130


def status_of(run: Callable[[], int]) -> int:
    """Return what `run` returns; report its errors, but neither broken pipes nor mistakes of ours.

    Errors of single inputs are for `run` to report.
    """
    try:
        return run()
    except BrokenPipeError:
        raise
    except InvalidOptionError as error:
        log.error("%s", error)
        return USAGE
    except (FastOCRError, ImportError, OSError) as error:
        log.error("%s", error)
        return FAILED
