"""Results against those of the official package: keys, order, kinds of values, JSON, file names.

Numbers may differ a little, as other CPUs add up the sums of the networks in another order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr.model_store import available
from tests.parity.reference_inputs import kind_of, make_input

FIXTURES = Path(__file__).resolve().parent / "fixtures" / "reference_json"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))
PIXELS, SCORE = 2, 0.02
# What is not named here is equal: texts, settings, angles, classes, indices.
TOLERANCES: dict[str, float] = {
    **dict.fromkeys(("dt_polys", "rec_polys", "rec_boxes", "text_word_boxes"), PIXELS),
    **dict.fromkeys(("dt_scores", "rec_score", "rec_scores", "scores"), SCORE),
}
# Kinds that differ on purpose, by the case's name or for all: docs/compatibility.md.
OWN_KINDS: dict[str, dict[str, Any]] = {
    "": {"class_ids": "int32[1]"},
    "text_detection_blank": {"dt_polys": "int16[3]"},
    "words_chinese": {"text_word_region": {"list": ["int32[3]"]}},
    "words_latin": {"text_word_region": {"list": ["int32[3]"]}},
}

Run = Callable[[str], "tuple[list[Any], list[dict[str, Any]]]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Run:
    """Returns our results of a case, and the stored ones, which were made in the same way."""
    monkeypatch.chdir(tmp_path)

    def places(models: dict[str, str]) -> dict[str, str]:
        given = {}
        for role, name in models.items():
            given[f"{role}model_name"] = name
            if not available(name):
                folder = request.getfixturevalue("more_models") / name
                if not folder.is_dir():
                    pytest.skip(f"no model {name}: FASTOCR_TEST_MODELS names a folder of models")
                given[f"{role}model_dir"] = str(folder)
        return given

    def run(name: str) -> tuple[list[Any], list[dict[str, Any]]]:
        case = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
        # In float, as the reference: fixed point may drop or add a blank that was a toss-up.
        made = getattr(fastocr, case["class"])(
            **places(case["models"]), **case["options"], cpu_threads=2, precision="fp32"
        )
        with made:
            results = made.predict(make_input(case["input"], tmp_path), **case["call"])
        assert len(results) == len(case["results"])
        return results, [_with_own_classes(result) for result in case["results"]]

    return run


def _with_own_classes(stored: dict[str, Any]) -> dict[str, Any]:
    """Take the classes of one image for those of its batch, which the reference reports."""
    if "class_ids" in stored["json"]:
        (stored["json"]["class_ids"],) = stored["json"]["class_ids"]
    return stored


def check(place: str, found: Any, expected: Any, tolerance: float = 0) -> None:
    """Compare two plain values: types, order of keys, lengths, contents."""
    assert type(found) is type(expected), place
    if isinstance(expected, dict):
        assert list(found) == list(expected), place
        for key, value in expected.items():
            check(f"{place}.{key}", found[key], value, TOLERANCES.get(key, tolerance))
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for index, value in enumerate(expected):
            check(f"{place}[{index}]", found[index], value, tolerance)
    elif tolerance:
        assert abs(found - expected) <= tolerance, (place, found, expected)
    else:
        assert found == expected, place


def check_kinds(found: dict[str, Any], expected: dict[str, Any], own: dict[str, Any]) -> None:
    """Compare the keys, their order, and the kinds of values."""
    assert list(found) == list(expected)
    assert {key: kind_of(value) for key, value in found.items()} == {
        key: own.get(key, kind) for key, kind in expected.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_the_reference(name: str, run: Run, tmp_path: Path) -> None:
    results, stored = run(name)
    for number, (result, expected) in enumerate(zip(results, stored, strict=True)):
        own = {**OWN_KINDS[""], **OWN_KINDS.get(name, {})}
        check_kinds(result, expected["kinds"], own)
        check_kinds(result.str["res"], expected["str_kinds"], own)
        assert list(result.json) == list(result.str) == ["res"]
        check(name, result.json["res"], expected["json"])
        assert list(result.img) == expected["pictures"]

        folder = tmp_path / f"saved_{number}"
        result.save_all(folder)
        files = sorted(path.name for path in folder.iterdir())
        assert expected["files"] is None or files == expected["files"]
        (text,) = (path.read_text(encoding="utf-8") for path in folder.glob("*.json"))
        assert text == json.dumps(result.json["res"], indent=4, ensure_ascii=False)


def test_all_kinds_of_results_are_covered() -> None:
    classes = {
        json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["class"]
        for name in NAMES
    }
    # The official unwarping network cannot be had where the JSON was made.
    assert classes == set(fastocr.__all__) & classes
    assert len(classes) == 6
