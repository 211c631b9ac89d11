"""Writes what PaddleOCR's classifiers say of the rendered pages.

    python tests/parity/make_classification.py --models MODEL_DIR

Runs in an environment with paddleocr 3.7.0, paddlex 3.7.2 and onnxruntime. MODEL_DIR holds the
directories of the two models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from paddleocr import DocImgOrientationClassification, TextLineOrientationClassification

HERE = Path(__file__).resolve().parent
CLASSIFIERS = {
    "PP-LCNet_x1_0_doc_ori": (DocImgOrientationClassification, 4),
    "PP-LCNet_x1_0_textline_ori": (TextLineOrientationClassification, 2),
}


def scores(result, classes: int) -> list[float]:
    """Return the score of each class in the order of the classes."""
    values = [0.0] * classes
    ids, found = np.ravel(result["class_ids"]), np.ravel(result["scores"])
    for index, score in zip(ids, found, strict=True):
        values[int(index)] = round(float(score), 5)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    models = parser.parse_args().models
    pages = {file.name: cv2.imread(str(file)) for file in (HERE / "../data/pages").glob("*.png")}
    stored = {}
    for name, (classifier, classes) in CLASSIFIERS.items():
        model = classifier(
            model_name=name, model_dir=str(models / name), engine="onnxruntime", topk=classes
        )
        stored[name] = {
            file: [
                scores(model.predict(np.ascontiguousarray(np.rot90(page, turns)))[0], classes)
                for turns in range(4)
            ]
            for file, page in sorted(pages.items())
        }
    (HERE / "fixtures" / "classification.json").write_text(
        json.dumps(stored, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
