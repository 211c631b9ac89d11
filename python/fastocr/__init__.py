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
from fastocr.ocr import PaddleOCR
from fastocr.results import FailedResult, OCRResult

__all__ = ["FailedResult", "OCRResult", "PaddleOCR", "__version__", "errors"]

__version__ = _core.VERSION

# The application decides what happens to the log; without its handlers nothing is printed.
logging.getLogger("fastocr").addHandler(logging.NullHandler())
