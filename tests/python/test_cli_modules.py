"""The commands of single modules and of document preprocessing, with stand-ins for the classes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastocr
from fastocr import cli
from fastocr.cli import doc_preprocessor, modules
from fastocr.cli.options import Option
from fastocr.cli.prediction import Prediction
from fastocr.errors import FastOCRError, InputNotFoundError, ModelNotFoundError

COMMANDS = {command.name: command for command in (doc_preprocessor.COMMAND, *modules.COMMANDS)}

SETTINGS = {"use_doc_orientation_classify": True, "use_doc_unwarping": True}
PIXELS = np.zeros((40, 30, 3), np.uint8)
# What each command predicts, and the line of it in the text format.
RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "doc_preprocessor": (
        {"angle": 90, "model_settings": SETTINGS, "output_img": PIXELS},
        "angle 90, unwarped, 30 x 40 pixels",
    ),
    "text_detection": (
        {
            "dt_polys": np.array([[[1, 2], [30, 2], [30, 9], [1, 9]]], np.int16),
            "dt_scores": [0.87654],
        },
        "0.877 1,2 30,2 30,9 1,9",
    ),
    "text_recognition": ({"rec_text": "植物园 7", "rec_score": 0.99}, "植物园 7"),
    "textline_orientation_classification": (
        {
            "class_ids": np.array([1], np.int32),
            "scores": np.array([0.98765], np.float32),
            "label_names": ["180_degree"],
        },
        "180_degree 0.988",
    ),
    "doc_img_orientation_classification": (
        {
            "class_ids": np.array([2, 0], np.int32),
            "scores": np.array([0.75, 0.25], np.float32),
            "label_names": ["180", "0"],
        },
        "180 0.750 0 0.250",
    ),
    "text_image_unwarping": ({"doctr_img": PIXELS}, "30 x 40 pixels"),
}


class FakeResult(dict[str, Any]):
    ok = True
    error: FastOCRError | None = None

    @property
    def json(self) -> dict[str, Any]:
        return {"res": {"input_path": self["input_path"], "page_index": self["page_index"]}}

    def save_all(self, save_path: str) -> None:
        Path(save_path, f"{Path(self['input_path']).stem}.saved").touch()


class Fake:
    """Records its arguments; inputs that are named "missing" fail."""

    arguments: dict[str, Any] | None
    content: dict[str, Any]

    def __init__(self, **arguments: Any) -> None:
        type(self).arguments = arguments

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def predict_iter(self, inputs: Sequence[str]) -> Iterator[FakeResult]:
        for path in inputs:
            index = 4 if path.endswith(".pdf") else None
            result = FakeResult(input_path=path, page_index=index, **self.content)
            if path == "missing":
                result = FakeResult(input_path=path, page_index=None)
                result.ok, result.error = False, InputNotFoundError(f"{path}: no such file")
            yield result


@pytest.fixture(params=COMMANDS.values(), ids=COMMANDS.keys())
def command(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Prediction:
    """One command after the other, with a stand-in for its class."""
    chosen: Prediction = request.param
    use_fake(chosen, monkeypatch)
    return chosen


def use_fake(command: Prediction, monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    fake = type("Fake", (Fake,), {"arguments": None, "content": RESULTS[command.name][0]})
    monkeypatch.setattr(fastocr, command.predictor, fake, raising=False)
    return fake


def fake_of(command: Prediction) -> type[Fake]:
    fake: type[Fake] = getattr(fastocr, command.predictor)
    return fake


# --- options --------------------------------------------------------------------------------------

# Of PaddleOCR's commands, apart from `-i` and `--save_path`.
ENGINE = (
    "device engine enable_hpi use_tensorrt precision enable_mkldnn mkldnn_cache_capacity "
    "cpu_threads enable_cinn "
)
MODEL = "model_name model_dir " + ENGINE
REFERENCE_OPTIONS = {
    "doc_preprocessor": "doc_orientation_classify_model_name doc_orientation_classify_model_dir "
    "doc_unwarping_model_name doc_unwarping_model_dir use_doc_orientation_classify "
    "use_doc_unwarping paddlex_config " + ENGINE,
    "text_detection": "limit_side_len limit_type thresh box_thresh unclip_ratio input_shape "
    + MODEL,
    "text_recognition": "input_shape " + MODEL,
    "textline_orientation_classification": "topk " + MODEL,
    "doc_img_orientation_classification": "topk " + MODEL,
    "text_image_unwarping": MODEL,
}
OWN_OPTIONS = """
min_subgraph_size engine_config recursive pdf_pages pdf_scale pdf_password max_pixels allow_urls
allow_private_urls url_timeout max_url_bytes pdf_timeout pdf_memory max_pages
"""

VALUES: dict[str, tuple[list[str], Any]] = {
    "string": (["x y"], "x y"),
    "path": (["some/dir"], "some/dir"),
    "file": (["OCR.yaml"], "OCR.yaml"),
    "int": (["-7"], -7),
    "float": (["0.25"], 0.25),
    "bool": (["no"], False),
    "json": (['{"NUM_STREAMS": 2}'], {"NUM_STREAMS": 2}),
    "3 ints": (["3", "48", "320"], (3, 48, 320)),
}


def options_of(command: Prediction) -> list[Option]:
    return [option for options in command.options.values() for option in options]


def test_the_commands_are_those_of_paddleocr() -> None:
    assert {command.name: command.predictor for command in COMMANDS.values()} == {
        "doc_preprocessor": "DocPreprocessor",
        "text_detection": "TextDetection",
        "text_recognition": "TextRecognition",
        "textline_orientation_classification": "TextLineOrientationClassification",
        "doc_img_orientation_classification": "DocImgOrientationClassification",
        "text_image_unwarping": "TextImageUnwarping",
    }


def test_the_options_are_those_of_paddleocr_and_a_few_more(command: Prediction) -> None:
    names = [option.name for option in options_of(command)]
    assert len(names) == len(set(names))
    assert set(names) == {*REFERENCE_OPTIONS[command.name].split(), *OWN_OPTIONS.split()}


def test_only_given_options_are_passed_on(command: Prediction) -> None:
    assert cli.main([command.name, "-i", "a.png"]) == 0
    assert fake_of(command).arguments == {}


@pytest.mark.parametrize(
    ("command", "option"),
    [
        pytest.param(command, option, id=f"{command.name}-{option.name}")
        for command in COMMANDS.values()
        for option in options_of(command)
    ],
    indirect=["command"],
)
def test_every_option_reaches_the_constructor(command: Prediction, option: Option) -> None:
    words, value = VALUES[option.type]
    assert cli.main([command.name, "-i", "a.png", f"--{option.name}", *words]) == 0
    assert fake_of(command).arguments == {option.name: value}


def test_help_explains_every_option(
    command: Prediction, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main([command.name, "--help"]) == 0
    out = capsys.readouterr().out
    for option in options_of(command):
        assert f"\n  --{option.name} " in out
    text = " ".join(out.split())
    assert command.description in text
    assert f"text: {command.text}, " in text


# --- output ---------------------------------------------------------------------------------------


def test_text_of_one_page(command: Prediction, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command.name, "-i", "a.png"]) == 0
    out, err = capsys.readouterr()
    assert out == RESULTS[command.name][1] + "\n"
    assert err.startswith("Processed item 0 in ")


def test_text_of_several_pages(command: Prediction, capsys: pytest.CaptureFixture[str]) -> None:
    line = RESULTS[command.name][1]
    assert cli.main([command.name, "-i", "a.png", "missing", "b.pdf"]) == 1
    out, err = capsys.readouterr()
    if command.single_line:
        assert out == f"a.png: {line}\nb.pdf page 4: {line}\n"
    else:
        assert out == f"== a.png ==\n{line}\n\n== b.pdf page 4 ==\n{line}\n"
    assert "fastocr: error: missing: no such file\n" in err


def test_json(command: Prediction, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command.name, "-i", "a.png", "b.pdf", "--format", "json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"res": {"input_path": "a.png", "page_index": None}}
    assert second == {"res": {"input_path": "b.pdf", "page_index": 4}}


def test_results_are_saved(command: Prediction, tmp_path: Path) -> None:
    assert cli.main([command.name, "-i", "a.png", "b.png", "--save_path", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.saved", "b.saved"]


def test_a_page_without_text_has_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = use_fake(COMMANDS["text_detection"], monkeypatch)
    fake.content = {"dt_polys": np.zeros((0, 4, 2), np.int16), "dt_scores": []}
    assert cli.main(["text_detection", "-i", "a.png"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("classify", "unwarp", "line"),
    [
        (True, False, "angle 270, 30 x 40 pixels"),
        (False, True, "unwarped, 30 x 40 pixels"),
        (False, False, "30 x 40 pixels"),
    ],
)
def test_preprocessing_tells_what_was_done(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    classify: bool,
    unwarp: bool,
    line: str,
) -> None:
    fake = use_fake(doc_preprocessor.COMMAND, monkeypatch)
    fake.content = {
        "angle": 270 if classify else -1,
        "model_settings": {"use_doc_orientation_classify": classify, "use_doc_unwarping": unwarp},
        "output_img": PIXELS,
    }
    assert cli.main(["doc_preprocessor", "-i", "a.png"]) == 0
    assert capsys.readouterr().out == line + "\n"


def test_a_missing_model_is_reported(
    command: Prediction, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: Any) -> None:
        raise ModelNotFoundError("no model NAME")

    monkeypatch.setattr(fastocr, command.predictor, fail)
    assert cli.main([command.name, "-i", "a.png"]) == 1
    assert capsys.readouterr().err == "fastocr: error: no model NAME\n"
