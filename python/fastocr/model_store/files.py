"""The files of one model, and how they are read from a directory in the official layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fastocr import _core
from fastocr.errors import ModelFormatError, ModelNotFoundError
from fastocr.model_config import ClassificationParams, ModelParams, read_config

__all__ = ["CONFIG_FILE", "NETWORK_FILES", "ModelFiles", "from_directory"]

CONFIG_FILE = "inference.yml"
# Forms of a network that some engine can load.
NETWORK_FILES = ("inference.onnx", "inference.pdmodel", "inference.json")


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


def from_directory(name: str, directory: Path) -> ModelFiles:
    """Read the model `name` from a directory in the official layout.

    Raises:
        ModelNotFoundError: the directory or a file in it is missing.
        ModelFormatError: it holds another model or a damaged configuration.

    """
    config_path = directory / CONFIG_FILE
    config = read_config(config_path)
    if config.name != name:
        raise ModelFormatError(
            f"Model name mismatch: {name!r} is expected but {config_path} describes "
            f"{config.name!r}; pass the matching *_model_name parameter"
        )
    paths = tuple(directory / file for file in NETWORK_FILES if (directory / file).is_file())
    if not paths:
        raise ModelNotFoundError(
            f"No valid model files were found in {directory}: {' or '.join(NETWORK_FILES)} is "
            "expected"
        )
    return ModelFiles(
        name,
        paths,
        config.characters,
        config.params,
        config.shape_ranges,
        config.classification,
    )
