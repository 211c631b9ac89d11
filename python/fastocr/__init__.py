"""Text recognition from images and PDFs, a drop-in for PaddleOCR's General OCR pipeline.

```python
from fastocr import PaddleOCR

for result in PaddleOCR().predict("page.png"):
    print(result["rec_texts"])
```
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastocr import errors

if TYPE_CHECKING:
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

    __version__: str

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

# Where names are that are loaded when they are asked for: a client of the service needs no core,
# most programs need no single models. All others are in `fastocr.modules`.
_PLACES = {
    "FailedResult": ("results", "FailedResult"),
    "OCRResult": ("results", "OCRResult"),
    "PaddleOCR": ("ocr", "PaddleOCR"),
    "__version__": ("_core", "VERSION"),
}

# The application decides what happens to the log; without its handlers nothing is printed.
logging.getLogger("fastocr").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES.get(name, ("modules", name))
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
