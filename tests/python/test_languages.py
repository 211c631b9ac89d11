"""Languages: the models of every code and version, against PaddleOCR's own choice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fastocr import languages
from fastocr.errors import InvalidOptionError

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = json.loads(
    (ROOT / "tests" / "parity" / "fixtures" / "languages.json").read_text(encoding="utf-8")
)
CODES = sorted(set(REFERENCE["PP-OCRv5"]) - {"", "xx", "CH"})
CASES = [(version, code) for version, row in REFERENCE.items() for code in row]


def of_mobile_family(names: list[str] | None) -> tuple[str, ...] | None:
    """The reference's names with the mobile models of PP-OCRv5 in place of the server ones."""
    return names and tuple(name.replace("PP-OCRv5_server", "PP-OCRv5_mobile") for name in names)


def expected(version: str, code: str) -> tuple[str, ...] | None:
    """What follows from the reference: mobile models, and PP-OCRv6 only where it is asked for."""
    if version:
        return of_mobile_family(REFERENCE[version][code])
    return of_mobile_family(REFERENCE["PP-OCRv5"][code] or REFERENCE["PP-OCRv3"][code])


def test_all_codes_are_there() -> None:
    assert len(CODES) == 112
    assert set(languages.languages()) == set(CODES)


@pytest.mark.parametrize(("version", "code"), CASES, ids=lambda value: value or "none")
def test_names(version: str, code: str) -> None:
    wanted = expected(version, code)
    if wanted is not None:
        assert languages.model_names(code or None, version or None) == wanted
        return
    with pytest.raises(InvalidOptionError, match="No models are available") as caught:
        languages.model_names(code or None, version or None)
    assert f"lang={(code or None)!r} and ocr_version={(version or None)!r}" in str(caught.value)


@pytest.mark.parametrize("version", languages.OCR_VERSIONS)
def test_languages_of_a_version(version: str) -> None:
    able = {code for code in CODES if REFERENCE[version][code] is not None}
    assert set(languages.languages(version)) == able


def test_the_reference_has_server_models_where_these_are_mobile() -> None:
    """The whole difference for PP-OCRv5; a new rule of the reference would show here."""
    detection = {pair[0] for pair in REFERENCE["PP-OCRv5"].values() if pair}
    assert detection == {"PP-OCRv5_server_det"}
    assert languages.model_names("el") == ("PP-OCRv5_mobile_det", "el_PP-OCRv5_mobile_rec")


def test_defaults() -> None:
    assert languages.model_names() == ("PP-OCRv5_mobile_det", "PP-OCRv5_mobile_rec")
    assert languages.model_names("ka") == ("PP-OCRv3_mobile_det", "ka_PP-OCRv3_mobile_rec")


@pytest.mark.parametrize(
    ("lang", "version", "hint"),
    [
        ("th", "PP-OCRv3", "lang='th' needs ocr_version='PP-OCRv5'"),
        ("pi", "PP-OCRv6", "needs ocr_version='PP-OCRv3' or 'PP-OCRv5'"),
        ("chinese", None, "for example 'chinese_cht'"),
        ("Korean", None, "for example 'korean'"),
        ("zz", None, "one of the 112 languages"),
    ],
)
def test_messages_help(lang: str, version: str | None, hint: str) -> None:
    with pytest.raises(InvalidOptionError, match=re.escape(hint)):
        languages.model_names(lang, version)


@pytest.mark.parametrize("lang", [5, b"ch", ["ch"], True])
def test_wrong_types(lang: object) -> None:
    with pytest.raises(InvalidOptionError, match=re.escape(f"lang={lang!r}")):
        languages.model_names(lang)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["v5", "PP-OCRv2", "pp-ocrv5", 5])
def test_wrong_versions(version: object) -> None:
    for function in (languages.languages, lambda value: languages.model_names(None, value)):
        with pytest.raises(InvalidOptionError, match=re.escape(f"ocr_version={version!r}")):
            function(version)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["arabic_PP-OCRv3_mobile_rec", "arabic_PP-OCRv5_mobile_rec"])
def test_display_order_of_arabic(name: str) -> None:
    """The values are those of the algorithm's definition: runs of digits and Latin stay as is."""
    reorder = languages.display_order(name)
    assert reorder is not None
    assert reorder("مرحبا") == "ابحرم"
    assert reorder("abc مرحبا 123 def") == "abc 123 ابحرم def"
    assert reorder("") == ""


@pytest.mark.parametrize("name", ["PP-OCRv5_mobile_rec", "cyrillic_PP-OCRv5_mobile_rec", ""])
def test_other_models_are_in_display_order(name: str) -> None:
    assert languages.display_order(name) is None


def test_the_documented_table() -> None:
    """docs/languages.md lists every code with its models."""
    text = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    table = text.split("| `ocr_version` |")[0]
    documented = {
        code
        for row in re.findall(r"^\| `([a-z_` ]*)` \|", table, re.MULTILINE)
        for code in row.split("` `")
    }
    assert documented == set(CODES)
