"""The parameters of `PaddleOCR`: each is checked where it is given, none is silently ignored."""

from __future__ import annotations

import inspect
import math
import platform
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastocr
from fastocr import FailedResult, OCRResult, PaddleOCR, _core, engines, errors, options
from fastocr import ocr as ocr_module
from fastocr.errors import InvalidOptionError, ModelNotFoundError, UnsupportedOptionError

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
    "device",
)


class Recorded:
    """Stands in for the models and keeps what they would have been made with."""

    detection: options.ModelChoice
    recognition: options.ModelChoice
    engine: engines.EngineOptions


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Constructors take no time and load nothing."""
    record = Recorded()

    def make_pipeline(
        detection: options.ModelChoice,
        recognition: options.ModelChoice,
        engine: engines.EngineOptions,
    ) -> tuple[None, int]:
        record.detection, record.recognition, record.engine = detection, recognition, engine
        return None, 1000

    monkeypatch.setattr(ocr_module, "_make_pipeline", make_pipeline)
    return record


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


def test_parameters_by_position(recorded: Recorded) -> None:
    values: dict[str, Any] = dict.fromkeys(PARAMETERS)
    values["text_detection_model_name"] = "a"
    values["text_recognition_model_dir"] = "b"
    values["text_rec_score_thresh"] = "wrong"
    with pytest.raises(InvalidOptionError, match="text_rec_score_thresh='wrong'"):
        PaddleOCR(*values.values())
    values["text_rec_score_thresh"] = 0.5
    PaddleOCR(*values.values())
    assert recorded.detection == options.ModelChoice("a", None)
    assert recorded.recognition == options.ModelChoice("PP-OCRv5_mobile_rec", "b")


def test_public_names() -> None:
    assert set(fastocr.__all__) == {
        "FailedResult", "OCRResult", "PaddleOCR", "__version__", "errors",
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
    *(
        (f"text_{role}_model_{kind}", value, "string" if kind == "name" else "path")
        for role in ("detection", "recognition")
        for kind in ("name", "dir")
        for value in (5, ["x"], b"x", True)
    ),
    *(("lang", value, "a string") for value in (5, ["ch"])),
    *(
        ("ocr_version", value, "'PP-OCRv3', 'PP-OCRv4', 'PP-OCRv5', 'PP-OCRv6'")
        for value in ("v5", "PP-OCRv2", "pp-ocrv5", 5)
    ),
    *(
            ("precision", value, "'fp32', 'int16', 'int8', 'bf16', 'fp16'")
            for value in ("int4", "FP32", 32)
        ),
    *(("engine", value, "'auto', 'native', 'openvino'") for value in ("OpenVINO", "foo", "", 5)),
    *(("engine_config", value, "dictionary") for value in ("PERF_COUNT=1", [1], {1: 2})),
    ("engine_config", {"openvino": 5}, "dictionary"),
    ("engine_config", {"openvino": {}, "PERF_COUNT": True}, "flat or by engine name"),
    *(("device", value, "cpu, gpu") for value in ("", "tpu", "a:b:c", "cuda:0")),
    *(("device", value, "whole numbers") for value in ("gpu:", "gpu:a", "gpu:0,", "npu:-1")),
    *(("device", value, "a string") for value in (0, b"cpu", ["cpu"])),
    *(("device", value, "no device id") for value in ("cpu:0", "cpu:", "CPU:1")),
    *((name, value, "a bool") for name in ("enable_hpi", "use_tensorrt") for value in (1, "yes")),
    *(("min_subgraph_size", value, "at least 1") for value in (0, 2.5, True, "3")),
    *(("warmup", value, "a bool, or a list of (width, height) with sides from 1 to 32768")
      for value in (1, "A4", (960, 1280), [5], [(1,)], [(9, 9), (0, 9)], [(9, 32769)], [(9.0, 9)])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_wrong_values(recorded: Recorded, name: str, value: Any, allowed: str) -> None:
    """The message names the parameter, the value and what is allowed."""
    with pytest.raises(InvalidOptionError) as caught:
        PaddleOCR(**{name: value})
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
        ("engine_config", {}),
        ("engine_config", {"openvino": {}}),
        ("device", "CPU"),
        ("enable_hpi", True),
        ("enable_hpi", False),
        ("use_tensorrt", False),
        ("min_subgraph_size", 3),
    ],
)  # fmt: skip
def test_right_values(recorded: Recorded, name: str, value: Any) -> None:
    PaddleOCR(**{name: value})


@pytest.mark.parametrize("name", [*PARAMETERS, "device", "engine", "engine_config", "precision"])
def test_none_is_the_default(recorded: Recorded, name: str) -> None:
    PaddleOCR(**{name: None})
    assert recorded.detection == options.ModelChoice("PP-OCRv5_mobile_det", None)
    assert recorded.recognition == options.ModelChoice("PP-OCRv5_mobile_rec", None)
    assert (recorded.engine.engine, recorded.engine.precision) == ("auto", None)
    assert recorded.engine.properties == {}


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


def test_numbers_too_large_for_a_float(recorded: Recorded) -> None:
    with pytest.raises(InvalidOptionError, match="text_det_thresh"):
        PaddleOCR(text_det_thresh=10**400)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("text_det_input_shape", (3, 2**40, 32)), ("text_rec_input_shape", (3, 48, 2**40))],
)
def test_shapes_beyond_the_core(recorded: Recorded, name: str, shape: tuple[int, int, int]) -> None:
    """The constructor refuses what `predict` could not pass on."""
    with pytest.raises(InvalidOptionError, match=name):
        PaddleOCR(**{name: shape})


def test_recognition_height_is_that_of_the_models(recorded: Recorded) -> None:
    """All recognition models have inputs of 48 rows."""
    with pytest.raises(InvalidOptionError, match="text_rec_input_shape"):
        PaddleOCR(text_rec_input_shape=(3, 96, 320))


# --- parameters of later versions -----------------------------------------------------------------

LATER = {
    "doc_orientation_classify_model_name": ((None,), ("PP-LCNet_x1_0_doc_ori", "")),
    "doc_orientation_classify_model_dir": ((None,), ("models",)),
    "doc_unwarping_model_name": ((None,), ("UVDoc",)),
    "doc_unwarping_model_dir": ((None,), ("models",)),
    "textline_orientation_model_name": ((None,), ("PP-LCNet_x1_0_textline_ori",)),
    "textline_orientation_model_dir": ((None,), ("models",)),
    "textline_orientation_batch_size": ((None,), (1, 6, 0)),
    "use_doc_orientation_classify": ((None, False), (True, 1, 0, "false", np.bool_(True))),
    "use_doc_unwarping": ((None, False), (True, 1, 0)),
    "use_textline_orientation": ((None, False), (True, 1, 0)),
    "return_word_box": ((None, False), (True, 1, 0)),
    "paddlex_config": ((None,), ("OCR", {}, {"pipeline_name": "OCR"})),
    "enable_cinn": ((None, False), (True,)),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (_, refused) in LATER.items() for value in refused]
)
def test_later_parameters(recorded: Recorded, name: str, value: Any) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        PaddleOCR(**{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert "leave it out" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, (accepted, _) in LATER.items() for value in accepted],
)
def test_later_parameters_that_ask_for_nothing(recorded: Recorded, name: str, value: Any) -> None:
    PaddleOCR(**{name: value})


@pytest.mark.parametrize("name", [n for n in PREDICT_PARAMETERS if n in LATER])
def test_later_parameters_of_predict(ocr: PaddleOCR, name: str) -> None:
    page = np.full((32, 32, 3), 255, np.uint8)
    for value in (True, 1):
        with pytest.raises(UnsupportedOptionError, match=f"{name}={value!r}"):
            ocr.predict(page, **{name: value})
    for value in (None, False):
        assert ocr.predict(page, **{name: value})[0]["rec_texts"] == []


def test_every_parameter_is_known_to_a_test() -> None:
    """A new parameter needs a line in these tables."""
    tested = {name for name, _, _ in WRONG} | set(LATER)
    assert set(PARAMETERS) | set(options._COMMON) == tested


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["show_log", "use_gpu", "text_det_treshold", "input"])
def test_unknown_names(recorded: Recorded, name: str) -> None:
    with pytest.raises(ValueError, match=f"^Unknown argument: {name}$") as caught:
        PaddleOCR(**{name: None})
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
    ("cls_model_dir", "textline_orientation_model_dir", None),
    ("cls_batch_num", "textline_orientation_batch_size", None),
]


def test_alias_table() -> None:
    assert {old: new for old, new, _ in ALIASES} == options.ALIASES


@pytest.mark.parametrize(("old", "new", "value"), ALIASES)
def test_aliases_warn(recorded: Recorded, old: str, new: str, value: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PaddleOCR(**{old: value})
    assert [warning.category for warning in caught] == [DeprecationWarning]
    message = str(caught[0].message)
    assert f"`{old}`" in message
    assert f"`{new}`" in message


def test_alias_warnings_point_at_the_caller(recorded: Recorded) -> None:
    """Python shows deprecations only for the file that a user runs, so this decides who sees it."""
    with pytest.warns(DeprecationWarning, match="det_db_thresh") as caught:
        PaddleOCR(det_db_thresh=0.2)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(("old", "new", "value"), ALIASES)
def test_aliases_do_what_the_new_name_does(
    recorded: Recorded, old: str, new: str, value: Any
) -> None:
    with pytest.warns(DeprecationWarning, match=old):
        by_alias = PaddleOCR(**{old: value})
    by_alias_models = (recorded.detection, recorded.recognition)
    by_name = PaddleOCR(**{new: value})
    assert by_alias._page_options == by_name._page_options
    assert by_alias_models == (recorded.detection, recorded.recognition)


@pytest.mark.parametrize(("old", "new", "value"), [a for a in ALIASES if a[2] is not None])
def test_alias_and_new_name_exclude_each_other(
    recorded: Recorded, old: str, new: str, value: Any
) -> None:
    with (
        pytest.warns(DeprecationWarning, match=old),
        pytest.raises(InvalidOptionError, match="mutually exclusive") as caught,
    ):
        PaddleOCR(**{old: value, new: value})
    assert f"`{old}`" in str(caught.value)
    assert f"`{new}`" in str(caught.value)


def test_values_of_aliases_are_checked(recorded: Recorded) -> None:
    with (
        pytest.warns(DeprecationWarning, match="det_db_thresh"),
        pytest.raises(InvalidOptionError, match="text_det_thresh='x'"),
    ):
        PaddleOCR(det_db_thresh="x")
    with (
        pytest.warns(DeprecationWarning, match="use_angle_cls"),
        pytest.raises(UnsupportedOptionError, match="use_textline_orientation=True"),
    ):
        PaddleOCR(use_angle_cls=True)


# --- language -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "version"), [("ch", None), (None, "PP-OCRv5"), ("ch", "PP-OCRv5")]
)
def test_supported_language(recorded: Recorded, lang: str | None, version: str | None) -> None:
    PaddleOCR(lang=lang, ocr_version=version)
    assert recorded.detection.name == "PP-OCRv5_mobile_det"
    assert recorded.recognition.name == "PP-OCRv5_mobile_rec"


@pytest.mark.parametrize(
    ("lang", "version", "named"),
    [
        ("en", None, "lang='en'"),
        ("xx", "PP-OCRv5", "lang='xx'"),
        ("ch", "PP-OCRv4", "ocr_version='PP-OCRv4'"),
        (None, "PP-OCRv6", "ocr_version='PP-OCRv6'"),
    ],
)
def test_unsupported_language(
    recorded: Recorded, lang: str | None, version: str | None, named: str
) -> None:
    with pytest.raises(UnsupportedOptionError, match=named):
        PaddleOCR(lang=lang, ocr_version=version)


@pytest.mark.parametrize("language", [{"lang": "en"}, {"ocr_version": "PP-OCRv4"}])
@pytest.mark.parametrize(
    "model",
    [
        {"text_detection_model_name": "other"},
        {"text_detection_model_dir": "somewhere"},
        {"text_recognition_model_name": "other"},
        {"text_recognition_model_dir": "somewhere"},
    ],
    ids=lambda model: next(iter(model)),
)
def test_language_is_ignored_beside_models(
    recorded: Recorded, language: dict[str, str], model: dict[str, str]
) -> None:
    with pytest.warns(UserWarning, match="ignored"):
        PaddleOCR(**language, **model)


def test_language_warning_points_at_the_caller(recorded: Recorded) -> None:
    with pytest.warns(UserWarning, match="ignored") as caught:
        PaddleOCR(lang="ch", text_detection_model_name="other")
    assert [warning.filename for warning in caught] == [__file__]


def test_wrong_version_is_an_error_beside_models_too(recorded: Recorded) -> None:
    with pytest.raises(InvalidOptionError, match="ocr_version"):
        PaddleOCR(ocr_version="v5", text_detection_model_name="other")


def test_unknown_model_name() -> None:
    with pytest.raises(ModelNotFoundError, match=r"'PP-OCRv9'.*\*_model_dir"):
        PaddleOCR(text_detection_model_name="PP-OCRv9")


# --- device and engine ----------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["npu:1", "iluvatar_gpu", "XPU:0", "dcu", "mlu:0,1", "gpu:0,1"])
def test_devices_without_an_engine(ocr: PaddleOCR, recorded: Recorded, device: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=re.escape(f"device={device!r}")):
        PaddleOCR(device=device)
    with pytest.raises(UnsupportedOptionError, match=re.escape(f"device={device!r}")):
        ocr.predict("never read.png", device=device)


@pytest.mark.parametrize(("device", "id_"), [("gpu", 0), ("GPU", 0), ("gpu:0", 0), ("gpu:12", 12)])
@pytest.mark.parametrize("engine", [None, "auto", "paddle"])
def test_gpus(recorded: Recorded, device: str, id_: int, engine: str | None) -> None:
    """The only engine that has them is chosen."""
    PaddleOCR(device=device, engine=engine, use_tensorrt=True, min_subgraph_size=5)
    assert recorded.engine.engine == "paddle"
    assert recorded.engine.device == _core.Device("gpu", id_)
    assert recorded.engine.properties == {"use_tensorrt": "YES", "min_subgraph_size": "5"}


def test_other_device_at_predict(ocr: PaddleOCR) -> None:
    """Networks are loaded for one device."""
    page = np.full((32, 32, 3), 255, np.uint8)
    for device in (None, "cpu", "CPU"):
        assert ocr.predict(page, device=device)[0]["rec_texts"] == []
    with pytest.raises(UnsupportedOptionError, match=r"device='gpu:0'.*loaded on 'cpu'"):
        ocr.predict(page, device="gpu:0")


def test_high_performance_with_an_engine(recorded: Recorded) -> None:
    PaddleOCR(enable_hpi=True, engine="auto")
    assert recorded.engine.hpi
    with pytest.warns(UserWarning, match="`enable_hpi` is ignored") as caught:
        PaddleOCR(enable_hpi=True, engine="openvino")
    assert not recorded.engine.hpi
    assert caught[0].filename == __file__


@pytest.mark.parametrize("engine", [None, "native", "openvino"])
@pytest.mark.parametrize("given", [{"use_tensorrt": True}, {"min_subgraph_size": 4}])
def test_tensorrt_without_paddle(
    recorded: Recorded, engine: str | None, given: dict[str, Any]
) -> None:
    name = next(iter(given))
    with pytest.raises(UnsupportedOptionError, match=f"{name}=.*engine='paddle'"):
        PaddleOCR(engine=engine, **given)


@pytest.mark.parametrize("engine", [None, "auto", "native", "openvino"])
def test_engines(recorded: Recorded, engine: str | None) -> None:
    PaddleOCR(engine=engine, cpu_threads=3)
    assert recorded.engine == engines.EngineOptions(engine or "auto", None, 3, {})


@pytest.mark.parametrize("engine", ["paddle_dynamic", "transformers", "onnxruntime"])
def test_engines_of_the_reference(recorded: Recorded, engine: str) -> None:
    with pytest.raises(
        UnsupportedOptionError, match=f"engine={engine!r}.*'auto', 'native', 'openvino', 'paddle'"
    ):
        PaddleOCR(engine=engine)


@pytest.mark.parametrize("engine", ["paddle", "paddle_static"])
@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({}, {}),
        ({"enable_mkldnn": False}, {"enable_mkldnn": "NO"}),
        (
            {"enable_mkldnn": True, "mkldnn_cache_capacity": 0},
            {"enable_mkldnn": "YES", "mkldnn_cache_capacity": "0"},
        ),
        ({"engine_config": {"paddle_static": {"X": 1}}}, {"X": "1"}),
        ({"engine_config": {"X": 1}, "enable_mkldnn": True}, {"X": "1", "enable_mkldnn": "YES"}),
    ],
)
def test_paddle(
    recorded: Recorded, engine: str, given: dict[str, Any], properties: dict[str, str]
) -> None:
    PaddleOCR(engine=engine, cpu_threads=3, **given)
    assert recorded.engine == engines.EngineOptions("paddle", None, 3, properties)


def test_settings_of_paddle_without_an_engine(recorded: Recorded) -> None:
    PaddleOCR(engine_config={"paddle": {"X": 2}})
    assert (recorded.engine.engine, recorded.engine.properties) == ("paddle", {"X": "2"})


@pytest.mark.parametrize(
    ("config", "properties"),
    [
        ({"PERF_COUNT": True, "X": 3, "Y": "z"}, {"PERF_COUNT": "YES", "X": "3", "Y": "z"}),
        ({"openvino": {"PERF_COUNT": False}}, {"PERF_COUNT": "NO"}),
        ({"openvino": {"X": 1}, "paddle": {"Y": 2}}, {"X": "1"}),
        ({}, {}),
    ],
)
def test_engine_config(
    recorded: Recorded, config: dict[str, Any], properties: dict[str, str]
) -> None:
    """Whoever gives settings of OpenVINO has chosen it."""
    PaddleOCR(engine_config=config)
    assert recorded.engine.properties == properties
    assert recorded.engine.engine == ("openvino" if properties else "auto")
    PaddleOCR(engine_config=config, engine="openvino")
    assert recorded.engine.properties == properties


@pytest.mark.parametrize(
    ("config", "properties"),
    [
        ({"X": 1}, {"X": "1"}),
        ({"native": {"X": 1}, "openvino": {"Y": 2}}, {"X": "1"}),
        ({"openvino": {"Y": 2}}, {}),
    ],
)
def test_engine_config_of_a_named_engine(
    recorded: Recorded, config: dict[str, Any], properties: dict[str, str]
) -> None:
    PaddleOCR(engine_config=config, engine="native")
    assert recorded.engine == engines.EngineOptions(
        "native", None, recorded.engine.threads, properties
    )


def test_engine_config_reaches_the_engine(make_ocr: MakeOCR) -> None:
    page = np.full((32, 32, 3), 255, np.uint8)
    with make_ocr(engine_config={"openvino": {"PERF_COUNT": True}}) as own:
        assert own.predict(page)[0]["rec_texts"] == []
    for config in ({"NO_SUCH_PROPERTY": 1}, {"PERF_COUNT": "maybe"}):
        with pytest.raises(InvalidOptionError, match=next(iter(config))) as caught:
            make_ocr(engine_config=config)
        assert "engine_config" in str(caught.value)


def test_engine_settings_have_string_names(recorded: Recorded) -> None:
    with pytest.raises(InvalidOptionError, match="engine_config"):
        PaddleOCR(engine_config={"openvino": {5: 1}})


def in_hardware(precision: str) -> bool:
    """Whether this x86 CPU computes in this precision."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return f"avx512_{precision}" in flags or f"amx_{precision}" in flags


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the CPU's features are named for x86")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision(make_ocr: MakeOCR, pages_dir: Path, precision: str) -> None:
    """Works where the CPU has it; where it has not, nothing else is taken in its place."""
    if not in_hardware(precision):
        with pytest.raises(UnsupportedOptionError, match=f"'{precision}'.*precision='fp32'"):
            make_ocr(precision=precision)
        return
    with make_ocr(precision=precision) as own:
        (result,) = own.predict(pages_dir / "noise_background.png")
    assert "".join(result["rec_texts"][0].split()) == "Busticket,zone3"


def test_threads_default_to_the_cpus_of_the_process(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    PaddleOCR()
    assert recorded.engine.threads == 3


# --- the log of what is not done ------------------------------------------------------------------


def test_switches_left_open_are_logged_once(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reference takes None for True, so the results differ from what a caller may expect."""
    monkeypatch.setattr(ocr_module, "_switches_reported", False)
    PaddleOCR(
        use_doc_orientation_classify=False, use_doc_unwarping=False, use_textline_orientation=False
    )
    assert caplog.records == []
    PaddleOCR(use_doc_unwarping=False)
    PaddleOCR()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("fastocr", "WARNING")
    assert "use_doc_orientation_classify, use_textline_orientation" in record.getMessage()


# --- exceptions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parents"),
    {
        "FastOCRError": (Exception,),
        "InvalidOptionError": (errors.FastOCRError, ValueError),
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
        assert str(getattr(errors, name)("what happened")) == "what happened"
