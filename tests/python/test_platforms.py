"""What other systems than Linux lack is not needed there, or its options say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fastocr.serving
from fastocr import _core
from fastocr.errors import EngineUnavailableError, UnsupportedOptionError
from tests.conftest import MakeOCR, RunPython

# Takes away what Windows does not have, when the packages for this system are loaded.
WINDOWS = """
import os, signal, sys
import cv2, numpy, PIL.Image, PIL.ImageDraw, PIL.ImageFont, pypdfium2, yaml

MODULES = ["fcntl", "grp", "posix_ipc", "pty", "pwd", "resource", "syslog", "termios", "tty"]

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in MODULES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
for name in ("fchmod", "fchown", "fork", "forkpty", "getpgid", "geteuid", "getuid", "killpg",
             "register_at_fork", "sched_getaffinity", "sched_setaffinity", "setsid", "uname"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGPIPE", "pthread_kill", "pthread_sigmask", "sigwait"):
    delattr(signal, name)
sys.platform = "win32"
"""
READ = """
import fastocr.cli
from fastocr import PaddleOCR
page, pdf, folder = sys.argv[1:]
ocr = PaddleOCR()
(result,) = ocr.predict(page)
result.save_to_img(folder)
result.save_to_json(folder)
print(*result["rec_texts"], sep="|")
print(len(list(ocr.predict(pdf))), len(os.listdir(folder)))
print(fastocr.cli.main(["ocr", "-i", page, "--save_path", folder]))
"""


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes fastocr take this system for another one."""

    def pretend(system: str) -> None:
        monkeypatch.setattr("fastocr.platforms.sys", SimpleNamespace(platform=system))

    return pretend


def test_pages_are_read_as_on_windows(
    run_python: RunPython, pages_dir: Path, tmp_path: Path
) -> None:
    from PIL import Image

    page = pages_dir / "noise_background.png"
    pdf = tmp_path / "page.pdf"
    Image.open(page).convert("RGB").save(pdf)
    folder = tmp_path / "out"
    folder.mkdir()
    done = run_python("-c", WINDOWS + READ, page, pdf, folder)
    assert done.returncode == 0, done.stderr
    first, second, *_, last = done.stdout.splitlines()
    assert first.startswith("Bus ticket, zone 3|valid until 23:59|")
    assert second.startswith("1 ")
    assert last == "0"


@pytest.mark.parametrize(
    ("system", "option", "where"),
    [
        ("win32", {"pdf_timeout": 5}, "`pdf_timeout` works on Linux and macOS only"),
        ("win32", {"pdf_memory": 2**30}, "`pdf_memory` works on Linux only"),
        ("darwin", {"pdf_memory": 2**30}, "`pdf_memory` works on Linux only"),
    ],
)
def test_limits_of_pdfs(
    on: Callable[[str], None], make_ocr: MakeOCR, system: str, option: dict[str, Any], where: str
) -> None:
    on(system)
    with pytest.raises(UnsupportedOptionError, match=f"{where}: leave it out"):
        make_ocr(**option)


def test_limits_of_pdfs_that_macos_has(on: Callable[[str], None], make_ocr: MakeOCR) -> None:
    on("darwin")
    make_ocr(pdf_timeout=5)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_the_service(on: Callable[[str], None], system: str) -> None:
    on(system)
    for name in ("create_app", "run"):
        with pytest.raises(UnsupportedOptionError, match=r"the HTTP service works on Linux only"):
            getattr(fastocr.serving, name)


def test_an_engine_that_the_build_lacks(monkeypatch: pytest.MonkeyPatch, make_ocr: MakeOCR) -> None:
    assert _core.engine_requirements("paddle").missing == ""
    lacking = SimpleNamespace(package="paddle", missing="it is made for Linux on x86-64 only")
    monkeypatch.setattr(_core, "engine_requirements", lambda _: lacking)
    expected = (
        rf"engine 'paddle' is not part of fastocr for {_core.TARGET}: it is made for Linux on "
        r"x86-64 only; use engine='native' or engine='openvino'"
    )
    with pytest.raises(EngineUnavailableError, match=expected):
        make_ocr(engine="paddle")
