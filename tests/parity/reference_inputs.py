"""Inputs of the stored JSON, for the script that makes it and for the tests: needs OpenCV only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"


def make_input(recipe: dict[str, Any], folder: Path) -> str | np.ndarray:
    """Return what is handed to `predict`: an array, or the name of a file written into `folder`.

    `recipe` has the ``pages`` to take; how many quarter ``turns`` counter-clockwise and which
    ``crop`` (left, top, right, bottom) of each; and the name of the ``file`` unless an array is
    wanted. Several pages become a TIFF.
    """
    images = [_prepared(cv2.imread(str(PAGES / name)), recipe) for name in recipe["pages"]]
    if "file" not in recipe:
        return images[0]
    if not cv2.imwritemulti(str(folder / recipe["file"]), images):
        raise OSError(f"{recipe['file']} cannot be written")
    return recipe["file"]


def _prepared(image: np.ndarray, recipe: dict[str, Any]) -> np.ndarray:
    left, top, right, bottom = recipe.get("crop", (0, 0, image.shape[1], image.shape[0]))
    return np.ascontiguousarray(np.rot90(image[top:bottom, left:right], recipe.get("turns", 0)))


def kind_of(value: Any) -> Any:
    """Describe a value of a result, but not how long it is: type, dtype and number of axes."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{value.ndim}]"
    if isinstance(value, dict) and "output_img" not in value:
        return {key: kind_of(item) for key, item in value.items()}
    if isinstance(value, dict):
        return {type(value).__name__: {key: kind_of(item) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        kinds: list[Any] = []
        for item in value:
            if kind_of(item) not in kinds:
                kinds.append(kind_of(item))
        return {type(value).__name__: kinds}
    return type(value).__name__
