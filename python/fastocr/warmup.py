"""Pages on which a new object can practise: white, with lines of capital letters; and a PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PDF", "page"]

# The shortest file with a page; PDFium does without the table of its objects.
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj "
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 32 32]>>endobj trailer<</Root 1 0 R>>"
)

# Seven rows of five pixels each, a bit for a pixel: E, H, I, N, T.
_LETTERS = (
    (31, 16, 16, 30, 16, 16, 31),
    (17, 17, 17, 31, 17, 17, 17),
    (14, 4, 4, 4, 4, 4, 14),
    (17, 25, 21, 19, 17, 17, 17),
    (31, 4, 4, 4, 4, 4, 4),
)
_ROWS, _COLUMNS = 7, 6  # of a letter, with the gap before it
_LINES = 16
# What part of the page's width lines take in turn, so that there are short and long ones.
_WIDTHS = (1.0, 0.5, 0.25, 0.12)


def page(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return (height, width, 3) uint8 with up to 16 lines from left to right."""
    image = np.full((height, width, 3), 255, np.uint8)
    pixel = max(1, max(width, height) // 440)  # side of a letter's pixel
    pitch = max(height // (_LINES + 1), 2 * _ROWS * pixel)
    for line in range(_LINES):
        top = pitch * line + pitch // 2
        letters = int(_WIDTHS[line % len(_WIDTHS)] * width) // (_COLUMNS * pixel) - 2
        if letters > 0 and top + _ROWS * pixel <= height:
            _write(image[top:, _COLUMNS * pixel :], letters, pixel)
    return image


def _write(image: npt.NDArray[np.uint8], letters: int, pixel: int) -> None:
    """Put a line in the upper left corner."""
    rows = np.array([_LETTERS[i % len(_LETTERS)] for i in range(letters)], np.uint8)
    bits = np.unpackbits(rows[..., np.newaxis], axis=2)[..., 8 - _COLUMNS :]
    ink = np.kron(np.hstack(list(bits)), np.ones((pixel, pixel), np.uint8))
    image[: ink.shape[0], : ink.shape[1]][ink == 1] = 0
