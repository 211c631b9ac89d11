"""Pipeline configurations in PaddleX's form: reading, checking, merging and writing them.

A configuration is a nested dictionary. Here its keys are named by their whole path, for example
``SubModules.TextDetection.thresh``.
"""

from __future__ import annotations

import ast
import copy
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from fastocr import checks, yaml_files
from fastocr.checks import Check
from fastocr.errors import ConfigNotFoundError, InvalidOptionError

__all__ = [
    "DOCUMENT_ROLES",
    "DOC_PREPROCESSOR",
    "KEYS",
    "ROLES",
    "SECTIONS",
    "SWITCHES",
    "check_parameter",
    "default_config",
    "export_config",
    "lookup",
    "merged",
    "read_config",
    "switch_value",
    "with_switches",
]

LIMIT_TYPES = ("min", "max", "resize_long")
TEXT_TYPES = ("general", "seal")

DOC_PREPROCESSOR = "SubPipelines.DocPreprocessor"
# Where the settings of each model are.
SECTIONS = {
    "doc_orientation_classify": f"{DOC_PREPROCESSOR}.SubModules.DocOrientationClassify",
    "doc_unwarping": f"{DOC_PREPROCESSOR}.SubModules.DocUnwarping",
    "text_detection": "SubModules.TextDetection",
    "textline_orientation": "SubModules.TextLineOrientation",
    "text_recognition": "SubModules.TextRecognition",
}
ROLES = tuple(SECTIONS)
# The steps before detection.
DOCUMENT_ROLES = ("doc_orientation_classify", "doc_unwarping")

# The steps that can be switched off, by their switches.
SWITCHES = {
    "use_doc_orientation_classify": "doc_orientation_classify",
    "use_doc_unwarping": "doc_unwarping",
    "use_textline_orientation": "textline_orientation",
}
_DOC_SWITCHES = ("use_doc_orientation_classify", "use_doc_unwarping")

# The key of each parameter of the constructor that a configuration can hold.
KEYS = {
    **{f"{role}_model_name": f"{section}.model_name" for role, section in SECTIONS.items()},
    **{f"{role}_model_dir": f"{section}.model_dir" for role, section in SECTIONS.items()},
    "use_doc_orientation_classify": f"{DOC_PREPROCESSOR}.use_doc_orientation_classify",
    "use_doc_unwarping": f"{DOC_PREPROCESSOR}.use_doc_unwarping",
    "use_textline_orientation": "use_textline_orientation",
    "textline_orientation_batch_size": "SubModules.TextLineOrientation.batch_size",
    "text_recognition_batch_size": "SubModules.TextRecognition.batch_size",
    "text_det_limit_side_len": "SubModules.TextDetection.limit_side_len",
    "text_det_limit_type": "SubModules.TextDetection.limit_type",
    "text_det_thresh": "SubModules.TextDetection.thresh",
    "text_det_box_thresh": "SubModules.TextDetection.box_thresh",
    "text_det_unclip_ratio": "SubModules.TextDetection.unclip_ratio",
    "text_det_input_shape": "SubModules.TextDetection.input_shape",
    "text_rec_score_thresh": "SubModules.TextRecognition.score_thresh",
    "return_word_box": "SubModules.TextRecognition.return_word_box",
    "text_rec_input_shape": "SubModules.TextRecognition.input_shape",
}

# What any level may say of the engine; inner levels win.
_ENGINE_CHECKS: dict[str, Check] = {
    "engine": checks.engine_name,
    "engine_config": checks.settings,
    "use_hpip": checks.switch,
    "hpi_config": checks.settings,
}
_MODULE_CHECKS: dict[str, Check] = {
    "module_name": checks.text,
    "model_name": checks.text,
    "model_dir": checks.path,
    "batch_size": checks.integer(1),
    **_ENGINE_CHECKS,
}


def _keys_below(section: str, keys: Mapping[str, Check]) -> dict[str, Check]:
    return {f"{section}.{key}": check for key, check in keys.items()}


# Every known key, and what it may hold.
_SCHEMA: dict[str, Check] = {
    "pipeline_name": checks.choice(("OCR",)),
    "batch_size": checks.integer(1),
    **_ENGINE_CHECKS,
    "text_type": checks.choice(TEXT_TYPES),
    "use_doc_preprocessor": checks.switch,
    "use_textline_orientation": checks.switch,
    # For the service, which checks it.
    "Serving": checks.settings,
    **_keys_below(
        DOC_PREPROCESSOR,
        {
            "pipeline_name": checks.choice(("doc_preprocessor",)),
            "batch_size": checks.integer(1),
            **_ENGINE_CHECKS,
            "use_doc_orientation_classify": checks.switch,
            "use_doc_unwarping": checks.switch,
        },
    ),
    **{
        key: check
        for section in SECTIONS.values()
        for key, check in _keys_below(section, _MODULE_CHECKS).items()
    },
    **_keys_below(
        SECTIONS["text_detection"],
        {
            "limit_side_len": checks.integer(1),
            "limit_type": checks.choice(LIMIT_TYPES),
            "max_side_limit": checks.integer(32),
            "thresh": checks.number(0),
            "box_thresh": checks.number(0),
            "unclip_ratio": checks.number(0, exclusive=True),
            "input_shape": checks.detection_shape,
        },
    ),
    **_keys_below(
        SECTIONS["text_recognition"],
        {
            "score_thresh": checks.number(0),
            "return_word_box": checks.switch,
            "input_shape": checks.recognition_shape,
        },
    ),
}
_SECTION_NAMES = frozenset(
    key[:dot] for key in _SCHEMA for dot, char in enumerate(key) if char == "."
)


def default_config() -> dict[str, Any]:
    """Return the configuration of `PaddleOCR()`.

    The switches are missing, which leaves them unset: a step is on if its model is on disk.
    """
    return {
        "pipeline_name": "OCR",
        "text_type": "general",
        "SubPipelines": {
            "DocPreprocessor": {
                "pipeline_name": "doc_preprocessor",
                "SubModules": {
                    "DocOrientationClassify": _module(
                        "doc_text_orientation", "PP-LCNet_x1_0_doc_ori"
                    ),
                    "DocUnwarping": _module("image_unwarping", "UVDoc"),
                },
            }
        },
        "SubModules": {
            "TextDetection": _module(
                "text_detection",
                "PP-OCRv5_mobile_det",
                limit_side_len=960,
                limit_type="max",
                max_side_limit=4000,
                thresh=0.3,
                box_thresh=0.6,
                unclip_ratio=2.0,
            ),
            "TextLineOrientation": _module(
                "textline_orientation", "PP-LCNet_x1_0_textline_ori", batch_size=6
            ),
            "TextRecognition": _module(
                "text_recognition", "PP-OCRv5_mobile_rec", batch_size=6, score_thresh=0.0
            ),
        },
    }


def _module(module_name: str, model_name: str, **rest: Any) -> dict[str, Any]:
    return {"module_name": module_name, "model_name": model_name, "model_dir": None, **rest}


def lookup(config: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return the value at a path like "SubModules.TextDetection"; `default` if missing or None."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return default if value is None else value


def check_parameter(name: str, value: Any) -> Any:
    """Check a parameter of the constructor as its key in a configuration is checked.

    Raises:
        InvalidOptionError: a wrong type or value.

    """
    return _SCHEMA[KEYS[name]](name, value)


# ---- reading ------------------------------------------------------------------------------------


def read_config(
    source: Any, report: Callable[[str], None], *, pipeline: str = "OCR"
) -> dict[str, Any]:
    """Return the checked configuration that the parameter `paddlex_config` names.

    Args:
        source: a path that ends with ``.yml`` or ``.yaml``, the name `pipeline`, which means the
            default configuration as None does, or a dictionary.
        report: is told of keys that are not known, which have no effect.
        pipeline: "OCR"; or "doc_preprocessor", whose configuration is returned in its place in one
            of "OCR".

    Raises:
        ConfigNotFoundError: there is no such file.
        InvalidOptionError: `source` is none of these, the file is damaged, or a value in it has a
            wrong type or is not allowed.
        UnsupportedOptionError: a value that this version cannot honour.

    """
    if source is None or source == pipeline:
        return default_config()
    if isinstance(source, Mapping):
        return _checked(source, pipeline, report, "paddlex_config", from_file=False)
    allowed = f"a .yml or .yaml file, a dictionary or {pipeline!r}"
    file = Path(checks.path("paddlex_config", source))
    if file.suffix.lower() not in (".yml", ".yaml"):
        checks.reject("paddlex_config", source, allowed)
    return _checked(
        _load(file), pipeline, report, f"paddlex_config={os.fspath(file)!r}", from_file=True
    )


def _load(file: Path) -> Any:
    try:
        return yaml_files.parse(file.read_bytes())
    except FileNotFoundError:
        raise ConfigNotFoundError(f"paddlex_config: the file {file} is not found") from None
    except OSError as error:
        raise InvalidOptionError(f"paddlex_config: {file} cannot be read: {error}") from error
    except yaml_files.DamagedYAMLError as error:
        raise InvalidOptionError(f"paddlex_config: {file} is no YAML file: {error}") from error


def _checked(
    config: Any, pipeline: str, report: Callable[[str], None], origin: str, *, from_file: bool
) -> dict[str, Any]:
    section = "" if pipeline == "OCR" else DOC_PREPROCESSOR
    try:
        if not isinstance(config, Mapping):
            checks.reject("the configuration", config, "a mapping of keys")
        if not yaml_files.is_tree(dict(config)):
            checks.reject(
                "the configuration", config, f"one of at most {yaml_files.MOST_LEVELS} levels"
            )
        if config.get("pipeline_name") is None:
            checks.reject("pipeline_name", None, repr(pipeline))
        walk = _Walk(section, from_file)
        result = walk.section(config, section)
    except InvalidOptionError as error:
        raise type(error)(f"{origin}: {error}") from error
    if walk.unknown:
        report(f"{origin}: unknown keys have no effect: {'; '.join(walk.unknown)}")
    return {"SubPipelines": {"DocPreprocessor": result}} if section else result


class _Walk:
    """Goes through a configuration, checks what is known and collects the keys that are not."""

    def __init__(self, root: str, from_file: bool) -> None:
        self.unknown: list[str] = []
        self._root = root
        self._from_file = from_file

    def section(self, values: Mapping[Any, Any], section: str) -> dict[str, Any]:
        """Return a checked copy of one section; its name begins with the root's."""
        result = {}
        for name, value in values.items():
            key = f"{section}.{name}" if section else str(name)
            if key in _SECTION_NAMES and isinstance(value, Mapping):
                result[name] = self.section(value, key)
            elif key in _SECTION_NAMES:
                checks.reject(self._shown(key), value, "a mapping of keys")
            else:
                result[name] = self._value(key, value)
        return result

    def _value(self, key: str, value: Any) -> Any:
        check = _SCHEMA.get(key)
        if check is None:
            self.unknown.append(self._shown(key) + _hint(key))
        if check is None or value is None:
            return value
        try:
            return check(self._shown(key), value)
        except InvalidOptionError:
            literal = _literal(value) if self._from_file else None
            if literal is None:
                raise
        return check(self._shown(key), literal)

    def _shown(self, key: str) -> str:
        return key[len(self._root) + 1 :] if self._root else key


def _literal(value: Any) -> Any:
    """Return the Python value that a string of a file spells, such as "1e-3"; None if it does not.

    In the reference every string of a file that spells a value is that value.
    """
    if not isinstance(value, str):
        return None
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _hint(key: str) -> str:
    section, _, name = key.rpartition(".")
    if name == "device":
        return " (pass `device` to the constructor)"
    import difflib

    known = {known.rpartition(".") for known in (*_SCHEMA, *_SECTION_NAMES)}
    names = sorted(other for place, _, other in known if place == section)
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


# ---- merging ------------------------------------------------------------------------------------


def merged(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `config` in which the parameters `given` replace what it says.

    Where it switches both document steps off by ``use_doc_preprocessor``, asking for one of them
    does not bring the other.
    """
    result = copy.deepcopy(dict(config))
    if result.get("use_doc_preprocessor") is False and any(map(given.get, _DOC_SWITCHES)):
        result["use_doc_preprocessor"] = True
        for name in _DOC_SWITCHES:
            _set(result, KEYS[name], False)
    for name, value in given.items():
        _set(result, KEYS[name], value)
    return result


def with_switches(config: Mapping[str, Any], steps: Collection[str]) -> dict[str, Any]:
    """Return a copy of `config` in which every switch is set: on for the roles in `steps`."""
    result = copy.deepcopy(dict(config))
    for name, role in SWITCHES.items():
        _set(result, KEYS[name], role in steps)
    result["use_doc_preprocessor"] = any(SWITCHES[name] in steps for name in _DOC_SWITCHES)
    return result


def switch_value(config: Mapping[str, Any], name: str) -> bool | None:
    """Return what a configuration says of the switch `name`; None where it leaves it unset."""
    if name in _DOC_SWITCHES and config.get("use_doc_preprocessor") is False:
        return False
    value: bool | None = lookup(config, KEYS[name])
    return value


def _set(config: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        config = config.setdefault(section, {})
    config[name] = value


# ---- writing ------------------------------------------------------------------------------------


def export_config(config: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a configuration as YAML, with sorted keys, in UTF-8.

    Raises:
        InvalidOptionError: a value, for example in ``engine_config``, that YAML has no form for.
        OSError: the file cannot be written.

    """
    import yaml

    text = yaml.safe_dump(_plain("", config), allow_unicode=True, sort_keys=True)
    Path(path).write_text(text, encoding="utf-8")


def _plain(name: str, value: Any) -> Any:
    """Return `value` of the types that YAML has."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(f"{name}.{key}".lstrip("."), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(f"{name}[{index}]", item) for index, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    return checks.reject(name, value, "a number, string, list or dictionary, as files hold them,")
