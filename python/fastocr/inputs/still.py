"""Still images, decoded by OpenCV.

libjpeg and libpng print some warnings about damaged files straight to stderr. They bypass OpenCV's
log and cannot be silenced without redirecting the file descriptor of the whole process, so they
are left alone; OpenCV's own messages are held back while a file is decoded.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastocr.errors import InputError
from fastocr.inputs.image_size import is_jpeg_2000, stated_size
from fastocr.inputs.pillow import decode_by_pillow
from fastocr.inputs.png import whole_chunks

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastocr.inputs.page import Image

__all__ = ["check_pixels", "decode", "decode_still"]

_logger = logging.getLogger(__name__)

_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"


class _QuietOpenCV:
    """Silences OpenCV's log, which is global to the process, while any thread is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._level: Any = None

    def __enter__(self) -> None:
        from cv2.utils import logging as cv2_log

        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._level = cv2_log.getLogLevel()
                cv2_log.setLogLevel(cv2_log.LOG_LEVEL_SILENT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from cv2.utils import logging as cv2_log

        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                cv2_log.setLogLevel(self._level)


_quiet_opencv = _QuietOpenCV()


def decode_still(name: str, data: bytes, max_pixels: int) -> Image:
    """Return uint8 (H, W, 3) BGR of the first frame; EXIF orientation applied, alpha dropped.

    Raises:
        InputError: it is no image that OpenCV reads, or has more than `max_pixels` pixels.

    """
    size = stated_size(data)
    if size is not None:
        check_pixels(name, *size, max_pixels)
    image = decode(name, np.frombuffer(whole_chunks(data), np.uint8))
    if image is None and data.startswith(_JPEG_START):
        # OpenCV 5 refuses a JPEG whose end is cut off, even by the last byte only, which older
        # versions and browsers show. With an end marker libjpeg fills the missing part with gray.
        image = decode(name, np.frombuffer(data + _JPEG_END, np.uint8))
        if image is not None:
            _logger.warning("%s: the JPEG file is truncated; the missing part is gray", name)
    if image is None and is_jpeg_2000(data):
        image = decode_by_pillow(data)  # OpenCV wants a colour space, which raw codestreams lack
    if image is None:
        raise InputError(f"{name}: corrupt, or not an image in a format that is read")
    check_pixels(name, image.shape[1], image.shape[0], max_pixels)
    return image


def check_pixels(name: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse an image that is too large.

    Raises:
        InputError: it has more than `max_pixels` pixels.

    """
    if width * height > max_pixels:
        raise InputError(
            f"{name}: {width} x {height} pixels are more than the {max_pixels} allowed; "
            "max_pixels sets the limit"
        )


def decode(name: str, data: npt.NDArray[np.uint8]) -> Image | None:
    """Decode the first frame of an encoded image; None if OpenCV cannot. `name` is for errors."""
    import cv2

    try:
        with _quiet_opencv:
            image = cv2.imdecode(data, cv2.IMREAD_COLOR)
            # Of a gray PFM it makes no colours, whatever it is asked for.
            if image is not None and image.ndim == 2:
                image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            return cast("Image | None", image)
    except cv2.error as error:
        raise InputError(f"{name}: cannot be decoded: {error.err}") from None
