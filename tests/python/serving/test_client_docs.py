"""The examples of docs/serving-client.md, word for word; and the files for deployment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.python.serving.conftest import LONG, Running

ROOT = Path(__file__).parents[3]
ADDRESS = "127.0.0.1:8080"

_PAGE = (ROOT / "docs" / "serving-client.md").read_text(encoding="utf-8")
# An example, and what it prints, if that stands right behind it.
_EXAMPLE = re.compile(r"^```(bash|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)

Run = Callable[[str], str]


def examples(language: str) -> list[tuple[str, str]]:
    found = [(m[2], m[3] or "") for m in _EXAMPLE.finditer(_PAGE) if m[1] == language]
    return [example for example in found if not example[0].startswith("pip install")]


def check(example: str, printed: str, expected: str) -> None:
    """Fails unless an example has printed what the page says; dots stand for anything."""
    pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
    plain = printed.replace("\r", "").strip()
    assert re.fullmatch(pattern, plain, re.S), f"{example}\nprints\n{plain}\nnot\n{expected}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pages_dir: Path) -> Path:
    """A folder with the files that the examples read."""
    path = tmp_path_factory.mktemp("clone")
    (path / "docs" / "images").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "images" / "sample.png", path / "docs" / "images")
    pages = [Image.open(pages_dir / f"{name}.png") for name in ("table", "chinese", "vertical")]
    pages[0].save(path / "scan.pdf", save_all=True, append_images=pages[1:])
    for page in pages:
        page.close()
    return path


def run(folder: Path, *command: str, **env: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        encoding="utf-8",
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_examples_are_found() -> None:
    assert all("curl" in example for example, _ in examples("bash"))
    assert all("import" in example for example, _ in examples("python"))
    assert (len(examples("bash")), len(examples("python"))) == (9, 4)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are needed: install both"
)
def test_curl_examples(service: Running, folder: Path) -> None:
    """In one folder and in order, at a service that the examples take for that of port 8080."""
    shell = ["bash", "-euo", "pipefail", "-c"]
    # curl's own means to send the connections of an address somewhere else.
    port = service.url.rpartition(":")[2]
    (folder / ".curlrc").write_text(f'connect-to = "{ADDRESS}:127.0.0.1:{port}"\n')
    env = {"CURL_HOME": str(folder), "FASTOCR_API_KEY": "secret", "NO_PROXY": "*"}
    for example, expected in examples("bash"):
        check(example, run(folder, *shell, example, **env), expected)
    assert (folder / "ocr.jpg").read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(("example", "expected"), examples("python"))
def test_python_examples(service: Running, folder: Path, example: str, expected: str) -> None:
    at_port = example.replace(f"http://{ADDRESS}", service.url)
    assert at_port != example
    env = {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": os.pathsep.join(sys.path)}
    check(example, run(folder, sys.executable, "-c", at_port, **env), expected)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_unit_of_systemd(tmp_path: Path) -> None:
    source = (ROOT / "docs" / "deploy" / "fastocr.service").read_text(encoding="utf-8")
    unit = tmp_path / "fastocr.service"
    program = "/opt/fastocr/bin/fastocr"
    assert program in source
    unit.write_text(source.replace(program, sys.executable), encoding="utf-8")
    assert run(tmp_path, "systemd-analyze", "verify", str(unit)) == ""
