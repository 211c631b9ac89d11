"""The commands of single modules: ``fastocr text_detection`` and others."""

from __future__ import annotations

from typing import Any

from fastocr.cli.options import ENGINE, INPUTS, Option
from fastocr.cli.prediction import Prediction

__all__ = ["COMMANDS"]

_BY_MODEL = "the model's"


def _model(name: str) -> tuple[Option, ...]:
    """Return the options that choose the model; `name` is the default."""
    return (
        Option("model_name", "string", name, "Official name of the model."),
        Option("model_dir", "path", "where the model is found", "Directory of that model."),
    )


def _boxes(result: Any) -> list[str]:
    """Return a line for each polygon: score, corners."""
    return [
        f"{score:.3f} " + " ".join(f"{x},{y}" for x, y in poly)
        for poly, score in zip(result["dt_polys"], result["dt_scores"], strict=True)
    ]


def _text(result: Any) -> list[str]:
    return [result["rec_text"]]


def _classes(result: Any) -> list[str]:
    """Return the classes with their scores, the best first: one line."""
    pairs = zip(result["label_names"], result["scores"], strict=True)
    return [" ".join(f"{label} {score:.3f}" for label, score in pairs)]


def _size(result: Any) -> list[str]:
    height, width = result["doctr_img"].shape[:2]
    return [f"{width} x {height} pixels"]


_TOPK = Option("topk", "int", "1", "How many classes are reported, the best first.")

COMMANDS = (
    Prediction(
        name="text_detection",
        predictor="TextDetection",
        help="find the lines of text",
        description="Find the lines of text on pages.",
        options={
            "text detection": (
                Option(
                    "limit_side_len", "int", _BY_MODEL, "Side length that the page is scaled to."
                ),
                Option(
                    "limit_type",
                    "string",
                    _BY_MODEL,
                    "Which side --limit_side_len limits: min, max or resize_long.",
                ),
                Option("thresh", "float", _BY_MODEL, "Pixels with a higher score are text."),
                Option("box_thresh", "float", _BY_MODEL, "Boxes with a lower score are dropped."),
                Option("unclip_ratio", "float", _BY_MODEL, "How far boxes grow around the text."),
                Option(
                    "input_shape", "3 ints", "not fixed", "Scale every page to this model input."
                ),
                *_model("PP-OCRv5_mobile_det"),
            ),
            **INPUTS,
            **ENGINE,
        },
        lines=_boxes,
        text="score and corners of each line of text, in pixels",
    ),
    Prediction(
        name="text_recognition",
        predictor="TextRecognition",
        help="read pictures of one line of text each",
        description="Read pictures that show one line of text each.",
        options={
            "text recognition": (
                Option(
                    "input_shape", "3 ints", "not fixed", "Scale every line to this model input."
                ),
                *_model("PP-OCRv5_mobile_rec"),
            ),
            **INPUTS,
            **ENGINE,
        },
        lines=_text,
        text="the text",
        single_line=True,
    ),
    Prediction(
        name="textline_orientation_classification",
        predictor="TextLineOrientationClassification",
        help="tell whether lines of text are upside down",
        description="Tell whether pictures of one line of text each are upside down.",
        options={
            "classification": (_TOPK, *_model("PP-LCNet_x1_0_textline_ori")),
            **INPUTS,
            **ENGINE,
        },
        lines=_classes,
        text="classes and their scores",
        single_line=True,
    ),
    Prediction(
        name="doc_img_orientation_classification",
        predictor="DocImgOrientationClassification",
        help="tell how pages are turned",
        description="Tell by how many degrees pages are turned.",
        options={
            "classification": (_TOPK, *_model("PP-LCNet_x1_0_doc_ori")),
            **INPUTS,
            **ENGINE,
        },
        lines=_classes,
        text="classes and their scores",
        single_line=True,
    ),
    Prediction(
        name="text_image_unwarping",
        predictor="TextImageUnwarping",
        help="flatten bent or tilted pages",
        description="Flatten bent or tilted pages. --save_path saves the pictures.",
        options={"unwarping": _model("UVDoc"), **INPUTS, **ENGINE},
        lines=_size,
        text="the size of the flat page",
        single_line=True,
    ),
)
