"""Images of Pillow, and what Pillow decodes where OpenCV does not."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fastocr.errors import InputError
from fastocr.inputs.arrays import array_to_bgr

if TYPE_CHECKING:
    from fastocr.inputs.page import Image

__all__ = ["decode_by_pillow", "is_pillow_image", "pillow_to_bgr"]

_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_FORMATS = ("TIFF", "JPEG2000")


def is_pillow_image(item: object) -> bool:
    """Tell whether `item` is a Pillow image; loads nothing for it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(item, module.Image)


def pillow_to_bgr(image: Any, label: str) -> Image:
    """Return uint8 (H, W, 3) BGR of a Pillow image as it is: alpha dropped, no turn by EXIF."""
    description = f"{label}: Pillow image of mode {image.mode!r} and size {image.size}"
    deep = image.mode.startswith("I;16")
    if not deep and image.mode not in _MODES:
        allowed = ", ".join(_MODES)
        raise InputError(f"{description}; allowed modes are {allowed} and 16-bit gray")
    try:
        pixels = np.asarray(image if deep else image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{description}: cannot be decoded: {error}") from None
    return array_to_bgr(pixels if deep else pixels[..., ::-1], description)


def decode_by_pillow(data: bytes) -> Image | None:
    """Decode the first frame of a format of which OpenCV reads a part; None if it cannot be."""
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return pillow_to_bgr(image, "")
    except Exception:
        return None  # for damaged files Pillow raises whatever its reader stumbles over
