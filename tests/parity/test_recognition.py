"""CTC decoding of the core against the rule of the reference, written with numpy."""

from __future__ import annotations

import numpy as np
import pytest

from fastocr import _core
from fastocr.errors import InputError

pytestmark = pytest.mark.usefixtures("isa")

CHARACTERS = ["a", "b", "é", "界", "\u3000", "1/4", "e\u0301", "👩\u200d🔬"]


def numpy_decode(probabilities: np.ndarray, characters: list[str]) -> tuple[str, float]:
    """Greedy decoding as the reference does it: the score is numpy's float32 mean."""
    alphabet = ["", *characters, " "]
    best = probabilities.argmax(axis=1)
    changed = np.ones(len(best), bool)
    changed[1:] = best[1:] != best[:-1]
    kept = changed & (best != 0)
    if not kept.any():
        return "", 0.0
    score = np.mean(probabilities.max(axis=1)[kept])
    assert score.dtype == np.float32
    return "".join(alphabet[i] for i in best[kept]), float(score)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def one_hot(classes: list[int], count: int, value: float = 1.0) -> np.ndarray:
    """Certain probabilities for a sequence of classes."""
    probabilities = np.zeros((len(classes), count), np.float32)
    probabilities[np.arange(len(classes)), classes] = value
    return probabilities


@pytest.mark.parametrize("steps", [*range(20), 40, 80, 127, 128, 129, 136, 200, 255, 257, 320, 400])
def test_random_probabilities(steps: int) -> None:
    """Few kept steps and many: numpy adds up 8 values and more than 128 in an order of its own."""
    rng = np.random.default_rng(steps)
    for share_of_blanks in (0.0, 0.5, 0.95):
        logits = rng.normal(0, 2, (steps, len(CHARACTERS) + 2))
        logits[:, 0] += np.where(rng.random(steps) < share_of_blanks, 12, -12)
        probabilities = softmax(logits)
        got = _core.ctc_decode(probabilities, CHARACTERS)
        assert got == numpy_decode(probabilities, CHARACTERS)


@pytest.mark.parametrize("count", [1, 7, 15, 31, 33, 63, 65, 97, 1023, 1025, 2049, 6625, 18385])
def test_dictionaries_of_many_sizes(count: int) -> None:
    """The largest class may lie in any lane or block of the search, also in the last place."""
    characters = [chr(0x4E00 + i) for i in range(count)]
    rng = np.random.default_rng(count)
    probabilities = rng.random((40, count + 2), dtype=np.float32)
    places = rng.integers(0, count + 2, 40)
    places[:3] = (count + 1, 1, count)
    probabilities[np.arange(40), places] += np.float32(1)
    assert _core.ctc_decode(probabilities, characters) == numpy_decode(probabilities, characters)


def test_of_equal_probabilities_the_first_counts() -> None:
    rng = np.random.default_rng(3)
    characters = [chr(0x4E00 + i) for i in range(2100)]
    for _ in range(20):
        probabilities = (rng.integers(0, 4, (30, 2102)) / 4).astype(np.float32)
        got = _core.ctc_decode(probabilities, characters)
        assert got == numpy_decode(probabilities, characters)
    flat = np.full((5, 2102), 0.25, np.float32)
    assert _core.ctc_decode(flat, characters) == ("", 0.0)


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([], ""),
        ([0], ""),
        ([0, 0, 0], ""),
        ([1], "a"),
        ([1, 1, 1], "a"),
        ([1, 0, 1], "aa"),
        ([0, 1, 1, 0, 0, 2, 2, 1], "aba"),
        ([9], " "),
        ([9, 9, 1, 9], " a "),
        ([3, 4, 5], "é界\u3000"),
        ([6, 6, 0, 6, 7, 8, 8], "1/41/4e\u0301👩\u200d🔬"),
    ],
)
def test_texts(classes: list[int], text: str) -> None:
    probabilities = one_hot(classes, len(CHARACTERS) + 2, 0.5)
    assert _core.ctc_decode(probabilities, CHARACTERS) == (text, 0.5 if text else 0.0)


def test_score_is_the_mean_of_the_first_step_of_each_character() -> None:
    probabilities = one_hot([1, 1, 0, 2], len(CHARACTERS) + 2)
    probabilities[:, :3] *= np.array([[0.5], [1.0], [1.0], [0.75]], np.float32)
    assert _core.ctc_decode(probabilities, CHARACTERS) == ("ab", 0.625)


def test_dictionary_without_characters_has_blank_and_space() -> None:
    assert _core.ctc_decode(one_hot([0, 1, 1], 2), []) == (" ", 1.0)


@pytest.mark.parametrize("classes", [0, 1, 8, 9, 11])
def test_wrong_number_of_classes(classes: int) -> None:
    with pytest.raises(InputError, match="classes"):
        _core.ctc_decode(np.zeros((3, classes), np.float32), CHARACTERS)
