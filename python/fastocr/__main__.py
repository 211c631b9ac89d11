"""Runs the command line: ``python -m fastocr``."""

import sys

from fastocr.cli import main

if __name__ == "__main__":
    sys.exit(main())
