"""Text recognition from images and PDFs, a drop-in for PaddleOCR's General OCR pipeline.

```python
from fastocr import PaddleOCR

for result in PaddleOCR().predict("page.png"):
    print(result["rec_texts"])
```
"""

from __future__ import annotations

import logging

from fastocr import _core, errors
from fastocr.modules import (
    DocImgOrientationClassification,
    DocPreprocessor,
    TextDetection,
    TextImageUnwarping,
    TextLineOrientationClassification,
    TextRecognition,
)
from fastocr.ocr import PaddleOCR
from fastocr.results import FailedResult, OCRResult

__all__ = [
    "DocImgOrientationClassification",
    "DocPreprocessor",
    "FailedResult",
    "OCRResult",
    "PaddleOCR",
    "TextDetection",
    "TextImageUnwarping",
    "TextLineOrientationClassification",
    "TextRecognition",
    "__version__",
    "errors",
]

__version__ = _core.VERSION

# The application decides what happens to the log; without its handlers nothing is printed.
logging.getLogger("fastocr").addHandler(logging.NullHandler())
