"""Produces ``fixtures/words.json`` with the official package.

Run it in an environment that has ``paddleocr==3.7.0`` and ``onnxruntime``, with a folder that holds
the official directories of the models as ONNX:

    python make_words.py MODELS

``fixtures/README.md`` describes the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from paddleocr import PaddleOCR, __version__

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "data" / "pages"
MODELS = {"text_detection": "PP-OCRv5_mobile_det", "text_recognition": "PP-OCRv5_mobile_rec"}
DETECTION = {
    "text_det_limit_side_len": 960,
    "text_det_limit_type": "max",
    "text_det_thresh": 0.3,
    "text_det_box_thresh": 0.6,
    "text_det_unclip_ratio": 2.0,
}


def lines(result: Any) -> list[dict[str, Any]]:
    """What was found on one page."""
    return [
        {
            "poly": np.asarray(poly).tolist(),
            "text": text,
            "words": words,
            "regions": np.asarray(regions).tolist(),
            "boxes": np.asarray(boxes).tolist(),
        }
        for poly, text, words, regions, boxes in zip(
            result["rec_polys"],
            result["rec_texts"],
            result["text_word"],
            result["text_word_region"],
            result["text_word_boxes"],
            strict=True,
        )
    ]


def main() -> None:
    """Write the file."""
    if __version__ != "3.7.0":
        raise SystemExit(f"paddleocr is {__version__}, not 3.7.0")
    folder = Path(sys.argv[1])
    models = {f"{role}_model_name": name for role, name in MODELS.items()}
    models |= {f"{role}_model_dir": str(folder / name) for role, name in MODELS.items()}
    ocr = PaddleOCR(
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
        engine="onnxruntime",
        return_word_box=True,
        **models,
        **DETECTION,
    )
    pages = {path.name: lines(ocr.predict(str(path))[0]) for path in sorted(PAGES.glob("*.png"))}
    rows = [f"{json.dumps(name)}: {json.dumps(page)}" for name, page in pages.items() if page]
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    (HERE / "fixtures" / "words.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
