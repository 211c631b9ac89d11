"""The parameters of the pipeline: names, types, allowed values, defaults and precedence.

Every parameter is checked when it is given, and the message names the parameter, the value and what
is allowed. Nothing is accepted and then ignored.
"""

from __future__ import annotations

import math
import numbers
import operator
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from fastocr import _core, engines
from fastocr.engines import EngineOptions
from fastocr.errors import InvalidOptionError, UnsupportedOptionError
from fastocr.model_config import ModelParams

__all__ = [
    "ModelChoice",
    "PageOptions",
    "available_cpus",
    "parse_constructor",
    "parse_predict",
    "parse_warmup",
]

DETECTION_MODEL = "PP-OCRv5_mobile_det"
RECOGNITION_MODEL = "PP-OCRv5_mobile_rec"
MAX_SIDE_LIMIT = 4000
LIMIT_TYPES = ("min", "max", "resize_long")
PRECISIONS = ("fp32", "int16", "int8", "bf16", "fp16")
OCR_VERSIONS = ("PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6")
DEVICE_TYPES = (
    "cpu", "gpu", "xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu",
)  # fmt: skip
# Pages (width, height) for `warmup=True`: A4 at 150 dpi and the 4:3 of cameras and screens, upright
# and lying. With the default limits they fill detection inputs of four sizes.
WARMUP_SIZES = ((1240, 1754), (1754, 1240), (1280, 960), (960, 1280))
# Engines of the reference that are no engines of fastocr, or not yet.
REFERENCE_ENGINES = ("paddle_dynamic", "transformers", "onnxruntime")
# The reference's other name of an engine of fastocr.
ENGINE_ALIASES = {"paddle_static": "paddle"}

# Names of PaddleOCR 2.x, still accepted with a DeprecationWarning.
ALIASES = {
    "det_model_dir": "text_detection_model_dir",
    "det_limit_side_len": "text_det_limit_side_len",
    "det_limit_type": "text_det_limit_type",
    "det_db_thresh": "text_det_thresh",
    "det_db_box_thresh": "text_det_box_thresh",
    "det_db_unclip_ratio": "text_det_unclip_ratio",
    "rec_model_dir": "text_recognition_model_dir",
    "rec_batch_num": "text_recognition_batch_size",
    "use_angle_cls": "use_textline_orientation",
    "cls_model_dir": "textline_orientation_model_dir",
    "cls_batch_num": "textline_orientation_batch_size",
}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """An official model name, and the directory it is loaded from (None: an installed package)."""

    name: str
    directory: str | None


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How a page is processed; shapes are (channels, height, width)."""

    text_det_limit_side_len: int = 960
    text_det_limit_type: str = "max"
    text_det_thresh: float = 0.3
    text_det_box_thresh: float = 0.6
    text_det_unclip_ratio: float = 2.0
    text_det_input_shape: tuple[int, int, int] | None = None
    text_rec_score_thresh: float = 0.0
    text_rec_input_shape: tuple[int, int, int] | None = None
    text_recognition_batch_size: int = 6

    def updated(self, given: Mapping[str, Any]) -> PageOptions:
        """Return these options with the values of `given` that are not None."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values.update({name: value for name, value in given.items() if value is not None})
        return PageOptions(**values)

    def detection_params(self) -> dict[str, Any]:
        """Return the detection parameters as a result reports them (``text_det_params``)."""
        return {
            "limit_side_len": self.text_det_limit_side_len,
            "limit_type": self.text_det_limit_type,
            "thresh": self.text_det_thresh,
            "max_side_limit": MAX_SIDE_LIMIT,
            "box_thresh": self.text_det_box_thresh,
            "unclip_ratio": self.text_det_unclip_ratio,
        }

    def core_params(self, detection: ModelParams, recognition: ModelParams) -> _core.PageParams:
        """Return the options, and what the models say, in the core's form."""
        _, height, width = recognition.image_shape
        return _core.PageParams(
            **self.detection_params(),
            max_candidates=detection.max_candidates,
            mean=detection.mean,
            std=detection.std,
            scale=detection.scale,
            rec_image_size=(width, height),
            det_input_size=_size(self.text_det_input_shape),
            batch_size=self.text_recognition_batch_size,
            rec_input_size=_size(self.text_rec_input_shape),
            score_thresh=self.text_rec_score_thresh,
        )


def _size(shape: tuple[int, int, int] | None) -> tuple[int, int] | None:
    return None if shape is None else (shape[2], shape[1])


# ---- checks of single values --------------------------------------------------------------------

Check = Callable[[str, Any], Any]


def _reject(name: str, value: object, allowed: str) -> NoReturn:
    raise InvalidOptionError(f"{name}={value!r} is not allowed: {allowed} is expected")


def _integer(minimum: int) -> Check:
    def check(name: str, value: Any) -> int:
        allowed = f"an integer of at least {minimum}"
        if isinstance(value, bool):
            _reject(name, value, allowed)
        try:
            number = operator.index(value)
        except TypeError:
            _reject(name, value, allowed)
        if not minimum <= number <= 2**31 - 1:
            _reject(name, value, allowed)
        return number

    return check


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _reject(name, value, "a bool")
    return value


def _number(minimum: float, exclusive: bool = False) -> Check:
    def check(name: str, value: Any) -> float:
        allowed = f"a number {'greater than' if exclusive else 'of at least'} {minimum:g}"
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            _reject(name, value, allowed)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or number < minimum or (exclusive and number == minimum):
            _reject(name, value, allowed)
        return number

    return check


def _choice(choices: tuple[str, ...]) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            _reject(name, value, f"one of {', '.join(map(repr, choices))}")
        return value

    return check


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        _reject(name, value, "a string")
    return value


def _path(name: str, value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)):
        _reject(name, value, "a path (str or os.PathLike)")
    return os.fsdecode(value)


_MAX_SIDE = 32768  # of a network input; beyond it memory ends before the range of int


def _input_shape(allowed: str, fits: Callable[[int, int], bool]) -> Check:
    def check(name: str, value: Any) -> tuple[int, int, int]:
        try:
            channels, height, width = (operator.index(side) for side in value)
        except (TypeError, ValueError):
            _reject(name, value, allowed)
        if channels != 3 or max(height, width) > _MAX_SIDE or not fits(height, width):
            _reject(name, value, allowed)
        return channels, height, width

    return check


_detection_shape = _input_shape(
    f"(3, height, width) with sides that are multiples of 32, from 32 to {_MAX_SIDE},",
    lambda height, width: min(height, width) >= 32 and height % 32 == 0 and width % 32 == 0,
)
# Narrower than 8 columns the networks have no time step left.
_recognition_shape = _input_shape(
    f"(3, 48, width) with a width from 8 to {_MAX_SIDE}",
    lambda height, width: height == 48 and width >= 8,
)


def parse_warmup(value: Any) -> tuple[tuple[int, int], ...]:
    """Return the sizes (width, height) of the pages that a new object practises on.

    Raises:
        InvalidOptionError: a wrong type or value.

    """
    if value is None or isinstance(value, bool):
        return WARMUP_SIZES if value else ()
    try:
        sizes = tuple((operator.index(width), operator.index(height)) for width, height in value)
    except (TypeError, ValueError):
        sizes = ((0, 0),)
    if not all(1 <= side <= _MAX_SIDE for size in sizes for side in size):
        allowed = f"a bool, or a list of (width, height) with sides from 1 to {_MAX_SIDE}"
        _reject("warmup", value, allowed)
    return sizes


_PAGE_CHECKS: dict[str, Check] = {
    "text_det_limit_side_len": _integer(1),
    "text_det_limit_type": _choice(LIMIT_TYPES),
    "text_det_thresh": _number(0),
    "text_det_box_thresh": _number(0),
    "text_det_unclip_ratio": _number(0, exclusive=True),
    "text_det_input_shape": _detection_shape,
    "text_rec_score_thresh": _number(0),
    "text_rec_input_shape": _recognition_shape,
    "text_recognition_batch_size": _integer(1),
}

# What this version cannot do yet: the values that ask for nothing, and what the parameter is for.
_OFF: tuple[Any, ...] = (None, False)
_LATER: dict[str, tuple[tuple[Any, ...], str]] = {
    "doc_orientation_classify_model_name": ((None,), "document orientation"),
    "doc_orientation_classify_model_dir": ((None,), "document orientation"),
    "doc_unwarping_model_name": ((None,), "document unwarping"),
    "doc_unwarping_model_dir": ((None,), "document unwarping"),
    "textline_orientation_model_name": ((None,), "text line orientation"),
    "textline_orientation_model_dir": ((None,), "text line orientation"),
    "textline_orientation_batch_size": ((None,), "text line orientation"),
    "use_doc_orientation_classify": (_OFF, "document orientation"),
    "use_doc_unwarping": (_OFF, "document unwarping"),
    "use_textline_orientation": (_OFF, "text line orientation"),
    "return_word_box": (_OFF, "word boxes"),
    "paddlex_config": ((None,), "pipeline configuration files"),
    "enable_cinn": (_OFF, "the CINN compiler of Paddle Inference"),
}

_SWITCHES = ("use_doc_orientation_classify", "use_doc_unwarping", "use_textline_orientation")


def _check_later(name: str, value: Any) -> None:
    allowed, purpose = _LATER[name]
    # Identity and type matter: 1 == True, and a numpy array must not be compared.
    if any(value is item or (type(value) is type(item) and value == item) for item in allowed):
        return
    choices = " or ".join(map(repr, allowed))
    raise UnsupportedOptionError(
        f"{name}={value!r} is not supported by this version of fastocr ({purpose}): "
        f"leave it out or pass {choices}"
    )


def _page_values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: check(name, given[name])
        for name, check in _PAGE_CHECKS.items()
        if given.get(name) is not None
    }


# ---- models -------------------------------------------------------------------------------------

_MODEL_PARAMETERS = (
    "text_detection_model_name",
    "text_detection_model_dir",
    "text_recognition_model_name",
    "text_recognition_model_dir",
)


def _models(given: Mapping[str, Any], stacklevel: int) -> tuple[ModelChoice, ModelChoice]:
    lang, version = given.get("lang"), given.get("ocr_version")
    if version is not None:
        _choice(OCR_VERSIONS)("ocr_version", version)
    if lang is not None:
        _string("lang", lang)
    if all(given.get(name) is None for name in _MODEL_PARAMETERS):
        _check_language(lang, version)
    elif lang is not None or version is not None:
        warnings.warn(
            "`lang` and `ocr_version` are ignored because a model name or directory is given",
            UserWarning,
            stacklevel=stacklevel,
        )
    return (
        _model_choice(given, "text_detection", DETECTION_MODEL),
        _model_choice(given, "text_recognition", RECOGNITION_MODEL),
    )


def _check_language(lang: str | None, version: str | None) -> None:
    if lang not in (None, "ch"):
        raise UnsupportedOptionError(
            f"lang={lang!r} is not supported by this version of fastocr: pass 'ch' (Chinese, "
            "Traditional Chinese, English, Japanese), or text_recognition_model_name and "
            "text_recognition_model_dir for a model of that language"
        )
    if version not in (None, "PP-OCRv5"):
        raise UnsupportedOptionError(
            f"ocr_version={version!r} is not supported by this version of fastocr: pass "
            "'PP-OCRv5', or the names and directories of the models"
        )


def _model_choice(given: Mapping[str, Any], role: str, default: str) -> ModelChoice:
    name, directory = given.get(f"{role}_model_name"), given.get(f"{role}_model_dir")
    return ModelChoice(
        default if name is None else _string(f"{role}_model_name", name),
        None if directory is None else _path(f"{role}_model_dir", directory),
    )


# ---- device and engine --------------------------------------------------------------------------


def parse_device(name: str, device: Any) -> _core.Device:
    """Return the device of a string like "gpu:0"; None is the CPU.

    Raises:
        InvalidOptionError: not a device string.
        UnsupportedOptionError: a device that this version has no engine for.

    """
    if device is None:
        return _core.Device()
    kind, colon, ids = _string(name, device).partition(":")
    kind = kind.lower()
    if kind not in DEVICE_TYPES:
        _reject(name, device, f"one of {', '.join(DEVICE_TYPES)}, optionally with ':' and an id")
    if kind == "cpu" and colon:
        _reject(name, device, "'cpu' with no device id")
    numbers_given = ids.split(",") if colon else ["0"]
    if not all(part.isdecimal() and len(part) < 5 for part in numbers_given):
        _reject(name, device, "device ids that are whole numbers, for example 'gpu:0'")
    if kind not in ("cpu", "gpu"):
        raise UnsupportedOptionError(
            f"{name}={device!r} cannot be used: the engines of this version run on CPUs and on "
            f"NVIDIA's GPUs; pass {name}='cpu' or 'gpu:0'"
        )
    if len(numbers_given) > 1:
        raise UnsupportedOptionError(
            f"{name}={device!r} cannot be used: one object runs on one GPU; make one for each, "
            f"{' and '.join(f'{name}={kind}:{part}' for part in numbers_given)}"
        )
    return _core.Device(kind, int(numbers_given[0]))


# What only the Paddle engine has, as its own settings of the same name; the value that asks for
# nothing of other engines. oneDNN is on: so are their own kernels.
_PADDLE_CHECKS: dict[str, tuple[Check, Any]] = {
    "enable_mkldnn": (_switch, True),
    "mkldnn_cache_capacity": (_integer(0), None),
    "use_tensorrt": (_switch, False),
    "min_subgraph_size": (_integer(1), 3),
}


def _paddle_settings(given: Mapping[str, Any], engine: str) -> dict[str, str]:
    settings = {}
    for name, (check, nothing) in _PADDLE_CHECKS.items():
        if given.get(name) is None:
            continue
        value = check(name, given[name])
        if engine == "paddle":
            settings[name] = _property_text(value)
        elif value != nothing:
            raise UnsupportedOptionError(
                f"{name}={value!r} is a setting of the Paddle engine: pass engine='paddle' with it "
                "or leave it out"
            )
    return settings


def _engine(given: Mapping[str, Any], device: _core.Device) -> str:
    engine = given.get("engine")
    if engine is None or engine == engines.AUTO:
        # The only engine that has GPUs.
        return "paddle" if device.kind == "gpu" else engines.AUTO
    if isinstance(engine, str):
        engine = ENGINE_ALIASES.get(engine, engine)
    known = _core.engine_names()
    if engine in REFERENCE_ENGINES and engine not in known:
        raise UnsupportedOptionError(
            f"engine={engine!r} is not available in this version of fastocr: leave it out or pass "
            f"one of 'auto', {', '.join(map(repr, known))}"
        )
    return str(_choice(("auto", *known))("engine", engine))


def _hpi(given: Mapping[str, Any], stacklevel: int) -> bool:
    """Return whether the engine may be tuned: only where fastocr chooses the engine."""
    value = given.get("enable_hpi")
    if value is None or not _switch("enable_hpi", value):
        return False
    if given.get("engine") in (None, engines.AUTO):
        return True
    warnings.warn(
        "`enable_hpi` is ignored because `engine` is given",
        UserWarning,
        stacklevel=stacklevel,
    )
    return False


def _engine_properties(given: Mapping[str, Any], engine: str) -> dict[str, str]:
    """Return the engine's own settings: flat, or in a bucket named like the engine."""
    config = given.get("engine_config")
    if config is None:
        return {}
    if not isinstance(config, Mapping) or not all(isinstance(key, str) for key in config):
        _reject("engine_config", config, "a dictionary with string keys")
    config = {ENGINE_ALIASES.get(key, key): value for key, value in config.items()}
    buckets = [key for key in config if key in (*_core.engine_names(), *REFERENCE_ENGINES)]
    if buckets and len(buckets) != len(config):
        _reject("engine_config", config, "a dictionary of settings, flat or by engine name,")
    if engine != "native" and config.get("native"):
        _reject(
            "engine_config", config, "a dictionary without settings of 'native', which has none"
        )
    settings = config.get(engine, {}) if buckets else config
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        _reject("engine_config", config, f"a dictionary with string keys under {engine!r}")
    return {key: _property_text(value) for key, value in settings.items()}


def _engine_and_properties(
    given: Mapping[str, Any], device: _core.Device
) -> tuple[str, dict[str, str]]:
    """Return both; settings without an engine choose it, flat ones OpenVINO."""
    engine = _engine(given, device)
    for name in ("openvino", "paddle") if engine == engines.AUTO else (engine,):
        properties = _engine_properties(given, name)
        if properties:
            return name, properties
    return engine, {}


def _property_text(value: Any) -> str:
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)


def available_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _engine_options(given: Mapping[str, Any], stacklevel: int) -> EngineOptions:
    device = parse_device("device", given.get("device"))
    engine, properties = _engine_and_properties(given, device)
    for name, value in _paddle_settings(given, engine).items():
        if properties.setdefault(name, value) != value:
            raise InvalidOptionError(f"`{name}` and engine_config[{name!r}] differ")
    precision, threads = given.get("precision"), given.get("cpu_threads")
    return EngineOptions(
        engine=engine,
        precision=None if precision is None else _choice(PRECISIONS)("precision", precision),
        threads=available_cpus() if threads is None else _integer(1)("cpu_threads", threads),
        properties=properties,
        device=device,
        hpi=_hpi(given, stacklevel),
    )


# ---- whole calls --------------------------------------------------------------------------------

_COMMON = (
    "paddlex_config", "device", "engine", "engine_config", "enable_hpi", "use_tensorrt",
    "min_subgraph_size", "precision", "enable_mkldnn", "mkldnn_cache_capacity", "cpu_threads",
    "enable_cinn", "warmup",
)  # fmt: skip


def _resolve_aliases(given: dict[str, Any], extra: Mapping[str, Any], stacklevel: int) -> None:
    for name, value in extra.items():
        target = ALIASES.get(name, name)
        if name in _COMMON:
            given[name] = value
            continue
        if target == name:
            raise InvalidOptionError(f"Unknown argument: {name}")
        warnings.warn(
            f"The parameter `{name}` is deprecated, use `{target}` instead",
            DeprecationWarning,
            stacklevel=stacklevel,
        )
        if given.get(target) is not None:
            raise InvalidOptionError(f"`{name}` and `{target}` are mutually exclusive")
        given[target] = value


def parse_constructor(
    named: Mapping[str, Any], extra: Mapping[str, Any], stacklevel: int
) -> tuple[ModelChoice, ModelChoice, EngineOptions, PageOptions]:
    """Check the constructor's arguments: `named` by signature, `extra` beyond it.

    `stacklevel` says whom warnings blame, counted from the caller as in `warnings.warn`.

    Raises:
        InvalidOptionError: an unknown name, a wrong type or value.
        UnsupportedOptionError: a value that this version cannot honour.

    """
    given = dict(named)
    _resolve_aliases(given, extra, stacklevel + 2)
    for name in _LATER:
        _check_later(name, given.get(name))
    detection, recognition = _models(given, stacklevel + 2)
    page = PageOptions().updated(_page_values(given))
    return detection, recognition, _engine_options(given, stacklevel + 3), page


def parse_predict(given: Mapping[str, Any], own_device: _core.Device) -> dict[str, Any]:
    """Check the arguments of `predict` and return the page options among them.

    Raises:
        InvalidOptionError: a wrong type or value.
        UnsupportedOptionError: a value that this version cannot honour, or another device than
            the object's own.

    """
    for name in (*_SWITCHES, "return_word_box"):
        _check_later(name, given.get(name))
    device = given.get("device")
    if device is not None and parse_device("device", device) != own_device:
        raise UnsupportedOptionError(
            f"device={device!r} cannot be used: the networks of this object are loaded on "
            f"{own_device.name!r}; make another one with device={device!r}"
        )
    return _page_values(given)


def unset_switches(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the switches left at None, which the reference takes for True."""
    return tuple(name for name in _SWITCHES if given.get(name) is None)
