"""Sends made-up requests to a service on the loopback interface, for some time.

    python -m tests.fuzz.service --seconds 3600 --seed 7

Needs the extra ``test``. The service's own description says what is sent: what it allows and what
it forbids. A failure is told with a request that shows it; the same seed begins with the same
requests.

Read the request before you believe "Schema-violating request accepted": an empty array in a form is
no field at all, so that what was sent may be allowed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import SWITCHES_OFF

# The service itself gives up after 120 seconds; one that says nothing for longer hangs.
REQUEST_SECONDS = 150
END_SECONDS = 300  # for the request at hand, and for making a failure's request smaller
# What a request of a wrong form may be answered: the tool's own list, and 408, for a request that
# allows so little time that it is over before its form is looked at.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 408, 409, 415, 422, 428, 429, "5xx"]
"""


def schemathesis(
    url: str, *arguments: str, seconds: float = 0.0
) -> subprocess.CompletedProcess[str]:
    """Runs schemathesis against a service that listens; `seconds` is how long it may send."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
    # That what is allowed is accepted cannot be asked for: few strings are images, or Base64 of
    # them, so that good requests are answered 422 as well.
    options = [
        "--exclude-checks=positive_data_acceptance",
        "--workers=1",
        "--no-color",
        "--continue-on-failure",
    ]
    with tempfile.TemporaryDirectory() as folder:  # it leaves files where it runs
        Path(folder, "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
        return subprocess.run(
            [*command, *options, f"--request-timeout={REQUEST_SECONDS}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=seconds + END_SECONDS,
            check=False,
            cwd=folder,
        )


def fuzz(url: str, seconds: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Runs schemathesis for some time."""
    limits = [f"--max-time={seconds}", f"--seed={seed}", "--phases=fuzzing"]
    return schemathesis(url, *limits, seconds=seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a service and send requests to it; the exit status is that of schemathesis."""
    parser = argparse.ArgumentParser(description="Send made-up requests to the service.")
    parser.add_argument("--seconds", type=int, required=True, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="of the requests")
    options = parser.parse_args(arguments)

    from fastocr import PaddleOCR
    from tests.python.serving.conftest import running

    with running(lambda: PaddleOCR(**SWITCHES_OFF)) as service:
        done = fuzz(service.url, options.seconds, options.seed)
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
