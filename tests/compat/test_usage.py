"""The usage examples of PaddleOCR's documentation, with the name of the package changed only."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml

from fastocr.model_store import find_model

HERE = Path(__file__).parent
PAGE = HERE.parent / "data" / "pages" / "english.png"
EXAMPLES = sorted((HERE / "examples").glob("*.py"))
COMMANDS = [
    line for line in (HERE / "commands.txt").read_text().splitlines() if line and line[0] != "#"
]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with the files that the examples name, under those names."""
    shutil.copy(PAGE, tmp_path / "general_ocr_002.png")
    (tmp_path / "folder").mkdir()
    shutil.copy(PAGE, tmp_path / "folder" / "page.png")
    page = cv2.imread(str(PAGE))
    line = find_line(page)
    cv2.imwrite(str(tmp_path / "general_ocr_rec_001.png"), line)
    own = tmp_path / "your_det_model_path"
    own.mkdir()
    (own / "inference.onnx").symlink_to(find_model("PP-OCRv5_mobile_det").paths[0])
    (own / "inference.yml").write_text(
        yaml.safe_dump({"Global": {"model_name": "PP-OCRv5_mobile_det"}})
    )
    return tmp_path


def find_line(page: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return the first line of a page."""
    from fastocr import PaddleOCR

    switches = ("use_doc_orientation_classify", "use_doc_unwarping", "use_textline_orientation")
    with PaddleOCR(**dict.fromkeys(switches, False)) as ocr:
        left, top, right, bottom = ocr.predict(page)[0]["rec_boxes"][0]
    return page[top:bottom, left:right]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FASTOCR_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example: Path, workplace: Path) -> None:
    text = example.read_text()
    assert "from paddleocr import " in text
    script = workplace / example.name
    script.write_text(text.replace("from paddleocr import ", "from fastocr import "))
    # Deprecated names warn, as PaddleOCR's do; nothing else may.
    done = run(
        [sys.executable, "-W", "error", "-W", "default::DeprecationWarning", script], workplace
    )
    assert done.stdout.strip()
    assert ("DeprecationWarning" in done.stderr) == (example.stem == "version_2")


def test_what_the_first_example_saves(workplace: Path) -> None:
    text = (HERE / "examples" / "predict.py").read_text()
    script = workplace / "script.py"
    script.write_text(text.replace("from paddleocr import ", "from fastocr import "))
    run([sys.executable, script], workplace)
    assert sorted(path.name for path in (workplace / "output").iterdir()) == [
        "general_ocr_002_ocr_res_img.png",
        "general_ocr_002_res.json",
    ]


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line: str, workplace: Path) -> None:
    command, _, files = line.partition(" -> ")
    program, *arguments = shlex.split(command)
    assert program == "paddleocr"
    done = run([sys.executable, "-W", "error", "-m", "fastocr", *arguments], workplace)
    assert done.stdout.strip()
    for file in files.split():
        assert (workplace / file).is_file()
