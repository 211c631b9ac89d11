"""Writes a software bill of materials of fastocr and all it installs, in CycloneDX's JSON.

    python tools/sbom.py --output fastocr.cdx.json [--extra serve ...] [WHEEL]

fastocr, or its wheel where one is named, is installed in an empty environment with the extras; the
cyclonedx-bom package, in another one, describes what is there. Both environments are deleted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPEC_VERSION = "1.6"


def make_environment(folder: Path, requirement: str) -> Path:
    """Install a requirement into a new environment; without pip in it, as that is no part of it."""
    venv.create(folder)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", requirement],
        check=True,
    )
    return python


def describe(described: Path, tool: Path, output: Path) -> None:
    """Write what is in the environment `described`, with the tool of the environment `tool`."""
    subprocess.run(
        [
            tool, "-m", "cyclonedx_py", "environment", described,
            "--pyproject", ROOT / "pyproject.toml", "--mc-type", "library",
            "--spec-version", SPEC_VERSION, "--output-reproducible", "--output-file", output,
        ],
        check=True,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and write the file."""
    parser = argparse.ArgumentParser(description="Write a bill of materials in CycloneDX's JSON.")
    parser.add_argument("wheel", nargs="?", type=Path, help="built from this checkout by default")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--extra", action="append", default=[], metavar="NAME")
    options = parser.parse_args(arguments)
    extras = f"[{','.join(options.extra)}]" if options.extra else ""
    with tempfile.TemporaryDirectory() as folder:
        described = make_environment(Path(folder) / "fastocr", f"{options.wheel or ROOT}{extras}")
        tool = make_environment(Path(folder) / "tool", "cyclonedx-bom>=7,<8")
        describe(described, tool, options.output)


if __name__ == "__main__":
    main()
