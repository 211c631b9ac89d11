"""Arrays as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastocr.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastocr.inputs.page import Image

__all__ = ["array_to_bgr"]

_ARRAY_DTYPES = "uint8, uint16, float32 or float64"
_ARRAY_SHAPES = "(H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA, no side empty"


def array_to_bgr(array: npt.NDArray[Any], label: str) -> Image:
    """Return uint8 (H, W, 3) BGR of a caller's array, without a copy where it already is that."""
    description = f"{label}: array of shape {array.shape} and dtype {array.dtype}"
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or array.size == 0:
        raise InputError(f"{description}; allowed shapes are {_ARRAY_SHAPES}")
    colour = np.asarray(array)[..., :3] if channels == 4 else np.asarray(array)
    try:
        pixels = _to_uint8(colour, description)
        if channels == 1:
            return _gray_to_bgr(pixels.reshape(pixels.shape[:2]))
        return pixels if _rows_are_packed(pixels) else np.array(pixels, order="C")
    except MemoryError:
        # Such as of a view that repeats one value.
        raise InputError(f"{description} is too large for the memory") from None


def _to_uint8(pixels: npt.NDArray[Any], description: str) -> Image:
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "u" and size == 1:
        return cast("Image", pixels)
    if kind == "u" and size == 2:
        return (pixels >> 8).astype(np.uint8)
    if kind == "f" and size in (4, 8):
        return _float_to_uint8(pixels, description)
    raise InputError(f"{description}; allowed dtypes are {_ARRAY_DTYPES}")


def _float_to_uint8(pixels: npt.NDArray[Any], description: str) -> Image:
    if not np.isfinite(pixels).all():
        raise InputError(f"{description} contains NaN or infinity; values 0 to 255 are expected")
    in_unit_range = pixels.min() >= 0 and pixels.max() <= 1
    if in_unit_range and ((pixels > 0) & (pixels < 1)).any():
        raise InputError(
            f"{description} has all values between 0 and 1; values 0 to 255 are expected: "
            "multiply by 255"
        )
    rounded: Image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded


def _gray_to_bgr(gray: Image) -> Image:
    image = np.empty((*gray.shape, 3), np.uint8)
    image[...] = gray[..., np.newaxis]
    return image


def _rows_are_packed(image: Image) -> bool:
    """Tell whether rows run forwards without overlap and pixels follow each other without gaps."""
    row, pixel, channel = image.strides
    width: int = image.shape[1]
    return channel == 1 and pixel == 3 and row >= 3 * width
