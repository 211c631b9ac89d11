"""Which model each step of the pipeline has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastocr import languages, pipeline_config
from fastocr.engines import EngineOptions

__all__ = ["ModelChoice", "choose", "is_on", "language_values"]

_TEXT_MODELS = (
    "text_detection_model_name",
    "text_detection_model_dir",
    "text_recognition_model_name",
    "text_recognition_model_dir",
)
_SWITCH_OF = {role: name for name, role in pipeline_config.SWITCHES.items()}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model of a step.

    Attributes:
        name: official name.
        directory: where it is loaded from; None: wherever the model store finds it.
        required: it was asked for: if it is missing, it is downloaded, or that is an error.
            Otherwise the step is left out then.
        engine: how it is run, on the first of the devices.

    """

    name: str
    directory: str | None
    required: bool
    engine: EngineOptions


def language_values(
    given: Mapping[str, Any], config: Mapping[str, Any], report: Callable[[str], None]
) -> dict[str, Any]:
    """Return the parameters that `lang` and `ocr_version` stand for.

    They name both text models. The directory of another model that the configuration may have does
    not fit then. Beside a model that the constructor names they are ignored.

    Raises:
        InvalidOptionError: a wrong type or version, or no model for both.

    """
    lang, version = given.get("lang"), given.get("ocr_version")
    if lang is None and version is None:
        return {}
    if any(given.get(name) is not None for name in _TEXT_MODELS):
        languages.check(lang, version)
        report("`lang` and `ocr_version` are ignored because a model name or directory is given")
        return {}
    names = languages.model_names(lang, version)
    values: dict[str, Any] = {}
    for role, name in zip(("text_detection", "text_recognition"), names, strict=True):
        section = pipeline_config.SECTIONS[role]
        values[f"{role}_model_name"] = name
        if pipeline_config.lookup(config, f"{section}.model_name") != name:
            values[f"{role}_model_dir"] = None
    return values


def is_on(config: Mapping[str, Any], role: str) -> bool | None:
    """Return whether a configuration has this step; None where it is left unset."""
    switch = _SWITCH_OF.get(role)
    return True if switch is None else pipeline_config.switch_value(config, switch)


def choose(
    config: Mapping[str, Any], given: Mapping[str, Any], role: str, engine: EngineOptions
) -> ModelChoice:
    """Return the model of a step that is on or unset."""
    section = pipeline_config.SECTIONS[role]
    default = pipeline_config.lookup(pipeline_config.default_config(), f"{section}.model_name")
    directory = pipeline_config.lookup(config, f"{section}.model_dir")
    named = given.get(f"{role}_model_name") is not None or directory is not None
    return ModelChoice(
        pipeline_config.lookup(config, f"{section}.model_name", default),
        directory,
        named or is_on(config, role) is True,
        engine,
    )
