"""Classes for single models, with the names that they have in PaddleOCR."""

from __future__ import annotations

from fastocr.modules.doc_preprocessor import DocPreprocessor
from fastocr.modules.image_classification import (
    DocImgOrientationClassification,
    TextLineOrientationClassification,
)
from fastocr.modules.text_detection import TextDetection
from fastocr.modules.text_image_unwarping import TextImageUnwarping
from fastocr.modules.text_recognition import TextRecognition

__all__ = [
    "DocImgOrientationClassification",
    "DocPreprocessor",
    "TextDetection",
    "TextImageUnwarping",
    "TextLineOrientationClassification",
    "TextRecognition",
]
