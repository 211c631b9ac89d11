"""Runs the fuzzer of one target with atheris.

python fuzz.py NAME [libFuzzer's options] [CORPUS]
"""

from __future__ import annotations

import os
import sys

import atheris

# Nothing is fetched, and every branch of fastocr counts.
os.environ["FASTOCR_OFFLINE"] = "1"
with atheris.instrument_imports(include=["fastocr", "yaml"]):
    from targets import TARGETS


def main() -> None:
    """Read the name; all other arguments are libFuzzer's."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
