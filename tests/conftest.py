"""What tests of several folders share: one loaded pipeline, the rendered pages, fresh processes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fastocr import PaddleOCR

_caches = tempfile.TemporaryDirectory(prefix="fastocr-test-")
ROOT = Path(__file__).resolve().parents[1]
# None stands for True in the reference, so that leaving them out is worth a log message.
SWITCHES_OFF: dict[str, Any] = {
    "use_doc_orientation_classify": False,
    "use_doc_unwarping": False,
    "use_textline_orientation": False,
}

# Tests look for models in packages and in folders of their own, whatever this user has.
os.environ["FASTOCR_OFFLINE"] = "1"
os.environ["FASTOCR_CACHE_HOME"] = os.environ["PADDLE_PDX_CACHE_HOME"] = _caches.name

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


@pytest.fixture(scope="session")
def more_models() -> Path:
    """A folder with directories of official models that are no part of the installation.

    The environment variable FASTOCR_TEST_MODELS names it; the default is `../shared/models` beside
    the checkout.
    """
    folder = Path(os.environ.get("FASTOCR_TEST_MODELS") or ROOT.parent / "shared" / "models")
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set FASTOCR_TEST_MODELS to one with official models")
    return folder


@pytest.fixture
def hide_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `importlib.util.find_spec` find nothing under a name."""
    find_spec = importlib.util.find_spec

    def hide(hidden: str) -> None:
        def find(name: str, package: str | None = None) -> Any:
            return None if name == hidden else find_spec(name, package)

        monkeypatch.setattr("importlib.util.find_spec", find)

    return hide


@dataclass(frozen=True)
class Networks:
    """Small networks in Paddle's forms: `folder` / form / role is an official model directory.

    The form is ``json`` or ``pdmodel``, the role ``detection`` or ``recognition``. In `page` they
    find two dark bars, and read `texts`: the bar, nothing in the white around it, and the padding
    of the line, which is darker than white.
    """

    folder: Path
    page: np.ndarray
    texts: tuple[str, ...] = ("dd", "dd")

    def options(self, form: str) -> dict[str, Any]:
        """Return the constructor's arguments for both."""
        return {
            f"text_{role}_model_dir": self.folder / form / role
            for role in ("detection", "recognition")
        }


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    """Made by PaddlePaddle in a process of its own; without it the tests are skipped."""
    if importlib.util.find_spec("paddle") is None:
        pytest.skip("paddlepaddle is not installed: pip install '.[paddle]'")
    folder = tmp_path_factory.mktemp("paddle")
    script = ROOT / "tests" / "data" / "make_paddle_networks.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True, timeout=300)
    configs: dict[str, dict[str, Any]] = {
        "detection": {"Global": {"model_name": "PP-OCRv5_mobile_det"}},
        "recognition": {
            "Global": {"model_name": "PP-OCRv5_mobile_rec"},
            "PostProcess": {"character_dict": ["d", "e"]},
        },
    }
    for form in ("json", "pdmodel"):
        for role, config in configs.items():
            file = folder / form / role / "inference.yml"
            file.write_text(yaml.safe_dump(config), encoding="utf-8")
    page = np.full((160, 320, 3), 255, np.uint8)
    page[20:50, 40:200] = 0
    page[90:120, 60:280] = 0
    return Networks(folder, page)


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
