"""Renders ``sample.png``, the document used in the README and by the first-run examples.

Needs OpenCV 5 (built-in font "uni").

    python docs/images/make_sample.py [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]  # BGR

WIDTH, HEIGHT, MARGIN = 900, 1100, 70
PAPER: Colour = (255, 255, 255)
INK: Colour = (50, 42, 38)
GREEN: Colour = (72, 98, 30)
RULE: Colour = (190, 196, 190)
SHADE: Colour = (221, 238, 221)
RED: Colour = (48, 44, 190)

ENGLISH = (
    "Thank you for visiting the glasshouses this spring. The orchid",
    "collection now holds 1,284 plants from 37 countries, and the new",
    "fern valley opens on 6 May. Members enter free of charge.",
)
CHINESE = (
    "植物园每日上午九点开门，下午五点半停止入园。",
    "温室内请勿触摸展品，团体参观请提前三天预约。",
)
JAPANESE = (
    "桜の見頃は四月上旬です。園内のカフェでは、",
    "季節のハーブティーと焼き菓子をお楽しみいただけます。",
)
TABLE = (
    ("Plant", "Code", "Qty", "Price", "Amount"),
    ("Lavender", "LV-204", "12", "3.40", "40.80"),
    ("Japanese maple", "AC-017", "2", "58.00", "116.00"),
    ("Wild garlic", "AL-331", "25", "1.15", "28.75"),
    ("牡丹", "PA-088", "3", "21.50", "64.50"),
)
COLUMNS = (MARGIN, 330, 470, 570, 690, WIDTH - MARGIN)


def write(image: Image, text: str, at: tuple[int, int], size: int, colour: Colour = INK) -> None:
    """Draw one line with its baseline starting at ``at``."""
    cv2.putText(image, text, at, colour, cv2.FontFace("uni"), size)


def width_of(text: str, size: int) -> int:
    """Return the width in pixels of the drawn line."""
    return int(cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("uni"), size)[2])


def write_right(image: Image, text: str, right: int, y: int, size: int) -> None:
    """Draw one line that ends at ``right``."""
    write(image, text, (right - width_of(text, size), y), size)


def draw_head(image: Image) -> None:
    """Draw title and subtitle over a rule."""
    cv2.rectangle(image, (0, 0), (WIDTH, 18), GREEN, -1)
    write(image, "Riverside Botanic Garden", (MARGIN, 108), 54, GREEN)
    write(image, "河畔植物园 · リバーサイド植物園", (MARGIN, 160), 30)
    write_right(image, "No. 2024-0917", WIDTH - MARGIN, 160, 24)
    cv2.line(image, (MARGIN, 186), (WIDTH - MARGIN, 186), GREEN, 2)


def draw_paragraphs(image: Image) -> None:
    """Write the three texts, one below the other."""
    y = 240
    for lines, size, step in ((ENGLISH, 25, 42), (CHINESE, 29, 48), (JAPANESE, 27, 46)):
        for line in lines:
            write(image, line, (MARGIN, y), size)
            y += step
        y += 22


def draw_table(image: Image, top: int, row_height: int = 48) -> None:
    """Draw the goods, with numbers aligned to the right."""
    bottom = top + row_height * len(TABLE)
    cv2.rectangle(image, (MARGIN, top), (WIDTH - MARGIN, top + row_height), SHADE, -1)
    for row, cells in enumerate(TABLE):
        baseline = top + row * row_height + 33
        for column, cell in enumerate(cells):
            if column < 2:
                write(image, cell, (COLUMNS[column] + 16, baseline), 24)
            else:
                write_right(image, cell, COLUMNS[column + 1] - 16, baseline, 24)
        y = top + (row + 1) * row_height
        cv2.line(image, (MARGIN, y), (WIDTH - MARGIN, y), RULE, 1)
    cv2.rectangle(image, (MARGIN, top), (WIDTH - MARGIN, bottom), RULE, 1)


def draw_stamp(image: Image, centre: tuple[int, int], degrees: float) -> None:
    """Ink a framed red line, turned counter-clockwise, into the paper."""
    stamp = np.full_like(image, 255)
    text, size = "PAID 14 MAR 2024", 34
    half = width_of(text, size) // 2
    x, y = centre
    write(stamp, text, (x - half, y + 12), size, RED)
    for gap in (0, 7):
        corner = (half + 28 + gap, 36 + gap)
        cv2.rectangle(stamp, (x - corner[0], y - corner[1]), (x + corner[0], y + corner[1]), RED, 2)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    turned = cv2.warpAffine(
        stamp, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255)
    )
    image[:] = np.minimum(image, turned)


def draw_foot(image: Image) -> None:
    """Draw the total on the left and the contact line at the bottom."""
    write(image, "Total 250.05 EUR", (MARGIN, 930), 36, INK)
    write(image, "incl. 7% VAT 16.36", (MARGIN, 972), 22, INK)
    cv2.line(image, (MARGIN, 1030), (WIDTH - MARGIN, 1030), RULE, 1)
    contact = "12 Garden Lane, open daily from 9:00 to 17:30, phone 608 4152"
    write(image, contact, (MARGIN, 1070), 24, INK)


def render() -> Image:
    """Draw the whole document."""
    image: Image = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
    draw_head(image)
    draw_paragraphs(image)
    draw_table(image, 612)
    draw_foot(image)
    draw_stamp(image, (622, 946), 9)
    return image


def encode(image: Image) -> bytes:
    """Return PNG bytes; fewer shades and no row filter keep the file small."""
    shades = (np.round(image / 17.0) * 17).astype(np.uint8)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    done, data = cv2.imencode(".png", shades, options)
    if not done:
        raise RuntimeError("PNG encoding failed")
    return data.tobytes()


def main() -> None:
    """Write the sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("sample.png"))
    target: Path = parser.parse_args().out
    target.write_bytes(encode(render()))
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
