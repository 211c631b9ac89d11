"""The arguments of the constructor: what they are, and what follows from them together."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastocr import _core, pipeline_config
from fastocr.checks import MAX_SIDE, reject
from fastocr.errors import InvalidOptionError
from fastocr.inputs import InputOptions
from fastocr.options.devices import parse_devices
from fastocr.options.engine import ENGINE_PARAMETERS, engine_options
from fastocr.options.models import ModelChoice, choose, is_on, language_values
from fastocr.options.notices import Notices
from fastocr.options.page import PageOptions, page_options
from fastocr.options.reading import INPUT_PARAMETERS, parse_inputs
from fastocr.pipeline_config import SWITCHES

__all__ = [
    "ALIASES",
    "WARMUP_SIZES",
    "PipelineOptions",
    "parse_constructor",
    "parse_document_constructor",
    "parse_warmup",
]

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
# Parameters beyond the signature.
EXTRA_PARAMETERS = (
    "paddlex_config",
    *ENGINE_PARAMETERS,
    "coordinates",
    "warmup",
    *INPUT_PARAMETERS,
)
# Pages (width, height) for `warmup=True`: A4 at 150 dpi and the 4:3 of cameras and screens, upright
# and lying. With the default limits they fill detection inputs of four sizes.
WARMUP_SIZES = ((1240, 1754), (1754, 1240), (1280, 960), (960, 1280))


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What a pipeline is made of, and how it works.

    Attributes:
        models: the model of each step, by its role; None: the step is off.
        page: how pages are processed. A switch is on if the step has a model.
        inputs: how inputs are read.
        devices: one replica of the pipeline for each.
        config: the whole configuration in PaddleX's form, as `pipeline_config.with_switches` and
            `pipeline_config.export_config` take it.
        warmup: sizes (width, height) of the pages that a new object practises on.

    """

    models: Mapping[str, ModelChoice | None]
    page: PageOptions
    inputs: InputOptions
    devices: tuple[_core.Device, ...]
    config: dict[str, Any]
    warmup: tuple[tuple[int, int], ...] = ()

    def steps(self) -> tuple[str, ...]:
        """Return the roles of the steps that are on."""
        return tuple(role for role, model in self.models.items() if model is not None)

    def without(self, roles: Collection[str]) -> PipelineOptions:
        """Return these options with some steps off, whose models are not there for example."""
        models = {role: None if role in roles else self.models[role] for role in self.models}
        switches = {name: models[role] is not None for name, role in SWITCHES.items()}
        return replace(self, models=models, page=self.page.updated(switches))


def parse_constructor(
    named: Mapping[str, Any], extra: Mapping[str, Any], stacklevel: int
) -> PipelineOptions:
    """Check the constructor's arguments: `named` by signature, `extra` beyond it.

    `stacklevel` says whom warnings blame, counted from the caller as in `warnings.warn`.

    Raises:
        ConfigNotFoundError: `paddlex_config` names a file that is not there.
        InvalidOptionError: an unknown name, a wrong type or value.
        UnsupportedOptionError: a value that this version cannot honour.

    """
    notices = Notices()
    try:
        return _parse(_resolved(named, extra, notices), notices, pipeline_config.ROLES)
    finally:
        notices.give(stacklevel + 2)


def parse_document_constructor(
    named: Mapping[str, Any], extra: Mapping[str, Any], stacklevel: int
) -> PipelineOptions:
    """Do what `parse_constructor` does, for a pipeline of the steps before detection only.

    Raises:
        ConfigNotFoundError, InvalidOptionError, UnsupportedOptionError: as `parse_constructor`.

    """
    unknown = sorted(extra.keys() - {"paddlex_config", *ENGINE_PARAMETERS, *INPUT_PARAMETERS})
    if unknown:
        raise InvalidOptionError(f"Unknown argument: {unknown[0]}")
    notices = Notices()
    try:
        return _parse({**named, **extra}, notices, pipeline_config.DOCUMENT_ROLES)
    finally:
        notices.give(stacklevel + 2)


def _parse(
    given: Mapping[str, Any], notices: Notices, all_roles: tuple[str, ...]
) -> PipelineOptions:
    values = {
        name: pipeline_config.check_parameter(name, given[name])
        for name in pipeline_config.KEYS
        if given.get(name) is not None
    }
    config = pipeline_config.read_config(
        given.get("paddlex_config"),
        notices.warn,
        pipeline="OCR" if all_roles == pipeline_config.ROLES else "doc_preprocessor",
    )
    values.update(language_values(given, config, notices.warn))
    config = pipeline_config.merged(config, values)
    devices = parse_devices("device", given.get("device"))
    roles = [role for role in all_roles if is_on(config, role) is not False]
    engines = engine_options(given, devices[0], config, roles, notices.warn)
    chosen = {role: choose(config, given, role, engines[role]) for role in roles}
    options = PipelineOptions(
        models={role: chosen.get(role) for role in pipeline_config.ROLES},
        page=page_options(config, given.get("coordinates")),
        inputs=parse_inputs(given),
        devices=devices,
        config=config,
        warmup=parse_warmup(given.get("warmup")),
    )
    return options.without(())


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
    if not all(1 <= side <= MAX_SIDE for size in sizes for side in size):
        allowed = f"a bool, or a list of (width, height) with sides from 1 to {MAX_SIDE}"
        reject("warmup", value, allowed)
    return sizes


# ---- names --------------------------------------------------------------------------------------


def _resolved(
    named: Mapping[str, Any], extra: Mapping[str, Any], notices: Notices
) -> dict[str, Any]:
    """Return all arguments by their own names."""
    given = dict(named)
    for name, value in extra.items():
        target = ALIASES.get(name)
        if name in EXTRA_PARAMETERS:
            given[name] = value
            continue
        if target is None:
            raise InvalidOptionError(f"Unknown argument: {name}")
        notices.deprecate(f"The parameter `{name}` is deprecated, use `{target}` instead")
        if given.get(target) is not None:
            raise InvalidOptionError(f"`{name}` and `{target}` are mutually exclusive")
        given[target] = value
    return given
