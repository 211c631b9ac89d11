"""Pages of drawn text, the same on every machine: what the measurements of growth read."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

TEXT = (
    "harbour boats 4127 breakfast lanterns of the 18:30 garden invoice No.92 total 3.50 between "
    "market winter Tuesday notes and a bridge repair 0571 quarterly museum closed early please"
)
WORDS = TEXT.split()
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_HEIGHT = 22  # of a capital letter at scale 1, in pixels
PAPER, INK = 250, (40, 30, 25)


@cache
def word_width(word: str) -> float:
    """Width at scale 1 of a word and the space after it."""
    return float(cv2.getTextSize(f"{word} ", FONT, 1.0, 2)[0][0])


def text_of_width(width: float, rng: np.random.Generator) -> str:
    """At least one word, as many as fit into a width given at scale 1."""
    words: list[str] = []
    left = width
    while True:
        word = WORDS[rng.integers(len(WORDS))]
        left -= word_width(word)
        if words and left < 0:
            return " ".join(words)
        words.append(word)


def draw_page(
    width: int,
    height: int,
    lines: int,
    *,
    columns: int = 1,
    text_height: float = 1e9,
    seed: int = 0,
) -> Image:
    """A (height, width, 3) BGR page.

    Lines lie in a grid of `columns` with a letter height of half the row, at most `text_height`
    pixels, and take 40 to 90 % of their column; a short page or a long first word may cut one.
    """
    page: Image = np.full((height, width, 3), PAPER, np.uint8)
    rng = np.random.default_rng(seed)
    rows = -(-lines // columns)
    pitch = height / (rows + 1)
    scale = min(pitch / 2, text_height) / FONT_HEIGHT
    column_width = width / columns
    for number in range(lines):
        row, column = divmod(number, columns)
        text = text_of_width(rng.uniform(0.4, 0.9) * column_width / scale, rng)
        place = (round((column + 0.04) * column_width), round((row + 1.2) * pitch))
        thickness = max(1, round(2 * scale))
        cv2.putText(page, text, place, FONT, scale, INK, thickness, cv2.LINE_AA)
    return page
