"""Finds the models of a pipeline's steps and loads them, each with its engine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastocr import _core, engines, model_store
from fastocr.engines import EngineOptions
from fastocr.errors import ModelFormatError, ModelNotFoundError
from fastocr.model_config import ClassificationParams
from fastocr.model_store import ModelFiles
from fastocr.options import ModelChoice, PipelineOptions

__all__ = [
    "characters",
    "classification",
    "engines_of_devices",
    "exact",
    "find_model",
    "find_models",
    "line_classification",
    "load",
]

_log = logging.getLogger("fastocr")
# What was reported as missing: once a process is enough.
_reported: set[str] = set()


def find_models(choices: Mapping[str, ModelChoice | None]) -> dict[str, ModelFiles]:
    """Return the files of each step that is on, by its role.

    A step that nobody asked for is off if its model is not on this machine, with one warning a
    process that says how to get it.

    Raises:
        EngineUnavailableError, UnsupportedOptionError: as `engines.check`.
        ModelNotFoundError: a model that was asked for cannot be had.
        ModelFormatError: a model's files do not fit.

    """
    found: dict[str, ModelFiles] = {}
    missing = []
    for role, choice in choices.items():
        if choice is None:
            continue
        try:
            found[role] = find_model(choice)
        except ModelNotFoundError:
            if choice.required:
                raise
            missing.append((f"use_{role}", choice.name))
    _report(missing)
    return found


def find_model(choice: ModelChoice) -> ModelFiles:
    """Return the files of a model, which is downloaded only if it was asked for.

    Raises:
        EngineUnavailableError, UnsupportedOptionError: as `engines.check`.
        ModelNotFoundError: it cannot be had.
        ModelFormatError: its files do not fit.

    """
    engines.check(choice.engine)
    return model_store.find_model(
        choice.name, choice.directory, engine=choice.engine.engine, download=choice.required
    )


def _report(missing: list[tuple[str, str]]) -> None:
    new = [(switch, name) for switch, name in missing if name not in _reported]
    if not new:
        return
    _reported.update(name for _, name in new)
    names = " ".join(name for _, name in new)
    _log.warning(
        "%s: off, as the model of the step is not on this machine. To have it: fastocr models "
        "download %s, or True for the switch; False says that it is not wanted",
        ", ".join(f"{switch} ({name})" for switch, name in new),
        names,
    )


def engines_of_devices(options: PipelineOptions) -> list[dict[str, EngineOptions]]:
    """Return the engine of each step for each device; CPU replicas share out the threads."""
    devices = options.devices

    def on(device: _core.Device, engine: EngineOptions) -> EngineOptions:
        threads = max(1, engine.threads // len(devices)) if device.kind == "cpu" else engine.threads
        return replace(engine, device=device, threads=threads)

    return [
        {role: on(device, choice.engine) for role, choice in options.models.items() if choice}
        for device in devices
    ]


def exact(options: EngineOptions) -> EngineOptions:
    """Return the options with float products instead of fixed point.

    Texts and directions of lines that fixed point leaves in doubt are looked at again in float;
    boxes and the scores of classes are not.
    """
    fixed = options.precision in (None, "int16", "int8")
    return replace(options, precision="fp32") if fixed else options


def load(options: EngineOptions, files: ModelFiles, streams: int = 1, **how: Any) -> _core.Model:
    """Load a network; the arguments are those of `engines.load_model`."""
    return engines.load_model(
        options, files.paths, shape_ranges=files.shape_ranges, streams=streams, **how
    )


def characters(files: ModelFiles) -> list[str]:
    """Return the dictionary of a recognition model.

    Raises:
        ModelFormatError: it has none.

    """
    if files.characters is None:
        raise ModelFormatError(
            f"{files.name!r} in {files.paths[0].parent} has no character_dict: it is no text "
            "recognition model"
        )
    return list(files.characters)


def classification(files: ModelFiles) -> ClassificationParams:
    """Return the labels and the input of a classification model.

    Raises:
        ModelFormatError: it has none.

    """
    if files.classification is None:
        raise ModelFormatError(
            f"{files.name!r} in {files.paths[0].parent} has no label_list: it is no image "
            "classification model"
        )
    return files.classification


def line_classification(files: ModelFiles) -> ClassificationParams:
    """Return the same of a model that tells whether lines are upside down.

    Raises:
        ModelFormatError: it is no such model.

    """
    params = classification(files)
    if len(params.labels) != 2:
        raise ModelFormatError(
            f"{files.name!r} in {files.paths[0].parent} has the labels "
            f"{', '.join(params.labels)}: two, for upright and upside down, are expected"
        )
    return params
