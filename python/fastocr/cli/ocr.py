"""``fastocr ocr``: read the text of images and PDF files."""

from __future__ import annotations

from typing import Any

from fastocr.cli.options import CONFIG, ENGINE, INPUTS, Groups, Option
from fastocr.cli.prediction import Prediction
from fastocr.options import ALIASES

__all__ = ["COMMAND", "DOC_PREPROCESSING"]

_BY_LANGUAGE = "by --lang and --ocr_version"
_FOUND = "where the model is found"
_IF_FOUND = "true if its model is on this machine"

DOC_PREPROCESSING = (
    Option(
        "use_doc_orientation_classify",
        "bool",
        _IF_FOUND,
        "Turn pages upright first; true downloads the model if needed.",
    ),
    Option(
        "use_doc_unwarping",
        "bool",
        _IF_FOUND,
        "Flatten bent or tilted pages first; true downloads the model if needed.",
    ),
    Option(
        "doc_orientation_classify_model_name",
        "string",
        "PP-LCNet_x1_0_doc_ori",
        "Page orientation model.",
    ),
    Option("doc_orientation_classify_model_dir", "path", _FOUND, "Directory of that model."),
    Option("doc_unwarping_model_name", "string", "UVDoc", "Page flattening model."),
    Option("doc_unwarping_model_dir", "path", _FOUND, "Directory of that model."),
)

_CURRENT: Groups = {
    "text detection": (
        Option("text_det_limit_side_len", "int", "960", "Side length that the page is scaled to."),
        Option(
            "text_det_limit_type",
            "string",
            "max",
            "Which side --text_det_limit_side_len limits: max shrinks pages with a longer long "
            "side, min enlarges pages with a shorter short side, resize_long gives every page this "
            "long side.",
        ),
        Option("text_det_thresh", "float", "0.3", "Pixels with a higher score are text."),
        Option("text_det_box_thresh", "float", "0.6", "Boxes with a lower score are dropped."),
        Option("text_det_unclip_ratio", "float", "2.0", "How far boxes grow around the text."),
        Option(
            "text_det_input_shape", "3 ints", "not fixed", "Scale every page to this model input."
        ),
    ),
    "text line orientation": (
        Option(
            "use_textline_orientation",
            "bool",
            _IF_FOUND,
            "Turn upside-down lines; true downloads the model if needed.",
        ),
        Option(
            "textline_orientation_batch_size",
            "int",
            "6",
            "Accepted as PaddleOCR's; lines are classified one by one, with the same results.",
        ),
    ),
    "text recognition": (
        Option("text_rec_score_thresh", "float", "0.0", "Lines with a lower score are left out."),
        Option(
            "text_recognition_batch_size", "int", "6", "Lines that share one network input width."
        ),
        Option(
            "text_rec_input_shape", "3 ints", "not fixed", "Scale every line to this model input."
        ),
        Option("return_word_box", "bool", "false", "Also return the box of each word."),
        Option(
            "coordinates",
            "string",
            "processed",
            "What polygons refer to: processed is the page after turning and flattening, original "
            "the page as it was given.",
        ),
    ),
    "models": (
        Option("lang", "string", "ch", "Language of the text, such as ch, en, japan, korean, ar."),
        Option(
            "ocr_version",
            "string",
            "PP-OCRv5, or PP-OCRv3 for languages that only it has",
            "Model family: PP-OCRv3, PP-OCRv4, PP-OCRv5 or PP-OCRv6.",
        ),
        Option("text_detection_model_name", "string", _BY_LANGUAGE, "Text detection model."),
        Option("text_detection_model_dir", "path", _FOUND, "Directory of that model."),
        Option("text_recognition_model_name", "string", _BY_LANGUAGE, "Text recognition model."),
        Option("text_recognition_model_dir", "path", _FOUND, "Directory of that model."),
        Option(
            "textline_orientation_model_name",
            "string",
            "PP-LCNet_x1_0_textline_ori",
            "Line orientation model.",
        ),
        Option("textline_orientation_model_dir", "path", _FOUND, "Directory of that model."),
        CONFIG,
    ),
    "document preprocessing": DOC_PREPROCESSING,
    **INPUTS,
    **ENGINE,
}


def _with_aliases(groups: Groups) -> Groups:
    """Return the table with the deprecated names as its last group."""
    current = {option.name: option for options in groups.values() for option in options}
    deprecated = (
        Option(old, current[new].type, current[new].default, f"Use --{new} instead.")
        # Passed on under the old name, so that the constructor warns.
        for old, new in ALIASES.items()
    )
    return {**groups, "deprecated": tuple(deprecated)}


def _lines(result: Any) -> list[str]:
    lines: list[str] = result["rec_texts"]
    return lines


COMMAND = Prediction(
    name="ocr",
    predictor="PaddleOCR",
    help="read the text of images and PDF files",
    description="Read the text of images and PDF files.",
    options=_with_aliases(_CURRENT),
    lines=_lines,
    text="the lines of each page",
)
