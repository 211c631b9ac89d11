"""Writes what the official package's results hold: keys, kinds of values, JSON, names of files.

    python tests/parity/make_reference_json.py --models MODEL_DIR --font FONT.ttf

Runs in an environment with paddleocr 3.7.0, paddlex 3.7.2 and onnxruntime, offline. MODEL_DIR holds
the directories of the models; any font will do, as only the names of pictures are stored.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from reference_inputs import kind_of, make_input

FIXTURES = Path(__file__).resolve().parent / "fixtures" / "reference_json"
DETECTION, RECOGNITION = "PP-OCRv5_mobile_det", "PP-OCRv5_mobile_rec"
LINES, PAGES = "PP-LCNet_x1_0_textline_ori", "PP-LCNet_x1_0_doc_ori"
TEXT_MODELS = {"text_detection_": DETECTION, "text_recognition_": RECOGNITION}
# Named, because the defaults differ.
PIPELINE = {
    "text_det_limit_side_len": 960,
    "text_det_limit_type": "max",
    "text_det_unclip_ratio": 2.0,
    "use_doc_orientation_classify": False,
    "use_doc_unwarping": False,
    "use_textline_orientation": False,
}
LINE = {"pages": ["english.png"], "crop": [30, 120, 670, 170], "file": "line.png"}


def pipeline(
    source: dict[str, Any], models: dict[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    return {
        "class": "PaddleOCR",
        "models": {**TEXT_MODELS, **(models or {})},
        "options": {**PIPELINE, **options},
        "input": source,
        "call": {},
    }


def module(kind: str, model: str, source: dict[str, Any], **call: Any) -> dict[str, Any]:
    return {"class": kind, "models": {"": model}, "options": {}, "input": source, "call": call}


def one(name: str, **more: Any) -> dict[str, Any]:
    return {"pages": [name], "file": name, **more}


CASES: dict[str, dict[str, Any]] = {
    "plain": pipeline(one("mixed_sizes.png")),
    "array": pipeline({"pages": ["vertical.png"]}),
    "several_pages": pipeline({"pages": ["long_line.png", "blank.png"], "file": "pages.tiff"}),
    "settings": pipeline(
        one("long_line.png"),
        text_det_limit_side_len=736,
        text_det_limit_type="min",
        text_det_thresh=0.25,
        text_det_box_thresh=0.5,
        text_det_unclip_ratio=1.5,
        text_rec_score_thresh=0.5,
    ),
    "blank": pipeline(one("blank.png")),
    "turned_page": pipeline(
        one("mixed_sizes.png", turns=1, file="turned.bmp"),
        {"doc_orientation_classify_": PAGES},
        use_doc_orientation_classify=True,
    ),
    "blank_turned_page": pipeline(
        one("blank.png"), {"doc_orientation_classify_": PAGES}, use_doc_orientation_classify=True
    ),
    "upright_lines": pipeline(
        one("long_line.png"), {"textline_orientation_": LINES}, use_textline_orientation=True
    ),
    # The reference takes the angle of the first line of a batch for all its lines, and puts a black
    # row and column beside each that it turns, which changes some texts on other pages.
    "turned_lines": pipeline(
        one("chinese.png", turns=2, file="upside_down.png"),
        {"textline_orientation_": LINES},
        use_textline_orientation=True,
        textline_orientation_batch_size=1,
    ),
    "words_latin": pipeline(one("english.png"), return_word_box=True),
    "words_chinese": pipeline(one("chinese.png"), return_word_box=True),
    "words_blank": pipeline(one("blank.png"), return_word_box=True),
    "text_detection": module("TextDetection", DETECTION, one("mixed_sizes.png")),
    "text_detection_blank": module("TextDetection", DETECTION, one("blank.png")),
    "text_recognition": module("TextRecognition", RECOGNITION, LINE),
    "text_recognition_words": module("TextRecognition", RECOGNITION, LINE, return_word_box=True),
    "textline_orientation": module("TextLineOrientationClassification", LINES, LINE),
    "textline_orientation_top2": module(
        "TextLineOrientationClassification", LINES, {**LINE, "turns": 2}, topk=2
    ),
    "doc_img_orientation": module(
        "DocImgOrientationClassification", PAGES, one("table.png", turns=3, file="right.png")
    ),
    "doc_preprocessor": {
        "class": "DocPreprocessor",
        "models": {"doc_orientation_classify_": PAGES},
        "options": {"use_doc_orientation_classify": True, "use_doc_unwarping": False},
        "input": one("table.png", turns=2, file="over.png"),
        "call": {},
    },
}


def stored_result(result: Any, number: int) -> dict[str, Any]:
    """Return all that is stored of one result; writes its files below the working directory."""
    folder = Path(f"saved_{number}")
    result.save_all(folder)
    (text,) = folder.glob("*.json")
    content = result.json["res"]
    if text.read_text("utf-8") != json.dumps(content, indent=4, ensure_ascii=False):
        raise AssertionError(f"{text} does not hold the JSON in its usual form")
    named = result["input_path"] is not None
    return {
        "kinds": {key: kind_of(value) for key, value in result.items()},
        "str_kinds": {key: kind_of(value) for key, value in result.str["res"].items()},
        "pictures": list(result.img),
        "json": content,
        # Files of arrays have random names.
        "files": sorted(path.name for path in folder.iterdir()) if named else None,
    }


def run(case: dict[str, Any], models: Path) -> list[dict[str, Any]]:
    import paddleocr

    places = {
        f"{role}model_{what}": name if what == "name" else str(models / name)
        for role, name in case["models"].items()
        for what in ("name", "dir")
    }
    made = getattr(paddleocr, case["class"])(**places, **case["options"], engine="onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        results = made.predict(make_input(case["input"], Path()), **case["call"])
        return [stored_result(result, number) for number, result in enumerate(results)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--font", type=Path, required=True)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    given = parser.parse_args()
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    os.environ["PADDLE_PDX_LOCAL_FONT_FILE_PATH"] = str(given.font.resolve())
    models = given.models.resolve()
    for name in given.cases:
        stored = {**CASES[name], "results": run(CASES[name], models)}
        text = json.dumps(stored, ensure_ascii=False, separators=(",", ":"))
        (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
