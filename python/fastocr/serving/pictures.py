"""Pictures in answers: JPEG files in Base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fastocr.results import OCRResult

    Image = npt.NDArray[np.uint8]

__all__ = ["Pictures"]

# The names of result pictures in an answer.
_NAMES = {"ocr_res_img": "ocrImage", "preprocessed_img": "docPreprocessingImage"}


class Pictures:
    """Draws the pictures of pages, none larger than a limit."""

    def __init__(self, max_size: tuple[int, int]) -> None:
        """`max_size` is (width, height) in pixels."""
        self._max_size = max_size

    def of(self, image: Image, result: OCRResult) -> dict[str, str]:
        """Return the pictures of a page ((h, w, 3) uint8 BGR) by their names in an answer."""
        import numpy as np

        drawn = result.img
        pictures = {
            answer: self._encoded(np.asarray(drawn[name])[:, :, ::-1])
            for name, answer in _NAMES.items()
            if name in drawn
        }
        return {**pictures, "inputImage": self._encoded(image)}

    def _encoded(self, image: Image) -> str:
        """Return a BGR image as JPEG of OpenCV's default quality, in Base64."""
        import cv2
        import numpy as np

        done, data = cv2.imencode(".jpg", np.ascontiguousarray(self._limited(image)))
        assert done
        return base64.b64encode(data.tobytes()).decode("ascii")

    def _limited(self, image: Image) -> Image:
        """Shrink an image as the reference does: its longer side to the limit of that side."""
        import cv2

        height, width = image.shape[:2]
        most_width, most_height = self._max_size
        if width <= most_width and height <= most_height:
            return image
        scale = most_width / width if width > height else most_height / height
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        resized: Any = cv2.resize(image, size)
        return resized  # type: ignore[no-any-return]
