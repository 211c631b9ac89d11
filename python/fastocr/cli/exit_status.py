"""What the commands return to the shell."""

from __future__ import annotations

__all__ = ["FAILED", "INTERRUPTED", "OK", "USAGE"]

OK = 0
FAILED = 1  # an input failed, or the run could not start
USAGE = 2  # a wrong option or value; `argparse` uses the same
INTERRUPTED = 130
