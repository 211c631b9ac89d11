"""Text recognition from images and PDFs, a drop-in for PaddleOCR's General OCR pipeline.

```python
from fastocr import PaddleOCR

for result in PaddleOCR().predict("page.png"):
    print(result["rec_texts"])
```
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastocr import _core, errors
from fastocr.ocr import PaddleOCR
from fastocr.results import FailedResult, OCRResult

if TYPE_CHECKING:
    from fastocr.modules import (
        DocImgOrientationClassification,
        DocPreprocessor,
        TextDetection,
        TextImageUnwarping,
        TextLineOrientationClassification,
        TextRecognition,
    )

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


def __getattr__(name: str) -> Any:
    """Load the classes for single models when they are asked for: most programs need none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fastocr import modules

    return getattr(modules, name)
