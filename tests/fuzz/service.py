"""Sends made-up requests to a service for some time: schemathesis, by its own description.

    python tests/fuzz/service.py --seconds 3600 --seed 1

The service runs in this process, on the loopback interface. Each round has another seed; the first
one that finds a defect ends it, and says with which request.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from fastocr import PaddleOCR  # noqa: E402
from tests.conftest import SWITCHES_OFF  # noqa: E402
from tests.python.serving.conftest import running  # noqa: E402

EXAMPLES = 200  # of each path in a round


def round_of_requests(url: str, seed: int) -> None:
    """Run schemathesis once.

    That what is allowed is accepted cannot be asked for: few strings are images.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
    options = ["--max-examples", str(EXAMPLES), "--seed", str(seed), "--workers", "1"]
    checks = ["--exclude-checks=positive_data_acceptance", "--continue-on-failure", "--no-color"]
    with tempfile.TemporaryDirectory() as folder:  # it leaves files where it runs
        subprocess.run([*command, *options, *checks, "--phases=fuzzing"], check=True, cwd=folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run rounds until the time is over."""
    parser = argparse.ArgumentParser(description="Send made-up requests to a service.")
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    end = time.monotonic() + options.seconds
    rounds = 0
    with PaddleOCR(cpu_threads=2, **SWITCHES_OFF) as ocr, running(lambda: ocr) as service:
        while time.monotonic() < end:
            round_of_requests(service.url, options.seed + rounds)
            rounds += 1
    print(f"{rounds} rounds without a finding")


if __name__ == "__main__":
    main()
