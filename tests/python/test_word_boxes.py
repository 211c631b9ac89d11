"""Where words lie, against the published rules written down once more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastocr import PaddleOCR, TextRecognition, _core
from fastocr.errors import InputError

CHARACTERS = [*"aZ09-. (中国人鿿一é", "\u3000", "\u4dff", "\ua000", "1/2", "e\u0301"]


def kinds(characters: list[str]) -> list[str]:
    """The kind of each character, in its surroundings."""
    found: list[str] = []
    for i, character in enumerate(characters):
        kind = "other"
        if "\u4e00" <= character <= "\u9fff":
            kind = "han"
        elif re.search("[A-Za-z0-9]", character):
            kind = "latin"
        elif found and found[-1] == "latin":
            digit = i + 1 < len(characters) and re.search("[0-9]", characters[i + 1])
            if character == "-" or (character == "." and digit):
                kind = "latin"
        found.append(kind)
    return found


def expected(
    line: np.ndarray, characters: list[str], columns: list[int], count: float
) -> tuple[list[str], list[Any]]:
    """Words and regions in the order of the text."""
    if not characters:
        return [], []
    of_kind = kinds(characters)
    cuts = [i for i in range(1, len(of_kind)) if of_kind[i] != of_kind[i - 1]]
    groups = np.split(np.arange(len(characters)), cuts)
    width, height = np.ptp(line, axis=0)
    vertical = height > 1.5 * width
    (x0, y0), (x1, _), (_, y1) = line[0].tolist(), line[1].tolist(), line[2].tolist()
    start, length = (y0, y1 - y0) if vertical else (x0, x1 - x0)
    cell = length / count
    gaps = [
        (columns[g[-1]] - columns[g[0]] + 1) * cell / (len(g) - 1)
        for g in groups
        if of_kind[g[0]] == "han" and len(g) > 1
    ]
    mean = np.mean(gaps) if gaps else length / len(characters)
    words, regions = [], []

    def add(word: str, a: int, b: int) -> None:
        a, b = a + start, b + start
        words.append(word)
        horizontal = [[a, y0], [b, y0], [b, y1], [a, y1]]
        regions.append([[x0, a], [x0, b], [x1, b], [x1, a]] if vertical else horizontal)

    for group in groups:
        if of_kind[group[0]] == "han":
            for i in group:
                centre = (columns[i] + 0.5) * cell
                low, high = int(centre - mean / 2), int(centre + mean / 2)
                add(characters[i], max(low, 0), min(high, length))
        else:
            word = "".join(characters[i] for i in group)
            add(word, int(columns[group[0]] * cell), int((columns[group[-1]] + 1) * cell))
    return words, regions


@st.composite
def lines(draw: st.DrawFn) -> tuple[np.ndarray, list[str], list[int], float]:
    """A box of any kind, and what was read there."""
    characters = draw(st.lists(st.sampled_from(CHARACTERS), max_size=30))
    steps = draw(st.lists(st.integers(1, 5), min_size=len(characters), max_size=len(characters)))
    columns = np.cumsum(steps, dtype=int).tolist()
    count = draw(st.floats(0.5, 300))
    x0, y0 = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    width, height = draw(st.integers(0, 900)), draw(st.integers(0, 900))
    box = np.array([[x0, y0], [x0 + width, y0], [x0 + width, y0 + height], [x0, y0 + height]])
    if draw(st.booleans()):
        box += np.array(draw(st.lists(st.integers(-40, 40), min_size=8, max_size=8))).reshape(4, 2)
    return box.astype(np.int32), characters, columns, count


@settings(max_examples=400, deadline=None)
@given(lines())
def test_any_line(line: tuple[np.ndarray, list[str], list[int], float]) -> None:
    words, regions = _core.word_boxes(*line)
    wanted_words, wanted_regions = expected(*line)
    assert words == wanted_words
    assert regions.tolist() == wanted_regions


@settings(max_examples=200, deadline=None)
@given(lines())
def test_upside_down_is_the_mirror_image(
    line: tuple[np.ndarray, list[str], list[int], float],
) -> None:
    box = line[0]
    words, regions = _core.word_boxes(*line, upside_down=True)
    straight_words, straight = _core.word_boxes(*line)
    assert words == straight_words
    along = int(np.ptp(box[:, 1]) > 1.5 * np.ptp(box[:, 0]))
    ends = box[0, along] + box[1 + along, along]
    np.testing.assert_array_equal(
        np.sort(ends - straight[..., along], axis=1), np.sort(regions[..., along], axis=1)
    )
    np.testing.assert_array_equal(straight[..., 1 - along], regions[..., 1 - along])


def test_other_numbers_of_columns_are_refused() -> None:
    with pytest.raises(InputError, match="one column for each character"):
        _core.word_boxes(np.zeros((4, 2), np.int32), ["a"], [], 1.0)


def test_keys_of_a_page(make_ocr: Callable[..., PaddleOCR], pages_dir: Path) -> None:
    ocr = make_ocr()
    path = str(pages_dir / "english.png")
    assert "text_word" not in ocr.predict(path)[0]
    page = ocr.predict(path, return_word_box=True)[0]
    assert len(page["text_word"]) == len(page["rec_texts"]) > 0
    for text, words, regions, boxes in zip(
        page["rec_texts"],
        page["text_word"],
        page["text_word_region"],
        page["text_word_boxes"],
        strict=True,
    ):
        assert "".join(words) == text
        assert regions.shape == (len(words), 4, 2)
        assert boxes.dtype == np.int64
        np.testing.assert_array_equal(boxes[:, :2], regions.min(axis=1))
        np.testing.assert_array_equal(boxes[:, 2:], regions.max(axis=1))


def test_words_lie_on_their_ink(make_ocr: Callable[..., PaddleOCR]) -> None:
    """Rendered words far from each other, upright and turned to read downwards."""
    image = np.full((64, 900, 3), 255, np.uint8)
    starts = {"alpha": 20, "beta": 330, "gamma": 640}
    for word, x in starts.items():
        cv2.putText(image, word, (x, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (0, 0, 0), 2, cv2.LINE_AA)
    page = cv2.copyMakeBorder(image, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    for picture, axis in ((page, 0), (np.ascontiguousarray(np.rot90(page, -1)), 1)):
        result = make_ocr(return_word_box=True).predict(picture)[0]
        found = {
            word: box[[axis, axis + 2]] - 60
            for words, boxes in zip(result["text_word"], result["text_word_boxes"], strict=True)
            for word, box in zip(words, boxes, strict=True)
        }
        for word, start in starts.items():
            width = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 1.3, 2)[0][0]
            assert word in found
            assert abs(found[word][0] - start) < 25
            assert abs(found[word][1] - (start + width)) < 25


def test_information_of_single_lines() -> None:
    line = np.full((48, 380, 3), 255, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(line, "Total: 12.50 EUR", (8, 34), font, 1.2, (0, 0, 0), 2, cv2.LINE_AA)
    reader = TextRecognition(cpu_threads=2)
    plain = reader.predict(line)[0]["rec_text"]
    text, (count, words, columns, states) = reader.predict(line, return_word_box=True)[0][
        "rec_text"
    ]
    assert text == plain
    assert "12.50" in ["".join(word) for word in words]
    assert "".join(character for word in words for character in word) == text
    assert [len(word) for word in words] == [len(of_word) for of_word in columns]
    assert set(states) <= {"cn", "en&num", "symbol"}
    in_order = np.concatenate(columns)
    assert (np.diff(in_order) > 0).all()
    assert in_order[0] >= 0
    assert in_order[-1] < count


def squeezed(wide: int, narrow: int) -> tuple[float, float]:
    """How many columns a wide and a narrow line take when they are read together."""
    reader = TextRecognition(cpu_threads=2)
    images = [np.full((16, width, 3), 200, np.uint8) for width in (wide, narrow)]
    results = reader.predict(images, 2, return_word_box=True)
    return tuple(result["rec_text"][1][0] for result in results)  # type: ignore[return-value]


def test_lines_beyond_the_greatest_width() -> None:
    """3200 pixels of the network's input are 400 columns, whatever is squeezed into them."""
    assert squeezed(2000, 800) == pytest.approx((400, 300))
    assert squeezed(1000, 500) == pytest.approx((375, 187.5))
