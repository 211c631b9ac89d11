"""The command line with a stand-in for `PaddleOCR`, which makes the cases fast and exact."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr import cli, doctor
from fastocr.cli import ocr as ocr_command
from fastocr.errors import (
    EngineUnavailableError,
    FastOCRError,
    InputNotFoundError,
    InvalidOptionError,
    ModelNotFoundError,
    UnsupportedOptionError,
)


class FakeResult(dict[str, Any]):
    ok = True
    error: FastOCRError | None = None

    @property
    def json(self) -> dict[str, Any]:
        return {"res": dict(self)}

    def print(self, json_format: bool = False) -> None:
        print(repr({"res": dict(self)}))

    def save_all(self, save_path: str) -> None:
        with Path(save_path, "saved.txt").open("a", encoding="utf-8") as file:
            file.write(f"{self['input_path']} {self['page_index']}\n")


class FakeFailure(FakeResult):
    ok = False

    def __init__(self, path: str, index: int | None, error: FastOCRError) -> None:
        super().__init__(input_path=path, page_index=index, error=str(error))
        self.error = error


def result(path: str, *texts: str, page: int | None = None) -> FakeResult:
    return FakeResult(input_path=path, page_index=page, rec_texts=list(texts))


class FakeOCR:
    """Records its arguments; `pages` says what each input path gives, `broken` what is raised."""

    pages: dict[str, list[FakeResult]]
    broken: BaseException | None
    arguments: dict[str, Any] | None
    inputs: Sequence[str] | None
    closed: bool
    at_start: Callable[[], None]

    def __init__(self, **arguments: Any) -> None:
        type(self).arguments = arguments
        type(self).at_start()

    def __enter__(self) -> FakeOCR:
        return self

    def __exit__(self, *_: object) -> None:
        type(self).closed = True

    def predict_iter(self, inputs: Sequence[str]) -> Iterator[FakeResult]:
        type(self).inputs = inputs
        for path in inputs:
            yield from self.pages.get(path) or [result(path, f"text of {path}")]
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def ocr(monkeypatch: pytest.MonkeyPatch) -> type[FakeOCR]:
    class Fake(FakeOCR):
        broken = None
        arguments = None
        inputs = None
        closed = False
        at_start = staticmethod(lambda: None)

    Fake.pages = {}
    monkeypatch.setattr(fastocr, "PaddleOCR", Fake, raising=False)
    return Fake


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return staticmethod(fail)


# --- arguments ------------------------------------------------------------------------------------


def test_only_given_options_are_passed_on(ocr: type[FakeOCR]) -> None:
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    assert ocr.arguments == {}
    assert ocr.inputs == ["a.png"]


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
OPTIONS = [option for group in ocr_command.COMMAND.options.values() for option in group]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_reaches_the_constructor(ocr: type[FakeOCR], option: Any) -> None:
    words, value = VALUES[option.type]
    assert cli.main(["ocr", "-i", "a.png", f"--{option.name}", *words]) == 0
    assert ocr.arguments == {option.name: value}
    assert type(ocr.arguments[option.name]) is type(value)


REFERENCE_OPTIONS = """
doc_orientation_classify_model_name doc_orientation_classify_model_dir doc_unwarping_model_name
doc_unwarping_model_dir text_detection_model_name text_detection_model_dir
textline_orientation_model_name textline_orientation_model_dir textline_orientation_batch_size
text_recognition_model_name text_recognition_model_dir text_recognition_batch_size
use_doc_orientation_classify use_doc_unwarping use_textline_orientation text_det_limit_side_len
text_det_limit_type text_det_thresh text_det_box_thresh text_det_unclip_ratio text_det_input_shape
text_rec_score_thresh return_word_box text_rec_input_shape lang ocr_version det_model_dir
det_limit_side_len det_limit_type det_db_thresh det_db_box_thresh det_db_unclip_ratio rec_model_dir
rec_batch_num use_angle_cls cls_model_dir cls_batch_num device engine enable_hpi use_tensorrt
precision enable_mkldnn mkldnn_cache_capacity cpu_threads enable_cinn paddlex_config
"""
# PaddleOCR 3.0 has the first one; PaddleOCR sets the second in YAML only.
OWN_OPTIONS = """
min_subgraph_size engine_config coordinates recursive pdf_pages pdf_scale pdf_password max_pixels
allow_urls allow_private_urls url_timeout max_url_bytes pdf_timeout pdf_memory max_pages
"""


def test_the_options_are_those_of_paddleocr_and_a_few_more() -> None:
    names = [option.name for option in OPTIONS]
    assert len(names) == len(set(names))
    assert set(names) == {*REFERENCE_OPTIONS.split(), *OWN_OPTIONS.split()}


def test_many_options_together(ocr: type[FakeOCR]) -> None:
    words = "--lang en --text_det_thresh 0.2 --use_textline_orientation False --device gpu:0,1"
    assert cli.main(["ocr", *words.split(), "--input", "a.png", "b.png", "-i", "c.png"]) == 0
    assert ocr.inputs == ["a.png", "b.png", "c.png"]
    assert ocr.arguments == {
        "lang": "en",
        "text_det_thresh": 0.2,
        "use_textline_orientation": False,
        "device": "gpu:0,1",
    }


@pytest.mark.parametrize("word", ["true", "True", "YES", "t", "Y", "1"])
def test_words_for_true(ocr: type[FakeOCR], word: str) -> None:
    assert cli.main(["ocr", "-i", "a", "--enable_hpi", word]) == 0
    assert ocr.arguments == {"enable_hpi": True}


@pytest.mark.parametrize("word", ["false", "False", "NO", "f", "N", "0"])
def test_words_for_false(ocr: type[FakeOCR], word: str) -> None:
    assert cli.main(["ocr", "-i", "a", "--enable_hpi", word]) == 0
    assert ocr.arguments == {"enable_hpi": False}


@pytest.mark.parametrize(
    "words",
    [
        "",
        "ocr",
        "nonsense -i a",
        "ocr -i",
        "ocr -i a --no_such_option 1",
        "ocr -i a --enable_hpi maybe",
        "ocr -i a --enable_hpi 2",
        "ocr -i a --enable_hpi",
        "ocr -i a --cpu_threads many",
        "ocr -i a --engine_config {",
        "ocr -i a --engine_config [1]",
        "ocr -i a --text_det 0.3",
        "ocr -i a --text_det_thresh high",
        "ocr -i a --text_det_input_shape 3 48",
        "ocr -i a --format xml",
        "ocr -i a --quiet --verbose",
    ],
)
def test_usage_errors(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: fastocr" in err
    assert "error: " in err
    assert ocr.arguments is None


def test_wrong_boolean_is_explained(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ocr", "-i", "a", "--use_doc_unwarping", "maybe"]) == 2
    err = capsys.readouterr().err
    assert "--use_doc_unwarping" in err
    assert "expected true or false, not 'maybe'" in err


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{'a': 1}", "expected JSON, not \"{'a': 1}\""), ("[1]", "expected a JSON object, not '[1]'")],
)
def test_wrong_json_is_explained(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    assert cli.main(["ocr", "-i", "a", "--engine_config", text]) == 2
    assert f"argument --engine_config: {problem}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[" * 9999, "[" + "9" * 9999 + "]"], ids=["nested", "digits"])
def test_json_beyond_limits_is_wrong_json(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert cli.main(["ocr", "-i", "a", "--engine_config", text]) == 2
    assert "argument --engine_config: expected JSON, not " in capsys.readouterr().err


def test_a_name_that_no_file_can_have(ocr: type[FakeOCR]) -> None:
    name = "a" * 300
    assert cli.main(["ocr", "-i", name]) == 0
    assert ocr.inputs == [name]


def test_options_can_be_abbreviated(ocr: type[FakeOCR]) -> None:
    """As PaddleOCR's, which `argparse` reads too."""
    assert cli.main(["ocr", "--inp", "a.png", "--text_det_th", "0.2", "--lan", "en"]) == 0
    assert ocr.inputs == ["a.png"]
    assert ocr.arguments == {"text_det_thresh": 0.2, "lang": "en"}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.splitlines() == list(doctor.build_facts())


def test_help_explains_every_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main(["ocr", "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for title in ("input and output", "text detection", "text recognition", "models", "engine"):
        assert f"\n{title}:\n" in out
    for option in OPTIONS:
        assert re.search(rf"^  --{option.name}\b", out, re.MULTILINE)
        assert option.meaning
        assert option.default
    text = " ".join(out.split())
    assert "(float; default: 0.3)" in text
    assert "Use --text_det_thresh instead. (float; default: 0.3)" in text


# --- standard output ------------------------------------------------------------------------------


def test_text_of_one_page_has_no_header(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.pages["a.png"] = [result("a.png", "first line", "第二行")]
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    assert capsys.readouterr().out == "first line\n第二行\n"


def test_text_of_one_page_of_a_document_has_no_header(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.pages["a.pdf"] = [result("a.pdf", "line", page=0)]
    assert cli.main(["ocr", "-i", "a.pdf"]) == 0
    assert capsys.readouterr().out == "line\n"


def test_text_of_several_pages(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    ocr.pages["a.pdf"] = [
        result("a.pdf", "one", page=0),
        result("a.pdf", page=1),
        result("a.pdf", "three", page=2),
    ]
    assert cli.main(["ocr", "-i", "a.pdf"]) == 0
    assert capsys.readouterr().out == (
        "== a.pdf page 0 ==\none\n\n== a.pdf page 1 ==\n\n== a.pdf page 2 ==\nthree\n"
    )


def test_text_of_several_inputs(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ocr", "-i", "a.png", "b.png"]) == 0
    assert capsys.readouterr().out == ("== a.png ==\ntext of a.png\n\n== b.png ==\ntext of b.png\n")


def test_text_of_the_only_good_input_has_a_header(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.pages["b.png"] = [FakeFailure("b.png", None, InputNotFoundError("b.png: no such file"))]
    assert cli.main(["ocr", "-i", "a.png", "b.png"]) == 1
    assert capsys.readouterr().out == "== a.png ==\ntext of a.png\n"


def test_text_of_a_blank_page_is_empty(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.pages["a.png"] = [result("a.png")]
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    assert capsys.readouterr().out == ""


def test_json_has_one_line_per_page(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    error = InputNotFoundError("b.png: no such file")
    ocr.pages["a.png"] = [result("a.png", "é 文", "two")]
    ocr.pages["b.png"] = [FakeFailure("b.png", None, error)]
    assert cli.main(["ocr", "-i", "a.png", "b.png", "--format", "json"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "é 文" in lines[0]
    good, bad = (json.loads(line)["res"] for line in lines)
    assert good["rec_texts"] == ["é 文", "two"]
    assert bad == {"input_path": "b.png", "page_index": None, "error": "b.png: no such file"}


def test_res_prints_the_result(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ocr", "-i", "a.png", "--format", "res"]) == 0
    assert capsys.readouterr().out == repr({"res": dict(result("a.png", "text of a.png"))}) + "\n"


def test_output_is_utf8_in_any_locale(ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    ocr.pages["a.png"] = [result("a.png", "文字 é", "undecodable \udcff")]
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    assert raw.getvalue().decode("utf-8").splitlines() == ["文字 é", "undecodable \\udcff"]


def test_first_page_is_printed_even_if_the_second_breaks_the_run(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.broken = EngineUnavailableError("the engine stopped")
    assert cli.main(["ocr", "-i", "a.png"]) == 1
    out, err = capsys.readouterr()
    assert out == "text of a.png\n"
    assert "fastocr: error: the engine stopped\n" in err


def test_results_are_saved(
    ocr: type[FakeOCR], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ocr.pages["b.pdf"] = [result("b.pdf", page=0), result("b.pdf", page=1)]
    assert cli.main(["ocr", "-i", "a.png", "b.pdf", "--save_path", str(tmp_path)]) == 0
    saved = (tmp_path / "saved.txt").read_text(encoding="utf-8")
    assert saved == "a.png None\nb.pdf 0\nb.pdf 1\n"


def test_failure_to_save_is_reported(
    ocr: type[FakeOCR], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    assert cli.main(["ocr", "-i", "a.png", "--save_path", str(missing)]) == 1
    out, err = capsys.readouterr()
    assert out == "text of a.png\n"
    assert "fastocr: error: " in err
    assert str(missing) in err


# --- standard error and exit status ---------------------------------------------------------------


def test_log_and_text_are_apart(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ocr", "-i", "a.png", "b.png"]) == 0
    out, err = capsys.readouterr()
    assert "Processed" not in out
    assert re.fullmatch(r"Processed item 0 in \d+ ms\nProcessed item 1 in \d+ ms\n", err)


@pytest.mark.parametrize(
    ("option", "levels"),
    [
        ([], {"info", "warning"}),
        (["-q"], {"warning"}),
        (["--quiet"], {"warning"}),
        (["-v"], {"debug", "info", "warning"}),
        (["--verbose"], {"debug", "info", "warning"}),
    ],
)
def test_log_levels(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str], option: list[str], levels: set[str]
) -> None:
    def log() -> None:
        logger = logging.getLogger("fastocr.somewhere")
        logger.debug("a debug line")
        logger.info("an info line")
        logger.warning("a warning line")

    ocr.at_start = staticmethod(log)
    assert cli.main(["ocr", "-i", "a.png", *option]) == 0
    err = capsys.readouterr().err
    assert ("a debug line" in err) == ("debug" in levels)
    assert ("an info line" in err) == ("info" in levels)
    assert "fastocr: warning: a warning line\n" in err


def test_log_lines_appear_once(ocr: type[FakeOCR], caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    assert caplog.records == []


def test_logging_is_left_as_it_was(ocr: type[FakeOCR]) -> None:
    logger = logging.getLogger("fastocr")
    before = (logger.handlers[:], logger.level, logger.propagate, warnings.showwarning)
    assert cli.main(["ocr", "-i", "a.png", "-v"]) == 0
    assert (logger.handlers[:], logger.level, logger.propagate, warnings.showwarning) == before


def test_warnings_about_deprecated_options_are_shown(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    def warn() -> None:
        # The level that reaches the caller of the constructor.
        warnings.warn("`det_db_thresh` is deprecated", DeprecationWarning, stacklevel=3)

    ocr.at_start = staticmethod(warn)
    assert cli.main(["ocr", "-i", "a.png", "--det_db_thresh", "0.3"]) == 0
    assert "fastocr: warning: `det_db_thresh` is deprecated\n" in capsys.readouterr().err


def test_failed_input_gives_status_1_and_the_others_go_on(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    error = InputNotFoundError("b.png: no such file")
    ocr.pages["b.png"] = [FakeFailure("b.png", None, error)]
    assert cli.main(["ocr", "-i", "a.png", "b.png", "c.png"]) == 1
    out, err = capsys.readouterr()
    assert out == "== a.png ==\ntext of a.png\n\n== c.png ==\ntext of c.png\n"
    assert "fastocr: error: b.png: no such file\n" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidOptionError("lang: 'xx' is not a language"), 2),
        (UnsupportedOptionError("engine: 'paddle' is not installed"), 2),
        (ModelNotFoundError("no model PP-OCRv9"), 1),
        (EngineUnavailableError("openvino is missing"), 1),
        (ImportError("libfoo.so is missing"), 1),
    ],
)
def test_status_when_the_run_cannot_start(
    ocr: type[FakeOCR],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
) -> None:
    ocr.at_start = fail_with(error)
    assert cli.main(["ocr", "-i", "a.png"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"fastocr: error: {error}\n"


def test_programming_errors_keep_their_traceback(ocr: type[FakeOCR]) -> None:
    ocr.at_start = fail_with(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        cli.main(["ocr", "-i", "a.png"])


@pytest.mark.parametrize("broken", [None, EngineUnavailableError("stopped"), KeyboardInterrupt()])
def test_the_pipeline_is_closed(ocr: type[FakeOCR], broken: BaseException | None) -> None:
    ocr.broken = broken
    cli.main(["ocr", "-i", "a.png"])
    assert ocr.closed


def test_interruption(ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]) -> None:
    ocr.broken = KeyboardInterrupt()
    assert cli.main(["ocr", "-i", "a.png"]) == 130
    assert capsys.readouterr().out == "text of a.png\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_streams(
    ocr: type[FakeOCR],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stream: str,
) -> None:
    """What belongs to the one does not appear on the other."""
    monkeypatch.setattr(sys, stream, None)
    assert cli.main(["ocr", "-i", "a.png"]) == 0
    out, err = capsys.readouterr()
    assert ("text of" in out, "Processed" in out) == (stream == "stderr", False)
    assert ("text of" in err, "Processed" in err) == (False, stream == "stdout")


def test_broken_pipe_is_quiet() -> None:
    script = (
        "import sys, fastocr; from fastocr import cli\n"
        "class Result(dict):\n"
        "    ok = True\n"
        "class OCR:\n"
        "    def __enter__(self):\n"
        "        return self\n"
        "    def __exit__(self, *_):\n"
        "        pass\n"
        "    def predict_iter(self, inputs):\n"
        "        while True:\n"
        "            yield Result(input_path='a', page_index=None, rec_texts=['x' * 1000])\n"
        "fastocr.PaddleOCR = OCR\n"
        "sys.exit(cli.main(['ocr', '-q', '-i', 'a']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.read(100)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_python_dash_m() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "fastocr", "ocr", "--help"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.startswith("usage: fastocr ocr -i INPUT")


def test_start_loads_little() -> None:
    """What a command needs is loaded when it runs; the core needs numpy and nanobind's library."""
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from fastocr import cli\n"
        "cli.main(['ocr', '--help'])\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(loaded - set(sys.stdlib_module_names)), file=sys.stderr)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stderr.split() == ["fastocr", "nanobind_backend", "numpy"]


# --- progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(text: str) -> list[str]:
    """What stays visible on a terminal: characters after a carriage return overwrite the line."""
    lines = []
    for line in text.split("\n"):
        shown: list[str] = []
        for part in line.split("\r"):
            shown[: len(part)] = part
        lines.append("".join(shown).rstrip())
    return lines


def test_progress_on_a_terminal(ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    ocr.pages["b.pdf"] = [result("b.pdf", page=0), result("b.pdf", page=1)]
    assert cli.main(["ocr", "-i", "a.png", "b.pdf", "c.png"]) == 0
    text = terminal.getvalue()
    assert re.findall(r"(\d/3) inputs, \d+\.\d pages/s", text) == ["1/3", "1/3", "1/3", "3/3"]
    shown = screen(text)
    assert all(re.fullmatch(r"(Processed item \d in \d+ ms)?", line) for line in shown), shown


def test_progress_of_a_range_of_pages(ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch) -> None:
    """A document need not begin with page 0, and may come twice."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    ocr.pages["a.pdf"] = [result("a.pdf", page=3), result("a.pdf", page=4)]
    ocr.pages["b.pdf"] = [result("b.pdf", page=5)]
    assert cli.main(["ocr", "-i", "a.pdf", "a.pdf", "b.pdf", "c.png"]) == 0
    done = re.findall(r"(\d/4) inputs", terminal.getvalue())
    assert done == ["0/4", "0/4", "1/4", "1/4", "2/4", "4/4"]


def test_progress_of_a_directory_counts_pages(
    ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    ocr.pages[str(tmp_path)] = [result("a.png"), result("b.png")]
    assert cli.main(["ocr", "-i", str(tmp_path)]) == 0
    assert re.findall(r"(\d+ pages), \d+\.\d pages/s", terminal.getvalue()) == [
        "1 pages",
        "2 pages",
    ]


def test_log_lines_replace_the_progress_line(
    ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch
) -> None:
    class LoggingPages(dict[str, list[FakeResult]]):
        def get(self, path: str, default: Any = None) -> Any:
            logging.getLogger("fastocr").warning("slow %s", path)
            return None

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    ocr.pages = LoggingPages()
    assert cli.main(["ocr", "-i", "a.png", "b.png"]) == 0
    warnings_shown = [line for line in screen(terminal.getvalue()) if "slow" in line]
    assert warnings_shown == ["fastocr: warning: slow a.png", "fastocr: warning: slow b.png"]


@pytest.mark.parametrize("words", [["-i", "a.png"], ["-i", "a.png", "b.png", "--quiet"]])
def test_no_progress_for_one_input_or_in_quiet_mode(
    ocr: type[FakeOCR], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["ocr", *words]) == 0
    assert "pages/s" not in terminal.getvalue()
    assert "\r" not in terminal.getvalue()


def test_no_progress_without_a_terminal(
    ocr: type[FakeOCR], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ocr", "-i", "a.png", "b.png"]) == 0
    assert "\r" not in capsys.readouterr().err
