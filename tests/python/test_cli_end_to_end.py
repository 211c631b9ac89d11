"""``python -m fastocr`` as a process of its own, with the real models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

import fastocr.modules
from fastocr import PaddleOCR
from fastocr.cli import modules
from fastocr.cli.ocr import COMMAND
from fastocr.cli.options import INPUTS
from fastocr.inputs import InputOptions
from fastocr.options import PageOptions
from fastocr.pipeline_config import SECTIONS, SWITCHES, default_config, lookup

RunCLI = Callable[..., "subprocess.CompletedProcess[str]"]

OPTIONS = (
    "--cpu_threads", "2",
    "--use_doc_orientation_classify", "false",
    "--use_doc_unwarping", "false",
    "--use_textline_orientation", "false",
)  # fmt: skip


@pytest.fixture
def run_cli(run_python: Callable[..., subprocess.CompletedProcess[str]]) -> RunCLI:
    """Runs ``fastocr ocr`` on two threads with the switches off, without downloads."""

    def run(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        env = {"FASTOCR_OFFLINE": "1", **env}
        return run_python("-m", "fastocr", "ocr", *OPTIONS, *arguments, env=env)

    return run


@pytest.fixture(scope="module")
def page(pages_dir: Path) -> Path:
    """A page with lines in two scripts."""
    return pages_dir / "noise_background.png"


def test_text_equals_that_of_predict(run_cli: RunCLI, page: Path, ocr: PaddleOCR) -> None:
    """In UTF-8, whatever the locale says."""
    done = run_cli("-i", page, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ocr.predict(page)[0]["rec_texts"]
    assert "Processed item 0" in done.stderr


def test_quiet_success_says_nothing_else(run_cli: RunCLI, pages_dir: Path) -> None:
    done = run_cli("-q", "-i", pages_dir / "blank.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_lines(run_cli: RunCLI, page: Path, tmp_path: Path, ocr: PaddleOCR) -> None:
    """One line for each page, failed ones included, which make the exit status 1."""
    missing = tmp_path / "missing.png"
    done = run_cli("-i", page, missing, "--format", "json")
    assert done.returncode == 1
    assert str(missing) in done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == ocr.predict(page)[0].json
    assert second["res"]["input_path"] == str(missing)
    assert "no such file" in second["res"]["error"]


def test_saved_files(run_cli: RunCLI, page: Path, tmp_path: Path, ocr: PaddleOCR) -> None:
    folder = tmp_path / "new" / "results"
    done = run_cli("-q", "-i", page, "--save_path", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == [
        "noise_background_ocr_res_img.png",
        "noise_background_res.json",
    ]
    saved = json.loads((folder / "noise_background_res.json").read_text(encoding="utf-8"))
    assert saved == ocr.predict(page)[0].json["res"]
    with Image.open(folder / "noise_background_ocr_res_img.png") as picture:
        assert picture.size == (2 * 420, 230)


def test_options_reach_the_pipeline(run_cli: RunCLI, page: Path) -> None:
    done = run_cli(
        "-q", "-i", page, "--format", "json", "--text_rec_score_thresh", "2",
        "--text_det_input_shape", "3", "256", "448", "--det_db_thresh", "0.2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)["res"]
    assert len(content["dt_polys"]) == 4
    assert content["rec_texts"] == []
    assert content["text_det_params"]["thresh"] == 0.2
    assert "`det_db_thresh` is deprecated" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-i", "missing.png"], 1, "missing.png"),
        (["-i", "x.png", "--text_detection_model_dir", "nowhere"], 1, "inference.yml"),
        (["-i", "x.png", "--text_det_limit_type", "median"], 2, "text_det_limit_type='median'"),
        (["-i", "x.png", "--text_detection_model_name", "PP-OCRv9"], 1, "PP-OCRv9"),
        (["-i", "x.png", "--device", "tpu"], 2, "device='tpu'"),
        (["-i", "x.png", "--no_such_option", "1"], 2, "no_such_option"),
        ([], 2, "-i"),
    ],
)
def test_errors(run_cli: RunCLI, arguments: list[str], status: int, message: str) -> None:
    """A message, never a traceback; nothing on standard output."""
    done = run_cli(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_console_script(page: Path, tmp_path: Path) -> None:
    """The installed program, in the folder of the page."""
    program = shutil.which("fastocr", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("the console script is not beside this Python")
    environment = {k: v for k, v in os.environ.items() if k != "FASTOCR_FORCE_ISA"}
    done = subprocess.run(
        [program, "--version"],
        capture_output=True, encoding="utf-8", check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"fastocr {fastocr.__version__}"


def test_help_tells_the_true_defaults() -> None:
    """The command line has a table of its own, so that its help needs no pipeline."""
    options = [option for group in COMMAND.options.values() for option in group]
    told = {option.name: option.default for option in options}
    # A switch that is left out depends on the models that are found.
    defaults = {
        field.name: getattr(PageOptions(), field.name)
        for field in fields(PageOptions)
        if field.name in told and field.name not in SWITCHES
    }
    assert len(defaults) > 10
    wrong = {
        name: (told[name], value)
        for name, value in defaults.items()
        if told[name].lower() != ("not fixed" if value is None else str(value).lower())
    }
    assert wrong == {}


def test_help_tells_the_default_models() -> None:
    """Also that of each single module."""
    config = default_config()
    told = {option.name: option.default for group in COMMAND.options.values() for option in group}
    for role, section in SECTIONS.items():
        name = lookup(config, f"{section}.model_name")
        assert told[f"{role}_model_name"] in (name, "by --lang and --ocr_version")
    for command in modules.COMMANDS:
        told = {
            option.name: option.default for group in command.options.values() for option in group
        }
        assert told["model_name"] == getattr(fastocr.modules, command.predictor)._default_model


def test_options_for_inputs() -> None:
    """Their names, and the defaults that the help tells."""
    told = {option.name: option.default for option in INPUTS["inputs"]}
    unset = {"pdf_pages": "all", "pdf_scale": "2", "pdf_password": "none"}
    assert told == {
        field.name: unset.get(
            field.name,
            f"{field.default:g}"
            if isinstance(field.default, float)
            else str(field.default).lower(),
        )
        for field in fields(InputOptions)
    }
