"""``fastocr doc_preprocessor``: turn pages upright and flatten them."""

from __future__ import annotations

from typing import Any

from fastocr.cli.ocr import DOC_PREPROCESSING
from fastocr.cli.options import CONFIG, ENGINE, INPUTS
from fastocr.cli.prediction import Prediction

__all__ = ["COMMAND"]


def _lines(result: Any) -> list[str]:
    """Return what was done to the page: one line."""
    done = []
    if result["model_settings"]["use_doc_orientation_classify"]:
        done.append(f"angle {result['angle']}")
    if result["model_settings"]["use_doc_unwarping"]:
        done.append("unwarped")
    height, width = result["output_img"].shape[:2]
    return [", ".join([*done, f"{width} x {height} pixels"])]


COMMAND = Prediction(
    name="doc_preprocessor",
    predictor="DocPreprocessor",
    help="turn pages upright and flatten them",
    description="Turn pages upright and flatten them. --save_path saves the pictures.",
    options={
        "document preprocessing": (*DOC_PREPROCESSING, CONFIG),
        **INPUTS,
        **ENGINE,
    },
    lines=_lines,
    text="angle that the page was turned by, whether it was flattened, and its size",
    single_line=True,
)
