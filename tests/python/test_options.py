"""The parameters of `PaddleOCR`: each is checked where it is given, none is silently ignored."""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

import fastocr
from fastocr import FailedResult, OCRResult, PaddleOCR, errors, options
from fastocr import ocr as ocr_module
from fastocr.errors import InvalidOptionError, ModelNotFoundError, UnsupportedOptionError
from fastocr.inputs import InputOptions, PageSelection
from fastocr.options import PageOptions, PipelineOptions
from fastocr.options.constructor import EXTRA_PARAMETERS

MakeOCR = Callable[..., PaddleOCR]

PARAMETERS = (
    "doc_orientation_classify_model_name",
    "doc_orientation_classify_model_dir",
    "doc_unwarping_model_name",
    "doc_unwarping_model_dir",
    "text_detection_model_name",
    "text_detection_model_dir",
    "textline_orientation_model_name",
    "textline_orientation_model_dir",
    "textline_orientation_batch_size",
    "text_recognition_model_name",
    "text_recognition_model_dir",
    "text_recognition_batch_size",
    "use_doc_orientation_classify",
    "use_doc_unwarping",
    "use_textline_orientation",
    "text_det_limit_side_len",
    "text_det_limit_type",
    "text_det_thresh",
    "text_det_box_thresh",
    "text_det_unclip_ratio",
    "text_det_input_shape",
    "text_rec_score_thresh",
    "return_word_box",
    "text_rec_input_shape",
    "lang",
    "ocr_version",
)
PREDICT_PARAMETERS = (
    "use_doc_orientation_classify",
    "use_doc_unwarping",
    "use_textline_orientation",
    "text_det_limit_side_len",
    "text_det_limit_type",
    "text_det_thresh",
    "text_det_box_thresh",
    "text_det_unclip_ratio",
    "text_rec_score_thresh",
    "return_word_box",
    "coordinates",
    "recursive",
    "pdf_pages",
    "pdf_scale",
    "pdf_password",
    "device",
)


STEPS = {
    "use_doc_orientation_classify": "doc_orientation_classify",
    "use_doc_unwarping": "doc_unwarping",
    "use_textline_orientation": "textline_orientation",
}


def parse(**given: Any) -> PipelineOptions:
    """What the constructor makes of its arguments, without loading anything."""
    named = {name: given.pop(name, None) for name in PARAMETERS}
    return options.parse_constructor(named, given, stacklevel=2)


def names(parsed: PipelineOptions) -> dict[str, str | None]:
    """The model of each step."""
    return {role: choice and choice.name for role, choice in parsed.models.items()}


def text_models(parsed: PipelineOptions) -> tuple[str | None, ...]:
    """The names of the detection and the recognition model."""
    return names(parsed)["text_detection"], names(parsed)["text_recognition"]


@pytest.fixture
def loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constructors take no time and load nothing."""
    monkeypatch.setattr(ocr_module.loading, "find_models", lambda models: models)
    monkeypatch.setattr(ocr_module, "Pipeline", Mock())


# --- signatures -----------------------------------------------------------------------------------


def test_constructor_signature() -> None:
    """Names and order of the reference; its callers may pass them by position."""
    *named, extra = list(inspect.signature(PaddleOCR.__init__).parameters.values())[1:]
    assert tuple(parameter.name for parameter in named) == PARAMETERS
    assert {parameter.kind for parameter in named} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert {parameter.default for parameter in named} == {None}
    assert extra.kind == inspect.Parameter.VAR_KEYWORD


@pytest.mark.parametrize("method", [PaddleOCR.predict, PaddleOCR.predict_iter])
def test_predict_signature(method: Callable[..., Any]) -> None:
    _, source, *named = inspect.signature(method).parameters.values()
    assert source.name == "input"
    assert source.kind == inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert tuple(parameter.name for parameter in named) == PREDICT_PARAMETERS
    assert {parameter.kind for parameter in named} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.default for parameter in named} == {None}


@pytest.mark.usefixtures("loads_nothing")
def test_parameters_by_position() -> None:
    values: dict[str, Any] = dict.fromkeys(PARAMETERS)
    values["text_detection_model_name"] = "a"
    values["text_rec_score_thresh"] = "wrong"
    with pytest.raises(InvalidOptionError, match="text_rec_score_thresh='wrong'"):
        PaddleOCR(*values.values())
    values["text_rec_score_thresh"] = 0.5
    made = PaddleOCR(*values.values())
    assert text_models(made._options)[0] == "a"
    assert made._options.page.text_rec_score_thresh == 0.5


def test_public_names() -> None:
    assert set(fastocr.__all__) == {
        "DocImgOrientationClassification", "DocPreprocessor", "FailedResult", "OCRResult",
        "PaddleOCR", "TextDetection", "TextImageUnwarping", "TextLineOrientationClassification",
        "TextRecognition", "__version__", "errors",
    }  # fmt: skip
    assert issubclass(OCRResult, dict)
    assert issubclass(FailedResult, dict)


# --- single values --------------------------------------------------------------------------------

INTEGER = "an integer of at least 1"
NUMBER = "a number of at least 0"
POSITIVE = "a number greater than 0"
LIMIT_TYPES = "'min', 'max', 'resize_long'"
NO_INTEGERS = (0, -1, 2**31, 64.0, "64", True, [64], math.nan)
NO_NUMBERS = (-0.1, "0.3", True, b"1", [0.3], math.nan, math.inf, -math.inf, 1 + 0j)

WRONG = [
    *(("text_det_limit_side_len", value, INTEGER) for value in NO_INTEGERS),
    *(("text_recognition_batch_size", value, INTEGER) for value in NO_INTEGERS),
    *(("cpu_threads", value, INTEGER) for value in NO_INTEGERS),
    *(("enable_mkldnn", value, "a bool") for value in (0, 1, "true", np.bool_(True))),
    *(("mkldnn_cache_capacity", value, "at least 0") for value in (-1, 1.5, "10", True)),
    *(("text_det_limit_type", value, LIMIT_TYPES) for value in ("", "MAX", "long", 1, ["max"])),
    *(("text_det_thresh", value, NUMBER) for value in NO_NUMBERS),
    *(("text_det_box_thresh", value, NUMBER) for value in NO_NUMBERS),
    *(("text_rec_score_thresh", value, NUMBER) for value in NO_NUMBERS),
    *(("text_det_unclip_ratio", value, POSITIVE) for value in (*NO_NUMBERS, 0, 0.0)),
    *(
        ("text_det_input_shape", value, "(3, height, width)")
        for value in (
            (1, 64, 64), (3, 64), (3, 64, 64, 1), (3, 0, 64), (3, 64, 0), (3, -32, 64), (3, 64, 33),
            (3, 33, 64), (3, 64.0, 64), "3,64,64", 64, (64, 64, 3),
        )
    ),
    *(
        ("text_rec_input_shape", value, "(3, ")
        for value in (
            (1, 48, 320), (3, 48), (3, 32, 320), (3, 48, 0), (3, 0, 320), (3, 48, -1), (48, 320, 3),
            (3, 48.0, 320), "wide", 320,
        )
    ),
    *(("textline_orientation_batch_size", value, INTEGER) for value in NO_INTEGERS),
    *(
        (name, value, "a bool")
        for name in (*STEPS, "return_word_box", "enable_cinn")
        for value in (0, 1, "true", np.bool_(True))
    ),
    *(
        (f"{role}_model_{kind}", value, "string" if kind == "name" else "path")
        for role in ("text_detection", "text_recognition", *STEPS.values())
        for kind in ("name", "dir")
        for value in (5, ["x"], b"x", True)
    ),
    *(("lang", value, "a string") for value in (5, ["ch"])),
    *(
        ("ocr_version", value, "'PP-OCRv3', 'PP-OCRv4', 'PP-OCRv5', 'PP-OCRv6'")
        for value in ("v5", "PP-OCRv2", "pp-ocrv5", 5)
    ),
    *(("precision", value, "'fp32', 'int16', 'int8', 'bf16', 'fp16'")
      for value in ("int4", "FP32", 32)),
    *(("paddlex_config", value, "a .yml or .yaml file, a dictionary or 'OCR'")
      for value in ("PP-StructureV3", "ocr.json", Path("config"))),
    *(("paddlex_config", value, "a path") for value in (5, [], True)),
    *(("engine", value, "'auto', 'native', 'openvino'") for value in ("OpenVINO", "foo", "", 5)),
    *(("engine_config", value, "dictionary") for value in ("PERF_COUNT=1", [1], {1: 2})),
    ("engine_config", {"openvino": 5}, "dictionary"),
    ("engine_config", {"openvino": {}, "PERF_COUNT": True}, "flat or by engine name"),
    *(("device", value, "cpu, gpu") for value in ("", "tpu", "a:b:c", "cuda:0")),
    *(("device", value, "whole numbers") for value in ("gpu:", "gpu:a", "gpu:0:1")),
    *(("device", value, "cpu, gpu") for value in ("gpu:0,", ",gpu:0", "0", "cpu,1", "gpu:0,b:1")),
    *(("device", value, "a string") for value in (0, b"cpu", ["cpu"])),
    *(("device", value, "no device id") for value in ("cpu:0", "cpu:", "CPU:1")),
    *(
        (name, value, "a bool")
        for name in ("recursive", "allow_urls", "allow_private_urls")
        for value in (0, "no")
    ),
    *(("pdf_pages", value, "pages counted from 1")
      for value in ("", "0", "a", "3-1", 0, -1, True, [], [1, "2"], 1.5)),
    *((name, value, POSITIVE) for name in ("pdf_scale", "pdf_timeout", "url_timeout")
      for value in NO_NUMBERS),
    *(("pdf_password", value, "a string") for value in (5, b"secret")),
    *((name, value, INTEGER) for name in ("max_pixels", "max_url_bytes", "max_pages", "pdf_memory")
      for value in (0, -1, 2**63, 1.5, "9", True)),
    *(("coordinates", value, "'processed', 'original'") for value in ("", "page", 1)),
    *((name, value, "a bool") for name in ("enable_hpi", "use_tensorrt") for value in (1, "yes")),
    *(("min_subgraph_size", value, "at least 1") for value in (0, 2.5, True, "3")),
    *(("warmup", value, "a bool, or a list of (width, height) with sides from 1 to 32768")
      for value in (1, "A4", (960, 1280), [5], [(1,)], [(9, 9), (0, 9)], [(9, 32769)], [(9.0, 9)])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_wrong_values(name: str, value: Any, allowed: str) -> None:
    """The message names the parameter, the value and what is allowed."""
    with pytest.raises(InvalidOptionError) as caught:
        parse(**{name: value})
    message = str(caught.value)
    assert f"{name}={value!r}" in message
    assert allowed in message
    assert not isinstance(caught.value, UnsupportedOptionError)


@pytest.mark.parametrize(
    ("name", "value", "allowed"), [case for case in WRONG if case[0] in PREDICT_PARAMETERS]
)
def test_wrong_values_at_predict(ocr: PaddleOCR, name: str, value: Any, allowed: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        ocr.predict("never read.png", **{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("text_det_thresh", "text_rec_score_thresh")
          for value in (0, 0.0, 1, 0.5, 2, Fraction(1, 3), np.float32(0.25), np.int64(1))),
        ("text_det_box_thresh", np.float64(0.5)),
        ("text_det_unclip_ratio", 1),
        ("text_det_limit_side_len", np.int64(960)),
        ("text_det_limit_side_len", 2**31 - 1),
        ("text_recognition_batch_size", np.uint8(4)),
        ("cpu_threads", 1),
        ("text_det_input_shape", [3, 64, 96]),
        ("text_det_input_shape", np.array([3, 64, 96])),
        ("text_rec_input_shape", (3, 48, 8)),
        ("text_detection_model_dir", Path("somewhere")),
        ("coordinates", "original"),
        ("return_word_box", True),
        ("enable_cinn", False),
        ("paddlex_config", "OCR"),
        ("engine_config", {}),
        ("engine_config", {"openvino": {}}),
        ("device", "CPU"),
        ("enable_hpi", True),
        ("enable_hpi", False),
        ("use_tensorrt", False),
        ("min_subgraph_size", 3),
    ],
)  # fmt: skip
def test_right_values(name: str, value: Any) -> None:
    parse(**{name: value})


@pytest.mark.parametrize("name", [*PARAMETERS, *EXTRA_PARAMETERS])
def test_none_is_the_default(name: str) -> None:
    default, with_none = parse(), parse(**{name: None})
    assert with_none == default


def test_defaults() -> None:
    parsed = parse()
    assert parsed.page == PageOptions(
        use_doc_orientation_classify=True, use_doc_unwarping=True, use_textline_orientation=True
    )
    assert parsed.page.detection_params() == {
        "limit_side_len": 960,
        "limit_type": "max",
        "thresh": 0.3,
        "max_side_limit": 4000,
        "box_thresh": 0.6,
        "unclip_ratio": 2.0,
    }
    assert (parsed.page.text_recognition_batch_size, parsed.page.coordinates) == (6, "processed")
    assert names(parsed) == {
        "doc_orientation_classify": "PP-LCNet_x1_0_doc_ori",
        "doc_unwarping": "UVDoc",
        "text_detection": "PP-OCRv5_mobile_det",
        "textline_orientation": "PP-LCNet_x1_0_textline_ori",
        "text_recognition": "PP-OCRv5_mobile_rec",
    }
    assert {choice and choice.directory for choice in parsed.models.values()} == {None}
    assert [role for role, choice in parsed.models.items() if choice and choice.required] == [
        "text_detection",
        "text_recognition",
    ]


# A value of every parameter that says how a page is processed, other than the default.
PAGE_VALUES: dict[str, Any] = {
    "text_det_limit_side_len": 736,
    "text_det_limit_type": "min",
    "text_det_thresh": 0.2,
    "text_det_box_thresh": 0.5,
    "text_det_unclip_ratio": 1.5,
    "text_det_input_shape": (3, 64, 96),
    "text_rec_score_thresh": 0.7,
    "text_rec_input_shape": (3, 48, 640),
    "text_recognition_batch_size": 2,
    "textline_orientation_batch_size": 3,
    "return_word_box": True,
    "coordinates": "original",
}


@pytest.mark.parametrize(("name", "value"), PAGE_VALUES.items())
def test_each_page_parameter_reaches_its_own_field(name: str, value: Any) -> None:
    assert parse(**{name: value}).page == parse().page.updated({name: value})


@pytest.mark.parametrize("name", ["text_det_thresh", "text_det_box_thresh"])
def test_a_threshold_of_zero_is_a_value(name: str) -> None:
    """The reference takes it for "not given"."""
    assert getattr(parse(**{name: 0}).page, name) == 0.0


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        *((value, ()) for value in (None, False, [])),
        (True, options.WARMUP_SIZES),
        ([(960, 1280), [64, 48]], ((960, 1280), (64, 48))),
        (np.array([[960, 1280]]), ((960, 1280),)),
    ],
    ids=repr,
)
def test_sizes_for_the_warmup(value: Any, sizes: Any) -> None:
    assert options.parse_warmup(value) == sizes


def test_warmup_is_off_by_default() -> None:
    assert parse().warmup == ()
    assert parse(warmup=[(64, 48)]).warmup == ((64, 48),)


def test_numbers_too_large_for_a_float() -> None:
    with pytest.raises(InvalidOptionError, match="text_det_thresh"):
        parse(text_det_thresh=10**400)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("text_det_input_shape", (3, 2**40, 32)), ("text_rec_input_shape", (3, 48, 2**40))],
)
def test_shapes_beyond_the_core(name: str, shape: tuple[int, int, int]) -> None:
    """The constructor refuses what `predict` could not pass on."""
    with pytest.raises(InvalidOptionError, match=name):
        parse(**{name: shape})


def test_recognition_height_is_that_of_the_models() -> None:
    """All recognition models have inputs of 48 rows."""
    with pytest.raises(InvalidOptionError, match="text_rec_input_shape"):
        parse(text_rec_input_shape=(3, 96, 320))


# A value of every parameter that says how inputs are read, other than the default; those of a call.
INPUT_VALUES: dict[str, Any] = {
    "recursive": False,
    "pdf_pages": "2-3,5-",
    "pdf_scale": 1.5,
    "pdf_password": "secret",
}
OBJECT_INPUT_VALUES: dict[str, Any] = {
    "max_pixels": 1000,
    "allow_urls": False,
    "allow_private_urls": True,
    "url_timeout": 5,
    "max_url_bytes": 2**40,
    "max_pages": 12,
    "pdf_timeout": 2.5,
    "pdf_memory": 2**31,
}


def read_by(**given: Any) -> InputOptions:
    """The input options with these values, `pdf_pages` as a text."""
    if "pdf_pages" in given:
        given["pdf_pages"] = PageSelection.parse(given["pdf_pages"])
    return replace(InputOptions(), **given)


@pytest.mark.parametrize(("name", "value"), {**INPUT_VALUES, **OBJECT_INPUT_VALUES}.items())
def test_each_input_parameter_reaches_its_own_field(name: str, value: Any) -> None:
    assert parse().inputs == InputOptions()
    assert parse(**{name: value}).inputs == read_by(**{name: value})


def test_every_input_option_is_a_parameter() -> None:
    names = {field.name for field in fields(InputOptions)}
    assert names == set(options.INPUT_PARAMETERS) == {*INPUT_VALUES, *OBJECT_INPUT_VALUES}


@pytest.mark.parametrize("value", [PageSelection.parse("1,3"), [1, 3], (3, 1), "1,3"])
def test_forms_of_pages(value: Any) -> None:
    selection = parse(pdf_pages=value).inputs.pdf_pages
    assert selection is not None
    assert selection.indices(9) == [0, 2]


@pytest.mark.parametrize(("name", "value"), INPUT_VALUES.items())
def test_a_call_chooses_what_is_read(name: str, value: Any) -> None:
    own = parse(max_pixels=1000)
    read = options.parse_predict({name: value}, own).inputs
    assert read == replace(read_by(**{name: value}), max_pixels=1000)
    set_before = parse(**{name: value})
    assert options.parse_predict({name: None}, set_before).inputs == set_before.inputs


def test_input_options_reach_the_inputs(make_ocr: MakeOCR, ocr: PaddleOCR, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.png", "inner/b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((32, 32, 3), 255, np.uint8))
    assert len(ocr.predict(tmp_path)) == 2
    assert len(ocr.predict(tmp_path, recursive=False)) == 1
    assert len(list(ocr.predict_iter(tmp_path, recursive=False))) == 1
    with make_ocr(recursive=False) as own:
        assert len(own.predict(tmp_path)) == 1
        assert len(own.predict(tmp_path, recursive=True)) == 2


@pytest.mark.parametrize(("name", "value"), OBJECT_INPUT_VALUES.items())
def test_a_call_cannot_lift_limits(name: str, value: Any) -> None:
    with pytest.raises(InvalidOptionError, match=f"Unknown argument: {name}"):
        options.parse_predict({name: value}, parse())


# --- switches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("switch", "role"), STEPS.items())
@pytest.mark.parametrize(
    ("given", "required"), [({}, False), ({"switch": True}, True), ({"name": "x"}, True),
                            ({"dir": "d"}, True)],
)  # fmt: skip
def test_what_a_step_asks_for(
    switch: str, role: str, given: dict[str, Any], required: bool
) -> None:
    """Left unset, a step is on only if its model is there; asked for, it has to be."""
    parameters = {"switch": switch, "name": f"{role}_model_name", "dir": f"{role}_model_dir"}
    parsed = parse(**{parameters[kind]: value for kind, value in given.items()})
    choice = parsed.models[role]
    assert choice is not None
    assert choice.required is required
    assert choice.directory == given.get("dir")
    assert getattr(parsed.page, switch)
    others = [parsed.models[other] for other in STEPS.values() if other != role]
    assert [other and other.required for other in others] == [False, False]


@pytest.mark.parametrize(("switch", "role"), STEPS.items())
def test_a_step_that_is_off(switch: str, role: str) -> None:
    """Also where a model is named. Each switch counts for itself, unlike in the reference."""
    for more in ({}, {f"{role}_model_name": "x", f"{role}_model_dir": "d"}):
        parsed = parse(**{switch: False}, **more)
        assert parsed.models[role] is None
        assert not getattr(parsed.page, switch)
        assert [name for name in STEPS if not getattr(parsed.page, name)] == [switch]


@pytest.mark.parametrize(("switch", "role"), STEPS.items())
def test_a_step_whose_model_is_missing_is_left_out(switch: str, role: str) -> None:
    parsed = parse()
    rest = parsed.without([role])
    assert rest.models == {**parsed.models, role: None}
    assert rest.page == parsed.page.updated({switch: False})


def test_document_steps_make_the_preprocessor() -> None:
    off = {"use_doc_orientation_classify": False, "use_doc_unwarping": False}
    assert not parse(**off).page.use_doc_preprocessor
    for name in off:
        assert parse(**{**off, name: True}).page.use_doc_preprocessor


def predict_options(own: PipelineOptions, **given: Any) -> PageOptions:
    return options.parse_predict(given, own).page


@pytest.mark.parametrize("switch", STEPS)
def test_switches_of_a_call(switch: str) -> None:
    own = parse()
    for value in (None, True):
        assert predict_options(own, **{switch: value}) == own.page
    assert predict_options(own, **{switch: False}) == own.page.updated({switch: False})


@pytest.mark.parametrize("switch", STEPS)
def test_a_call_cannot_have_a_step_that_is_not_loaded(switch: str) -> None:
    """The reference yields a page of an error, then fails elsewhere."""
    for own in (parse(**{switch: False}), parse().without([STEPS[switch]])):
        message = f"^{switch}=True cannot be used.*pass {switch}=True to the constructor$"
        with pytest.raises(InvalidOptionError, match=message):
            predict_options(own, **{switch: True})
        for value in (None, False):
            assert predict_options(own, **{switch: value}) == own.page


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, v in PAGE_VALUES.items() if n in PREDICT_PARAMETERS]
)
def test_a_call_wins_over_the_constructor(name: str, value: Any) -> None:
    own = parse()
    assert predict_options(own, **{name: value}) == own.page.updated({name: value})
    set_before = parse(**{name: value})
    assert predict_options(set_before, **{name: None}) == set_before.page
    default = getattr(own.page, name)
    assert predict_options(set_before, **{name: default}) == own.page


def test_cinn_is_not_there() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"enable_cinn=True.*pass False"):
        parse(enable_cinn=True)


def test_every_parameter_is_known_to_a_test() -> None:
    """A new parameter needs a line in this table."""
    assert set(PARAMETERS) | set(EXTRA_PARAMETERS) == {name for name, _, _ in WRONG}


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["show_log", "use_gpu", "text_det_treshold", "input"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"^Unknown argument: {name}$") as caught:
        parse(**{name: None})
    assert isinstance(caught.value, InvalidOptionError)


# Old name, new name, a value.
ALIASES = [
    ("det_model_dir", "text_detection_model_dir", "somewhere"),
    ("det_limit_side_len", "text_det_limit_side_len", 736),
    ("det_limit_type", "text_det_limit_type", "min"),
    ("det_db_thresh", "text_det_thresh", 0.2),
    ("det_db_box_thresh", "text_det_box_thresh", 0.5),
    ("det_db_unclip_ratio", "text_det_unclip_ratio", 1.5),
    ("rec_model_dir", "text_recognition_model_dir", "somewhere"),
    ("rec_batch_num", "text_recognition_batch_size", 1),
    ("use_angle_cls", "use_textline_orientation", False),
    ("cls_model_dir", "textline_orientation_model_dir", "somewhere"),
    ("cls_batch_num", "textline_orientation_batch_size", 1),
]


def test_alias_table() -> None:
    assert {old: new for old, new, _ in ALIASES} == options.ALIASES


@pytest.mark.parametrize(("old", "new", "value"), ALIASES)
def test_aliases_warn(old: str, new: str, value: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse(**{old: value})
    assert [warning.category for warning in caught] == [DeprecationWarning]
    message = str(caught[0].message)
    assert f"`{old}`" in message
    assert f"`{new}`" in message


@pytest.mark.usefixtures("loads_nothing")
@pytest.mark.parametrize(
    ("category", "given"),
    [
        (DeprecationWarning, {"det_db_thresh": 0.2}),
        (UserWarning, {"lang": "ch", "text_detection_model_name": "other"}),
        (UserWarning, {"enable_hpi": True, "engine": "openvino"}),
        (UserWarning, {"paddlex_config": {"pipeline_name": "OCR", "unknown": 1}}),
    ],
)
def test_warnings_point_at_the_caller(category: type[Warning], given: dict[str, Any]) -> None:
    """Python shows deprecations only for the file that a user runs, so this decides who sees it."""
    with pytest.warns(category) as caught:
        PaddleOCR(**given)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(("old", "new", "value"), ALIASES)
def test_aliases_do_what_the_new_name_does(old: str, new: str, value: Any) -> None:
    with pytest.warns(DeprecationWarning, match=old):
        by_alias = parse(**{old: value})
    assert by_alias == parse(**{new: value}) != parse()


@pytest.mark.parametrize(("old", "new", "value"), ALIASES)
def test_alias_and_new_name_exclude_each_other(old: str, new: str, value: Any) -> None:
    with (
        pytest.warns(DeprecationWarning, match=old),
        pytest.raises(InvalidOptionError, match="mutually exclusive") as caught,
    ):
        parse(**{old: value, new: value})
    assert f"`{old}`" in str(caught.value)
    assert f"`{new}`" in str(caught.value)


def test_values_of_aliases_are_checked() -> None:
    with (
        pytest.warns(DeprecationWarning, match="det_db_thresh"),
        pytest.raises(InvalidOptionError, match="text_det_thresh='x'"),
    ):
        parse(det_db_thresh="x")


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "version", "expected"),
    [
        ("ch", None, ("PP-OCRv5_mobile_det", "PP-OCRv5_mobile_rec")),
        ("en", None, ("PP-OCRv5_mobile_det", "en_PP-OCRv5_mobile_rec")),
        (None, "PP-OCRv4", ("PP-OCRv4_mobile_det", "PP-OCRv4_mobile_rec")),
        ("fr", "PP-OCRv6", ("PP-OCRv6_medium_det", "PP-OCRv6_medium_rec")),
    ],
)
def test_language(lang: str | None, version: str | None, expected: tuple[str, str]) -> None:
    assert text_models(parse(lang=lang, ocr_version=version)) == expected


def test_language_without_a_model() -> None:
    with pytest.raises(ValueError, match=r"No models are available for lang='th' and ocr_version="):
        parse(lang="th", ocr_version="PP-OCRv3")


@pytest.mark.parametrize("language", [{"lang": "en"}, {"lang": "xx"}, {"ocr_version": "PP-OCRv4"}])
@pytest.mark.parametrize("role", ["text_detection", "text_recognition"])
@pytest.mark.parametrize("kind", ["name", "dir"])
def test_language_is_ignored_beside_models(language: dict[str, str], role: str, kind: str) -> None:
    model = {f"{role}_model_{kind}": "other"}
    with pytest.warns(UserWarning, match="ignored"):
        parsed = parse(**language, **model)
    assert parsed == parse(**model)


def test_wrong_version_is_an_error_beside_models_too() -> None:
    with pytest.raises(InvalidOptionError, match="ocr_version"):
        parse(ocr_version="v5", text_detection_model_name="other")


@pytest.mark.parametrize("role", ["text_detection", "text_recognition", *STEPS.values()])
def test_names_and_directories(role: str) -> None:
    parsed = parse(**{f"{role}_model_name": "a", f"{role}_model_dir": Path("b")})
    choice = parsed.models[role]
    assert choice is not None
    assert (choice.name, choice.directory, choice.required) == ("a", "b", True)
    only_directory = parse(**{f"{role}_model_dir": "b"}).models[role]
    assert only_directory is not None
    assert (only_directory.name, only_directory.directory) == (names(parse())[role], "b")


def test_unknown_model_name() -> None:
    with pytest.raises(ModelNotFoundError, match="'PP-OCRv9'"):
        PaddleOCR(text_detection_model_name="PP-OCRv9")


# --- exceptions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parents"),
    {
        "FastOCRError": (Exception,),
        "InvalidOptionError": (errors.FastOCRError, ValueError),
        "ConfigNotFoundError": (errors.InvalidOptionError, FileNotFoundError),
        "UnsupportedOptionError": (errors.InvalidOptionError,),
        "InputError": (errors.FastOCRError, ValueError),
        "InputNotFoundError": (errors.InputError, FileNotFoundError),
        "ModelError": (errors.FastOCRError, RuntimeError),
        "ModelNotFoundError": (errors.ModelError, FileNotFoundError),
        "ModelFormatError": (errors.ModelError, ValueError),
        "EngineError": (errors.FastOCRError, RuntimeError),
        "EngineUnavailableError": (errors.EngineError,),
        "InferenceError": (errors.EngineError,),
    }.items(),
)
def test_exception_classes(name: str, parents: tuple[type, ...]) -> None:
    assert getattr(errors, name).__bases__ == parents
    assert name in errors.__all__
    # As the tree in the module's description says.
    assert re.search(rf"^[│├└─ ]*{name}\b", str(errors.__doc__), re.MULTILINE)


def test_exception_messages_are_plain() -> None:
    """Also those with a FileNotFoundError among their parents, which has a format of its own."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        if not issubclass(kind, errors.ServiceError):  # tests of the client say how these look
            assert str(kind("what happened")) == "what happened"
