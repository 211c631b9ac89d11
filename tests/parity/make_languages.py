"""Produces ``tests/parity/fixtures/languages.json`` from PaddleOCR's own choice of models.

Run it in the reference environment, which has ``paddleocr==3.7.0``:

    python make_languages.py

For each version and language code it calls the function of `PaddleOCR` that chooses the names, and
writes them as ``{version: {code: [detection, recognition] or null}}``; version and code "" are
None. The codes are all that the package names anywhere, and two that it does not know.
"""

from __future__ import annotations

import json
from pathlib import Path

from paddleocr import PaddleOCR, __version__
from paddleocr._utils import langs

OWN_CODES = ("ch", "en", "korean", "japan", "chinese_cht", "te", "ka", "ta", "th", "el")
VERSIONS = ("PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6")
OUT = Path(__file__).resolve().parent / "fixtures" / "languages.json"


def all_codes() -> list[str]:
    """Every code that the package has a model for."""
    groups = (
        langs.LATIN_LANGS,
        langs.ARABIC_LANGS,
        langs.ESLAV_LANGS,
        langs.CYRILLIC_LANGS,
        langs.DEVANAGARI_LANGS,
    )
    return sorted(set(OWN_CODES).union(*groups))


def main() -> None:
    """Write the table."""
    if __version__ != "3.7.0":
        raise SystemExit(f"paddleocr is {__version__}, not 3.7.0")
    choose = object.__new__(PaddleOCR)._get_ocr_model_names
    table: dict[str, dict[str, list[str] | None]] = {}
    for version in ("", *VERSIONS):
        names = {
            code: choose(code or None, version or None) for code in ("", *all_codes(), "xx", "CH")
        }
        table[version] = {code: list(pair) if all(pair) else None for code, pair in names.items()}
    lines = [
        f"{json.dumps(version)}: {{\n"
        + ",\n".join(f"  {json.dumps(code)}: {json.dumps(pair)}" for code, pair in row.items())
        + "\n}"
        for version, row in table.items()
    ]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
