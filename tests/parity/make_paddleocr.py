"""Produces the parity fixtures that come from the official package itself.

Run it in an environment that has ``paddleocr==3.7.0``; no models are needed:

    python make_paddleocr.py

``fixtures/README.md`` describes the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paddleocr import PaddleOCR, __version__
from paddleocr._utils import langs

OWN_CODES = ("ch", "en", "korean", "japan", "chinese_cht", "te", "ka", "ta", "th", "el")
VERSIONS = ("PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6")
FIXTURES = Path(__file__).resolve().parent / "fixtures"
# Arguments of the constructor, by the name of the file that they are exported to.
CONFIGS: dict[str, dict[str, Any]] = {
    "paddleocr_default.yaml": {},
    "paddleocr_options.yaml": {
        "lang": "ru",
        "use_doc_unwarping": False,
        "use_textline_orientation": False,
        "text_det_limit_side_len": 960,
        "text_det_limit_type": "max",
        "text_det_thresh": 0.2,
        "text_det_box_thresh": 0.5,
        "text_det_unclip_ratio": 1.8,
        "text_det_input_shape": [3, 640, 960],
        "text_recognition_batch_size": 4,
        "text_rec_score_thresh": 0.25,
        "text_rec_input_shape": [3, 48, 640],
        "return_word_box": True,
    },
}


class WithoutModels(PaddleOCR):
    """Goes as far as the configuration."""

    def _create_paddlex_pipeline(self) -> None:
        return None


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


def make_languages() -> str:
    """The names of the models by version and code."""
    choose = WithoutModels()._get_ocr_model_names
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
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the files."""
    if __version__ != "3.7.0":
        raise SystemExit(f"paddleocr is {__version__}, not 3.7.0")
    (FIXTURES / "languages.json").write_text(make_languages(), encoding="utf-8")
    for name, given in CONFIGS.items():
        WithoutModels(**given).export_paddlex_config_to_yaml(FIXTURES / name)


if __name__ == "__main__":
    main()
