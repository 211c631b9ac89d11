"""What tests of several folders share: one loaded pipeline, the rendered pages, fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastocr import PaddleOCR

ROOT = Path(__file__).resolve().parents[1]
# None stands for True in the reference, so that leaving them out is worth a log message.
SWITCHES_OFF: dict[str, Any] = {
    "use_doc_orientation_classify": False,
    "use_doc_unwarping": False,
    "use_textline_orientation": False,
}

MakeOCR = Callable[..., PaddleOCR]
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def make_ocr() -> MakeOCR:
    """Makes a pipeline with the switches off, on two threads unless told otherwise."""

    def make(**options: Any) -> PaddleOCR:
        return PaddleOCR(**{"cpu_threads": 2, **SWITCHES_OFF, **options})

    return make


@pytest.fixture(scope="session")
def ocr(make_ocr: MakeOCR) -> PaddleOCR:
    """One pipeline with default settings for all tests; tests do not change it."""
    return make_ocr()


@pytest.fixture(scope="session")
def pages_dir() -> Path:
    """The rendered pages of `tests/data/make_pages.py`."""
    return ROOT / "tests" / "data" / "pages"


@pytest.fixture(scope="session")
def real_images() -> Path:
    """A folder with photographs in `images/` and their texts in `gt/`.

    The photographs are not part of the repository. The environment variable FASTOCR_TEST_DATA names
    the folder; the default is `../shared/data` beside the checkout.
    """
    folder = Path(os.environ.get("FASTOCR_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not ((folder / "images").is_dir() and (folder / "gt").is_dir()):
        pytest.skip(f"no images/ and gt/ in {folder}: set FASTOCR_TEST_DATA to a folder with both")
    return folder


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Runs this Python in a process of its own, away from the source tree.

    The environment is this process's, with the changes of `env`, without forced instruction sets.
    """

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if k != "FASTOCR_FORCE_ISA"}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            cwd=tmp_path,
            env={**inherited, **(env or {})},
        )

    return run
