"""Draws the pictures of results: pages, boxes and texts in, RGB arrays out."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from random import Random
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fastocr.errors import UnsupportedOptionError
from fastocr.fonts import Font, default_font, drawable, font_for, logical_order, visual_order

__all__ = ["draw_below", "draw_document", "draw_label", "draw_ocr", "draw_outlines"]

_log = logging.getLogger("fastocr")

Image = npt.NDArray[np.uint8]

_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
# Pixels.
_CAPTION_HEIGHT = 25
_MARGIN = 10
_LEAST_FONT_SIZE = 12
# Of the height of a line; the rest is for what reaches above and below.
_FONT_SIZE = 0.8
# Where the baseline lies below the middle of a line so that the glyphs of the built-in font,
# descenders included, sit centred; in units of the font size.
_BASELINE = 0.36
# Characters that stand upright in a column: kana, CJK ideographs, Hangul and full-width forms.
_UPRIGHT = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


def draw_ocr(
    page: Image,
    polys: Sequence[npt.NDArray[Any]],
    texts: Sequence[str],
    fonts: Sequence[Font] | None = None,
) -> Image:
    """Draw `texts` beside the page.

    The left half is the page under half-transparent filled boxes, the right half a white canvas
    with every text written into its box. An item that cannot be drawn is left out with a debug
    message; the others are drawn.

    Args:
        page: BGR image, (h, w, 3) uint8; it is not changed.
        polys: one (4, 2) array of pixel coordinates per text: top left, top right, bottom right,
            bottom left as seen in reading direction.
        texts: the text of each polygon.
        fonts: the font of each text; None chooses by script.

    Returns:
        RGB image, (h, 2w, 3) uint8. Colours depend only on the position in the lists.

    Raises:
        UnsupportedOptionError: the installed OpenCV is older than 5 and cannot draw Unicode text.

    """
    _check_opencv()
    original = np.ascontiguousarray(page[:, :, ::-1])
    filled = original.copy()
    canvas = np.full_like(original, 255)
    colours = Random(0)
    for index, (poly, text) in enumerate(zip(polys, texts, strict=False)):
        colour = (colours.randint(0, 255), colours.randint(0, 255), colours.randint(0, 255))
        try:
            font = default_font() if fonts is None else fonts[index]
            text = logical_order(text, font)
            _draw_item(filled, canvas, np.asarray(poly), text, font, colour)
        except Exception:  # whatever is wrong with one item must not cost the whole picture
            _log.debug("Item %d (%r) could not be drawn", index, text, exc_info=True)
    left = cv2.addWeighted(original, 0.5, filled, 0.5, 0)
    return np.hstack([np.asarray(left, np.uint8), canvas])


def draw_outlines(page: Image, polys: Iterable[npt.NDArray[Any]]) -> Image:
    """Outline polygons ((n, 2) pixel coordinates each) in red on a copy of a BGR page.

    Returns:
        RGB image of the same size, uint8.

    """
    picture = _rgb(page)
    cv2.polylines(picture, [np.asarray(poly, np.int32) for poly in polys], True, (255, 0, 0), 2)
    return picture


def draw_document(stages: Sequence[tuple[Image, str]]) -> Image:
    """Put BGR images side by side, each with its caption below.

    Returns:
        RGB image, uint8, as wide as all together.

    Raises:
        UnsupportedOptionError: see `draw_ocr`; all functions that write texts raise it.

    """
    _check_opencv()
    height = max(image.shape[0] for image, _ in stages)
    columns = []
    for image, caption in stages:
        column = np.full((height + _CAPTION_HEIGHT, image.shape[1], 3), 255, np.uint8)
        column[: image.shape[0]] = image[:, :, ::-1]
        _write(column[height:, _MARGIN:], caption, default_font())
        columns.append(column)
    return np.hstack(columns)


def draw_below(image: Image, text: str, font: Font) -> Image:
    """Write a text below a BGR image.

    Returns:
        RGB image, uint8; it is wider than `image` only where the text could not be read otherwise.

    """
    _check_opencv()
    text = logical_order(text, font)
    font = font_for(text, font)
    text = drawable(text, font)
    height, width = image.shape[:2]
    line = max(_CAPTION_HEIGHT, int(0.075 * width))
    needed = max(width, _text_width(text, font, _LEAST_FONT_SIZE))
    picture = np.full((height + line + _MARGIN // 2, needed, 3), 255, np.uint8)
    picture[:height, :width] = image[:, :, ::-1]
    _write(picture[height : height + line], text, font)
    return picture


def draw_label(image: Image, label: str) -> Image:
    """Write a label into the top left corner of a copy of a BGR image.

    Returns:
        RGB image of the same size, uint8.

    """
    _check_opencv()
    font = font_for(label, default_font())
    label = drawable(label, font)
    picture = _rgb(image)
    height, width = picture.shape[:2]
    line = min(height, max(_CAPTION_HEIGHT, int(0.05 * width)))
    needed = _text_width(label, font, max(1, int(_FONT_SIZE * line))) + _MARGIN
    corner = picture[:line, :needed]
    corner[:] = _WHITE
    _write(corner[:, _MARGIN // 2 :], label, font)
    return picture


def _check_opencv() -> None:
    if not hasattr(cv2, "FontFace"):
        raise UnsupportedOptionError(
            f"pictures of results need opencv-python 5 or newer, found {cv2.__version__}"
        )


def _rgb(image: Image) -> Image:
    """Return a copy to draw on; without one, a view of an RGB array would be drawn on itself."""
    return np.array(image[:, :, ::-1], np.uint8, order="C")


def _draw_item(
    filled: Image,
    canvas: Image,
    poly: npt.NDArray[Any],
    text: str,
    font: Font,
    colour: tuple[int, int, int],
) -> None:
    """Fill the box in `filled`; write the text and the outline of its box into `canvas`."""
    outline = poly.astype(np.int32)
    cv2.fillPoly(filled, [outline], colour)
    quad = poly.astype(np.float32).reshape(4, 2)
    if cv2.contourArea(quad, oriented=True) < 0:
        # Words of vertical and of rising lines have their corners the other way round; text would
        # be mirrored.
        along_x = abs(quad[1, 0] - quad[0, 0]) >= abs(quad[1, 1] - quad[0, 1])
        quad = quad[[3, 2, 1, 0] if along_x else [0, 3, 2, 1]]
    _paste(canvas, quad, text, font)
    cv2.polylines(canvas, [outline], True, colour, 1)


def _paste(canvas: Image, quad: npt.NDArray[np.float32], text: str, font: Font) -> None:
    """Write `text` upright, then warp it into `quad` ((4, 2) pixels) and darken `canvas` by it."""
    width = int(math.dist(quad[0], quad[1]))
    height = int(math.dist(quad[0], quad[3]))
    low = np.maximum(np.floor(quad.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(quad.max(axis=0)) + 1, canvas.shape[1::-1]).astype(int)
    if not width or not height or (low >= high).any():
        return
    patch = _text_patch(text, font, width, height)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, quad - low.astype(np.float32))
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpPerspective(patch, matrix, size, flags=cv2.INTER_LINEAR, borderValue=_WHITE)
    target = canvas[low[1] : high[1], low[0] : high[0]]
    np.minimum(target, warped, out=target)


def _text_patch(text: str, font: Font, width: int, height: int) -> Image:
    """Return a white image, (height, width, 3) uint8, with `text` in black.

    In a tall box, East Asian text stands in a column and all other text runs from top to bottom,
    turned clockwise; this is how such lines are printed. Short words have tall boxes too: what is
    larger when it is not turned is left so.
    """
    font = font_for(text, font)
    text = drawable(text, font)
    if height <= 2 * width or height <= 30:
        return _write(np.full((height, width, 3), 255, np.uint8), text, font)
    if _UPRIGHT.search(text) is None:
        if _fitting_size(text, font, width, height) >= _fitting_size(text, font, height, width):
            return _write(np.full((height, width, 3), 255, np.uint8), text, font)
        turned = _write(np.full((width, height, 3), 255, np.uint8), text, font)
        return np.ascontiguousarray(np.rot90(turned, -1))
    column = np.full((height, width, 3), 255, np.uint8)
    chars = "".join(text.split())
    edges = np.linspace(0, height, len(chars) + 1).astype(int).tolist()
    for char, top, bottom in zip(chars, edges, edges[1:], strict=False):
        _write(column[top:bottom], char, font, centred=True)
    return column


def _write(area: Image, text: str, font: Font, centred: bool = False) -> Image:
    """Write one line of black text into `area` ((h, w, 3) uint8, in place) and return it.

    The font is 0.8 of the height, less where the text would be wider than the area. The text
    starts at the left edge, or stands in the middle if `centred`.
    """
    if not text.strip() or not area.size:
        return area
    if font.path is not None and _is_font(font.path):
        _write_with_file(area, text, font.path, centred)
    else:
        _write_builtin(area, text, font, centred)
    return area


@cache
def _is_font(path: str) -> bool:
    """Return whether Pillow can use a font file; one warning (cached, so never twice) if not."""
    from PIL import ImageFont

    try:
        ImageFont.truetype(path, 10)
    except OSError as error:
        _log.warning("Font file %s cannot be used: %s", path, error)
        return False
    return True


def _text_width(text: str, font: Font, size: int) -> int:
    """Return the width of one line of text in pixels."""
    if font.path is None or not _is_font(font.path):
        face = cv2.FontFace("uni")
        return int(cv2.getTextSize((0, 0), visual_order(text), (0, 0), face, size)[2])
    from PIL import ImageFont

    left, _, right, _ = ImageFont.truetype(font.path, size).getbbox(text)
    return math.ceil(right - left)


def _fitting_size(text: str, font: Font, width: int, height: int) -> int:
    """Return the font size, in pixels, in which one line of text fits into a box."""
    size = max(1, int(_FONT_SIZE * height))
    wanted = max(1, _text_width(text, font, size))
    return max(1, int(size * min(1.0, width / wanted)))


def _write_builtin(area: Image, text: str, font: Font, centred: bool) -> None:
    """`_write` with the built-in font of OpenCV."""
    height, width = area.shape[:2]
    size = _fitting_size(text, font, width, height)
    left = (width - _text_width(text, font, size)) // 2 if centred else 0
    baseline = round(height / 2 + _BASELINE * size)
    # A face is cheap to create; one per call keeps threads from sharing a mutable object.
    face = cv2.FontFace("uni")
    cv2.putText(area, visual_order(text), (left, baseline), _BLACK, face, size)


def _write_with_file(area: Image, text: str, path: str, centred: bool) -> None:
    """`_write` with a font file; Pillow shapes the scripts that OpenCV cannot."""
    from PIL import Image as PILImage
    from PIL import ImageDraw, ImageFont, features

    if not features.check("raqm"):
        text = visual_order(text)
    height, width = area.shape[:2]
    face = ImageFont.truetype(path, max(1, int(_FONT_SIZE * height)))
    left, top, right, bottom = face.getbbox(text, anchor="ls")
    # Stacked vowels and tone marks reach beyond the font size, so the height counts as well.
    scale = min(1.0, width / max(1, right - left), height / max(1, bottom - top))
    if scale < 1:
        face = face.font_variant(size=max(1, int(face.size * scale)))
        left, top, right, bottom = face.getbbox(text, anchor="ls")
    x = (width - right - left) / 2 if centred else -left
    image = PILImage.new("RGB", (width, height), _WHITE)
    origin = (x, (height - top - bottom) / 2)
    ImageDraw.Draw(image).text(origin, text, fill=_BLACK, font=face, anchor="ls")
    area[:] = np.asarray(image)
