"""Pipeline configurations: reading, checking, merging, writing, and reading again."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fastocr import PaddleOCR, options, pipeline_config
from fastocr.errors import ConfigNotFoundError, InvalidOptionError, UnsupportedOptionError
from fastocr.options import PipelineOptions
from fastocr.pipeline_config import SECTIONS

FIXTURES = Path(__file__).resolve().parents[1] / "parity" / "fixtures"
SWITCHES = ("use_doc_orientation_classify", "use_doc_unwarping", "use_textline_orientation")
WriteConfig = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteConfig:
    """Writes a configuration to a file."""

    def write_config(config: Any) -> Path:
        path = tmp_path / "config.yaml"
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        path.write_text(text, encoding="utf-8")
        return path

    return write_config


def parse(config: Any = None, **given: Any) -> PipelineOptions:
    """What the constructor makes of a configuration and other arguments."""
    extra = {name: given.pop(name) for name in ("device", "cpu_threads") if name in given}
    return options.parse_constructor(given, {"paddlex_config": config, **extra}, stacklevel=2)


def text_models(parsed: PipelineOptions) -> list[str | None]:
    """The names of the detection and the recognition model."""
    choices = (parsed.models["text_detection"], parsed.models["text_recognition"])
    return [choice and choice.name for choice in choices]


def nested(key: str, value: Any) -> dict[str, Any]:
    """A configuration with one key, named by its whole path."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return {"pipeline_name": "OCR", **value}


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["OCR", None])
def test_the_packaged_configuration(source: str | None) -> None:
    assert parse(source) == parse() == options.parse_constructor({}, {}, stacklevel=2)


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_file(write: WriteConfig, as_path: Callable[[Path], Any]) -> None:
    path = write(nested("SubModules.TextDetection.thresh", 0.1))
    assert parse(as_path(path)).page.text_det_thresh == 0.1
    upper = path.with_name("UPPER.YML")
    path.rename(upper)
    assert parse(as_path(upper)).page.text_det_thresh == 0.1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yml") as caught:
        parse(tmp_path / "nowhere.yml")
    assert isinstance(caught.value, ConfigNotFoundError)
    assert isinstance(caught.value, InvalidOptionError)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: [", "no YAML"),
        ("a: !!python/object:os.system {}", "no YAML"),
        ("a: 2001-99-99", "no YAML"),
        ("a: !!int ''", "no YAML"),
        ("a: !!bool x", "no YAML"),
        ("a: !!timestamp x", "no YAML"),
        pytest.param("[" * 9999, "no YAML", id="nested"),
        ("", "a mapping"),
        ("- 1", "a mapping"),
        ("text_type: general", "pipeline_name=None is not allowed: 'OCR'"),
        ("pipeline_name: PP-StructureV3", "pipeline_name='PP-StructureV3'"),
    ],
)
def test_files_that_are_none(write: WriteConfig, content: str, problem: str) -> None:
    path = write(content)
    with pytest.raises(InvalidOptionError, match=problem) as caught:
        parse(path)
    assert str(path) in str(caught.value)


def test_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder.yml"
    folder.mkdir()
    with pytest.raises(InvalidOptionError, match=r"folder\.yml cannot be read"):
        parse(folder)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xff\xfe\x00a\x81")
    with pytest.raises(InvalidOptionError, match="no YAML"):
        parse(path)


def test_a_dictionary_is_left_alone() -> None:
    config = nested("SubModules.TextDetection.input_shape", [3, 64, 64])
    parsed = parse(config, text_det_thresh=0.1, use_doc_unwarping=True)
    assert config == nested("SubModules.TextDetection.input_shape", [3, 64, 64])
    parsed.config["SubModules"]["TextDetection"]["input_shape"] = None
    assert config["SubModules"]["TextDetection"]["input_shape"] == [3, 64, 64]


# A value of every key that a page's options follow from.
VALUES = [
    ("SubModules.TextDetection.limit_side_len", 736, "text_det_limit_side_len"),
    ("SubModules.TextDetection.limit_type", "resize_long", "text_det_limit_type"),
    ("SubModules.TextDetection.max_side_limit", 2000, "max_side_limit"),
    ("SubModules.TextDetection.thresh", 0.0, "text_det_thresh"),
    ("SubModules.TextDetection.box_thresh", 1, "text_det_box_thresh"),
    ("SubModules.TextDetection.unclip_ratio", 1.5, "text_det_unclip_ratio"),
    ("SubModules.TextDetection.input_shape", (3, 64, 96), "text_det_input_shape"),
    ("SubModules.TextLineOrientation.batch_size", 4, "textline_orientation_batch_size"),
    ("SubModules.TextRecognition.batch_size", 5, "text_recognition_batch_size"),
    ("SubModules.TextRecognition.score_thresh", 0.5, "text_rec_score_thresh"),
    ("SubModules.TextRecognition.return_word_box", True, "return_word_box"),
    ("SubModules.TextRecognition.input_shape", (3, 48, 640), "text_rec_input_shape"),
]


@pytest.mark.parametrize(("key", "value", "name"), VALUES)
def test_values(write: WriteConfig, key: str, value: Any, name: str) -> None:
    """The constructor's win, whose names are others."""
    bare = parse({"pipeline_name": "OCR"})
    assert parse(nested(key, value)).page == bare.page.updated({name: value})
    in_yaml = list(value) if isinstance(value, tuple) else value
    assert parse(write(nested(key, in_yaml))).page == bare.page.updated({name: value})
    assert parse(nested(key, None)).page == bare.page
    if name != "max_side_limit":
        other = parse(**{name: value})
        assert parse(nested(key, None), **{name: value}).page == bare.page.updated({name: value})
        default = getattr(parse().page, name)
        if default is not None:
            assert getattr(parse(nested(key, value), **{name: default}).page, name) == default
        assert getattr(other.page, name) == value


def test_missing_keys() -> None:
    """They are what they are in the reference, which has other batch sizes then."""
    page = parse({"pipeline_name": "OCR"}).page
    batches = {"text_recognition_batch_size": 1, "textline_orientation_batch_size": 1}
    assert page == parse().page.updated(batches)
    assert text_models(parse({"pipeline_name": "OCR"})) == text_models(parse())


def test_missing_keys_for_seals() -> None:
    page = parse({"pipeline_name": "OCR", "text_type": "seal"}).page
    assert page.text_type == "seal"
    assert page.detection_params() == {
        "limit_side_len": 736,
        "limit_type": "min",
        "thresh": 0.2,
        "max_side_limit": 4000,
        "box_thresh": 0.6,
        "unclip_ratio": 0.5,
    }
    config = {**nested("SubModules.TextDetection.thresh", 0.4), "text_type": "seal"}
    assert parse(config).page.text_det_thresh == 0.4


def test_models() -> None:
    for role, section in SECTIONS.items():
        config = nested(section, {"model_name": "a", "model_dir": "b"})
        choice = parse(config).models[role]
        assert choice is not None
        assert (choice.name, choice.directory, choice.required) == ("a", "b", True)
        choice = parse(config, **{f"{role}_model_name": "c"}).models[role]
        assert choice is not None
        assert (choice.name, choice.directory) == ("c", "b")


def test_a_step_that_a_configuration_only_names() -> None:
    """All configurations do: it is no wish."""
    for role in ("doc_orientation_classify", "doc_unwarping", "textline_orientation"):
        choice = parse(nested(SECTIONS[role], {"model_name": "a"})).models[role]
        assert choice is not None
        assert not choice.required


def test_the_configuration_names_the_models() -> None:
    """In the reference the default models take the place of a configuration's."""
    config = {
        "pipeline_name": "OCR",
        "SubModules": {
            "TextDetection": {"model_name": "a", "model_dir": "b"},
            "TextRecognition": {"model_name": "en_PP-OCRv5_mobile_rec", "model_dir": "d"},
        },
    }
    assert text_models(parse(config)) == ["a", "en_PP-OCRv5_mobile_rec"]
    parsed = parse(config, lang="en")
    assert text_models(parsed) == ["PP-OCRv5_mobile_det", "en_PP-OCRv5_mobile_rec"]
    directories = [choice and choice.directory for choice in parsed.models.values()]
    assert directories == [None, None, None, None, "d"], "a directory goes with its model"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("pipeline_name", "ocr", "'OCR'"),
        ("text_type", "handwriting", "'general', 'seal'"),
        ("use_doc_preprocessor", 1, "a bool"),
        ("use_textline_orientation", "maybe", "a bool"),
        ("batch_size", 0, "at least 1"),
        ("engine", "tvm", "'auto', 'native'"),
        ("engine_config", "fast", "a dictionary"),
        ("use_hpip", 1, "a bool"),
        ("hpi_config", [], "a dictionary"),
        ("Serving", [], "a dictionary"),
        ("SubModules", [], "a mapping"),
        ("SubModules.TextDetection", None, "a mapping"),
        ("SubPipelines.DocPreprocessor", "x", "a mapping"),
        ("SubPipelines.DocPreprocessor.pipeline_name", "OCR", "'doc_preprocessor'"),
        ("SubPipelines.DocPreprocessor.use_doc_unwarping", 0, "a bool"),
        ("SubModules.TextDetection.model_name", 5, "a string"),
        ("SubModules.TextDetection.model_dir", 5, "a path"),
        ("SubModules.TextDetection.limit_side_len", "wide", "an integer"),
        ("SubModules.TextDetection.limit_type", "mean", "'min', 'max', 'resize_long'"),
        ("SubModules.TextDetection.max_side_limit", 31, "at least 32"),
        ("SubModules.TextDetection.thresh", -0.1, "a number"),
        ("SubModules.TextDetection.unclip_ratio", 0, "greater than 0"),
        ("SubModules.TextDetection.input_shape", [3, 64], "(3, height, width)"),
        ("SubModules.TextRecognition.batch_size", 2.5, "an integer"),
        ("SubModules.TextRecognition.score_thresh", None, None),
    ],
)
def test_wrong_values(write: WriteConfig, key: str, value: Any, allowed: str | None) -> None:
    """The message names the whole path of the key, the value, what is allowed, and the file."""
    if allowed is None:
        parse(nested(key, value))
        return
    path = write(nested(key, value))
    for source, origin in ((nested(key, value), "paddlex_config: "), (path, f"{str(path)!r}: ")):
        with pytest.raises(InvalidOptionError) as caught:
            parse(source)
        message = str(caught.value)
        assert f"{origin}{key}={value!r} is not allowed" in message
        assert allowed in message


def test_engines_of_the_reference_keep_their_error() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"TextDetection\.engine='transformers'"):
        parse(nested("SubModules.TextDetection.engine", "transformers"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-1", 0.1), ("'0.1'", 0.1), ("'True'", None), ("'x'", None), ("'[1'", None)],
)
def test_strings_that_spell_numbers(write: WriteConfig, text: str, value: float | None) -> None:
    """As in the reference; YAML takes "1e-1" for a string."""
    content = f"pipeline_name: OCR\nSubModules:\n  TextDetection:\n    thresh: {text}\n"
    if value is None:
        with pytest.raises(InvalidOptionError, match=r"TextDetection\.thresh"):
            parse(write(content))
        return
    assert parse(write(content)).page.text_det_thresh == value
    with pytest.raises(InvalidOptionError, match=r"TextDetection\.thresh='0\.1'"):
        parse(nested("SubModules.TextDetection.thresh", "0.1"))


def test_names_that_look_like_numbers(write: WriteConfig) -> None:
    choice = parse(write(nested("SubModules.TextDetection.model_dir", "2024"))).models[
        "text_detection"
    ]
    assert choice is not None
    assert choice.directory == "2024"


# --- unknown keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "report"),
    [
        ("SubModules.TextDetection.tresh", "TextDetection.tresh (did you mean 'thresh'?)"),
        ("SubModules.TextDetector.thresh", "SubModules.TextDetector (did you mean 'TextDet"),
        ("use_textline_orientaton", "use_textline_orientaton (did you mean 'use_textline_orie"),
        ("SubPipelines.Preprocessor", "SubPipelines.Preprocessor (did you mean 'DocPreproc"),
        ("SubModules.TextDetection.zzz", "SubModules.TextDetection.zzz"),
        ("device", "device (pass `device` to the constructor)"),
    ],
)
def test_unknown_keys(write: WriteConfig, key: str, report: str) -> None:
    for source in (nested(key, 5), write(nested(key, 5))):
        with pytest.warns(UserWarning, match=re.escape(report)) as caught:
            parsed = parse(source)
        assert len(caught) == 1
        assert "unknown keys have no effect" in str(caught[0].message)
        assert pipeline_config.lookup(parsed.config, key) == 5, "they are kept for export"


def test_unknown_keys_in_one_warning() -> None:
    config = {"pipeline_name": "OCR", "one": 1, "SubModules": {"Two": {}, 3: 3}}
    with pytest.warns(UserWarning, match=r"one; SubModules\.Two; SubModules\.3") as caught:
        parse(config)
    assert len(caught) == 1


def test_no_warning_for_known_keys() -> None:
    """Those of the reference's own file, and all that it documents."""
    module = {"engine": "openvino", "engine_config": {}, "use_hpip": None, "hpi_config": None}
    config = {
        **parse().config,
        "Serving": {"extra": {"max_num_input_imgs": None}},
        "batch_size": 4,
        **module,
    }
    config["SubModules"]["TextRecognition"] |= {"return_word_box": False, **module}
    config["SubPipelines"]["DocPreprocessor"] |= {"batch_size": 2, **module}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = parse(config)
    assert parsed.config["Serving"] == {"extra": {"max_num_input_imgs": None}}


# --- switches -------------------------------------------------------------------------------------


def steps(parsed: PipelineOptions) -> list[bool | None]:
    """Of each switchable step: whether it was asked for; None: it is off."""
    roles = ("doc_orientation_classify", "doc_unwarping", "textline_orientation")
    choices = [parsed.models[role] for role in roles]
    return [choice.required if choice else None for choice in choices]


def switches(outer: bool | None, orientation: bool | None, unwarping: bool | None) -> Any:
    """A configuration with these switches of the document steps."""
    config: dict[str, Any] = {"pipeline_name": "OCR", "use_doc_preprocessor": outer}
    config["SubPipelines"] = {
        "DocPreprocessor": {
            "use_doc_orientation_classify": orientation,
            "use_doc_unwarping": unwarping,
        }
    }
    return config


@pytest.mark.parametrize(
    ("config", "given", "expected"),
    [
        # A configuration by itself.
        (switches(None, None, None), {}, [False, False]),
        (switches(True, None, None), {}, [False, False]),
        (switches(True, True, False), {}, [True, None]),
        (switches(None, False, True), {}, [None, True]),
        (switches(False, True, True), {}, [None, None]),
        # The constructor: each switch for itself.
        (switches(True, True, True), {"use_doc_orientation_classify": False}, [None, True]),
        (switches(True, True, True), {"use_doc_unwarping": False}, [True, None]),
        (switches(True, False, False), {"use_doc_unwarping": True}, [None, True]),
        (switches(False, True, True), {"use_doc_unwarping": True}, [None, True]),
        (switches(False, None, None), {"use_doc_orientation_classify": True}, [True, None]),
        (switches(False, True, True), {"use_doc_orientation_classify": False}, [None, None]),
    ],
)
def test_document_switches(config: Any, given: dict[str, bool], expected: list[Any]) -> None:
    assert steps(parse(config, **given)) == [*expected, False]


def test_textline_switch() -> None:
    for value, expected in ((None, False), (True, True), (False, None)):
        assert steps(parse(nested("use_textline_orientation", value)))[2] is expected
    config = nested("use_textline_orientation", False)
    assert steps(parse(config, use_textline_orientation=True)) == [False, False, True]


# --- writing --------------------------------------------------------------------------------------


def exported(parsed: PipelineOptions, path: Path) -> Path:
    """Writes the configuration of an object all of whose wishes came true, and none beyond."""
    loaded = [role for role, choice in parsed.models.items() if choice and choice.required]
    pipeline_config.export_config(pipeline_config.with_switches(parsed.config, loaded), path)
    return path


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"lang": "ru"},
        {"ocr_version": "PP-OCRv6"},
        {name: value for _, value, name in VALUES if name != "max_side_limit"},
        {"use_textline_orientation": True, "textline_orientation_model_dir": "x"},
        {"use_doc_unwarping": True, "use_doc_orientation_classify": False},
        {"text_detection_model_name": "名", "text_detection_model_dir": Path("目录")},
        {"text_det_input_shape": np.array([3, 64, 96])},
        {
            "config": {
                **nested("SubModules.TextDetection.max_side_limit", 2000),
                "text_type": "seal",
                "engine": "paddle_static",
                "engine_config": {"paddle_static": {"X": np.int64(3), "Y": "a"}},
                "Serving": {"extra": {"file_storage": {"type": "memory"}}},
            }
        },
    ],
    ids=lambda given: "-".join(given)[:40] or "defaults",
)
def test_an_exported_file_loads_to_the_same_pipeline(tmp_path: Path, given: Any) -> None:
    parsed = parse(given.pop("config", None), **given)
    again = parse(exported(parsed, tmp_path / "out.yml"))
    off = [role for role, choice in parsed.models.items() if choice and not choice.required]
    assert again.models == parsed.without(off).models
    assert again.page == parsed.without(off).page
    once_more = exported(again, tmp_path / "more.yml")
    assert once_more.read_bytes() == (tmp_path / "out.yml").read_bytes()


def test_the_form_of_exported_files(tmp_path: Path) -> None:
    path = exported(parse(text_detection_model_name="名"), tmp_path / "out.yml")
    text = path.read_bytes().decode("utf-8")
    assert "model_name: 名" in text
    assert "!!python" not in text
    config = yaml.safe_load(text)
    assert list(config) == sorted(config)
    preprocessor = config["SubPipelines"]["DocPreprocessor"]
    assert [config.get(name, preprocessor.get(name)) for name in SWITCHES] == [False] * 3
    assert config["use_doc_preprocessor"] is False


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", np.zeros(3)])
def test_values_that_files_cannot_hold(tmp_path: Path, value: Any) -> None:
    parsed = parse({"pipeline_name": "OCR", "engine_config": {"openvino": {"X": value}}})
    with pytest.raises(InvalidOptionError, match=r"^engine_config\.openvino\.X="):
        pipeline_config.export_config(parsed.config, tmp_path / "out.yml")
    assert not (tmp_path / "out.yml").exists()


def test_with_switches_says_what_is_loaded() -> None:
    config = pipeline_config.with_switches(parse().config, ["doc_unwarping"])
    values = [pipeline_config.switch_value(config, name) for name in SWITCHES]
    assert values == [False, True, False]
    assert config["use_doc_preprocessor"] is True
    assert "use_doc_preprocessor" not in parse().config


# --- files of the reference -----------------------------------------------------------------------


def test_a_file_that_paddleocr_exported() -> None:
    """Every step in it is asked for."""
    parsed = parse(FIXTURES / "paddleocr_default.yaml")
    assert text_models(parsed) == ["PP-OCRv6_medium_det", "PP-OCRv6_medium_rec"]
    assert steps(parsed) == [True, True, True]
    assert parsed.page == parse().page.updated(
        {
            "text_det_limit_side_len": 64,
            "text_det_limit_type": "min",
            "text_det_unclip_ratio": 1.5,
        }
    )


def test_a_file_that_paddleocr_exported_with_options() -> None:
    """There, unwarping that is off takes orientation with it; the file says so."""
    parsed = parse(FIXTURES / "paddleocr_options.yaml")
    assert text_models(parsed) == ["PP-OCRv5_server_det", "eslav_PP-OCRv5_mobile_rec"]
    assert steps(parsed) == [None, None, None]
    assert parsed.page == parse().page.updated(
        {
            "use_doc_orientation_classify": False,
            "use_doc_unwarping": False,
            "use_textline_orientation": False,
            "text_det_thresh": 0.2,
            "text_det_box_thresh": 0.5,
            "text_det_unclip_ratio": 1.8,
            "text_det_input_shape": (3, 640, 960),
            "text_recognition_batch_size": 4,
            "text_rec_score_thresh": 0.25,
            "text_rec_input_shape": (3, 48, 640),
            "return_word_box": True,
        }
    )


def test_an_exported_file_has_the_keys_of_the_reference() -> None:
    """So that it finds there what it looks for."""

    def keys(config: dict[str, Any], section: str = "") -> set[str]:
        return {section}.union(
            *(keys(value, f"{section}.{key}") if isinstance(value, dict) else [f"{section}.{key}"]
              for key, value in config.items())
        )  # fmt: skip

    reference = yaml.safe_load((FIXTURES / "paddleocr_default.yaml").read_text(encoding="utf-8"))
    own = pipeline_config.with_switches(parse().config, ())
    assert keys(own) == keys(reference)


# --- the pipeline of document steps ---------------------------------------------------------------


def read_preprocessor(source: Any) -> dict[str, Any]:
    """The configuration of `DocPreprocessor`, in its place in one of the whole pipeline."""

    def report(message: str) -> None:
        raise AssertionError(message)

    return pipeline_config.read_config(source, report, pipeline="doc_preprocessor")


def test_configuration_of_document_steps(write: WriteConfig) -> None:
    section = {
        "pipeline_name": "doc_preprocessor",
        "use_doc_unwarping": False,
        "SubModules": {"DocUnwarping": {"model_name": "a"}},
    }
    for source in (section, write(section)):
        config = read_preprocessor(source)
        assert pipeline_config.lookup(config, pipeline_config.DOC_PREPROCESSOR) == section
    assert read_preprocessor(None) == read_preprocessor("doc_preprocessor") == parse().config
    with pytest.raises(InvalidOptionError, match=r"paddlex_config: use_doc_unwarping=1 "):
        read_preprocessor({**section, "use_doc_unwarping": 1})
    with pytest.raises(InvalidOptionError, match="'doc_preprocessor' is expected"):
        read_preprocessor({})


# --- whole objects --------------------------------------------------------------------------------


def test_an_object_exports_what_it_is(
    make_ocr: Callable[..., PaddleOCR], pages_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out.yml"
    with make_ocr(text_det_limit_side_len=320, text_rec_score_thresh=0.5) as first:
        first.export_paddlex_config_to_yaml(path)
        (expected,) = first.predict(pages_dir / "english.png")
    with make_ocr(paddlex_config=path) as second:
        (result,) = second.predict(pages_dir / "english.png")
    assert result.json == expected.json
    assert result["text_det_params"]["limit_side_len"] == 320
