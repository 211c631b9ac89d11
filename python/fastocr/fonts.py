"""Which font draws which text: the one place where pictures choose their fonts.

The built-in font of OpenCV 5 ("uni") draws Latin, Greek, Cyrillic, Chinese, Japanese and Korean
without any font file. It cannot join Arabic letters and has no glyphs for Thai and the Indic
scripts; for these a font file is looked up among the installed ``fontpkg-noto-sans-*`` packages
and in the font directories of the system. The environment variable PADDLE_PDX_LOCAL_FONT_FILE_PATH
names one font file for everything, as in PaddleOCR.

Importing this module is cheap: it loads neither OpenCV nor Pillow.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Font", "default_font", "drawable", "font_for", "visual_order"]

_log = logging.getLogger("fastocr")


@dataclass(frozen=True)
class Font:
    """A font by name; `path` is the font file, or None for the built-in font.

    `display_order` tells that the texts for it are in the order in which they are seen, as those of
    models of the Arabic script are.
    """

    name: str
    path: str | None = None
    display_order: bool = False


_BUILTIN = Font("uni")
_FILE_VARIABLE = "PADDLE_PDX_LOCAL_FONT_FILE_PATH"

# Scripts that the built-in font cannot draw: name -> character ranges of a regular expression.
_SCRIPTS = {
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Oriya": "\u0b00-\u0b7f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
}
_SCRIPT = re.compile("|".join(f"(?P<{name}>[{chars}])" for name, chars in _SCRIPTS.items()))

# Fonts that common systems ship, best first, with those of these scripts that they draw.
_INDIC = frozenset(_SCRIPTS) - {"Arabic", "Thai"}
_OTHER_FILES = {
    "dejavusans.ttf": {"Arabic"},
    "geezapro.ttc": {"Arabic"},
    "leelawui.ttf": {"Thai"},
    "thonburi.ttc": {"Thai"},
    "tahoma.ttf": {"Arabic", "Thai"},
    "nirmala.ttf": _INDIC,
    "nirmala.ttc": _INDIC,
    "freesans.ttf": {"Devanagari", "Bengali", "Gurmukhi", "Malayalam"},
    "freeserif.ttf": frozenset(_SCRIPTS) - {"Telugu", "Kannada"},
}
# Scripts with a package "fontpkg-noto-sans-*" on PyPI.
_PACKAGED = frozenset({"Arabic", "Devanagari", "Tamil", "Telugu", "Thai"})

_RTL_CHARS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RTL_RUN = re.compile(f"[{_RTL_CHARS}]+(?:\\s+[{_RTL_CHARS}]+)*")
_LTR_RUN = re.compile(f"[^\\s{_RTL_CHARS}]+(?:\\s+[^\\s{_RTL_CHARS}]+)*")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# The built-in font holds these characters as empty glyphs (and half-width kana not at all); the
# nearest characters that it can draw stand in for them, so that a text never looks shorter.
_STAND_INS: dict[int, int | str] = {
    **str.maketrans("ǎǐǒǔǘǚǜˊˋ‾∼ⅤⅩ", "ăĭŏŭúüù´`¯~VX"),
    ord("℃"): "°C",
    ord("℉"): "°F",
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFFA0)},
}


def default_font() -> Font:
    """Return the built-in font, which needs no file and draws most scripts.

    If PADDLE_PDX_LOCAL_FONT_FILE_PATH names a file, it is that one, for all scripts; if there is no
    such file, one warning says so.
    """
    path = os.environ.get(_FILE_VARIABLE)
    return _file_font(path) if path else _BUILTIN


@cache
def _file_font(path: str) -> Font:
    if Path(path).is_file():
        return Font(Path(path).stem, path)
    _log.warning("%s: no font file %s, the built-in font is used", _FILE_VARIABLE, path)
    return _BUILTIN


def font_for(text: str, preferred: Font = _BUILTIN) -> Font:
    """Return the font that draws `text`.

    A `preferred` font with a file is used as it is. Otherwise the script of the text decides. When
    a script needs a font file and none is installed, one warning per script names the remedy and
    the built-in font is returned.
    """
    if preferred.path is not None or text.isascii():
        return preferred
    script = _SCRIPT.search(text)
    return preferred if script is None else _script_font(str(script.lastgroup)) or preferred


def logical_order(text: str, font: Font) -> str:
    """Return `text` in the order in which it is read, which drawing functions expect."""
    if not font.display_order:
        return text
    from bidi.algorithm import get_display

    # Of one line, the reordering is its own inverse.
    return str(get_display(text))


def drawable(text: str, font: Font = _BUILTIN) -> str:
    """Return `text` in the form that is safe to hand to a drawing function.

    Control characters become spaces, lone surrogates (on which OpenCV crashes) become "?", and
    characters that the built-in `font` holds as empty glyphs are replaced by similar ones.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub(" ", unicodedata.normalize("NFC", text))
    if font.path is None:
        text = text.translate(_STAND_INS)
    return text.encode("utf-8", "replace").decode("utf-8")


def visual_order(text: str) -> str:
    """Return `text` in the order in which it is drawn from left to right.

    A short form of the Unicode bidirectional algorithm for drawing functions without any: the
    first letter or digit gives the direction of the line; runs of the other direction keep theirs.
    """
    if _RTL_RUN.search(text) is None:
        return text
    first = next((char for char in text if char.isalnum()), "")
    if _RTL_RUN.match(first) is None:
        return _RTL_RUN.sub(lambda run: run[0][::-1], text)
    return _LTR_RUN.sub(lambda run: run[0][::-1], text[::-1])


@cache
def _script_font(script: str) -> Font | None:
    """Return the installed font of a script, or None after one warning (cached, so never twice)."""
    path = _package_file(script) or _system_file(script)
    if path is not None:
        return Font(Path(path).stem, path)
    package = f"pip install fontpkg-noto-sans-{script.lower()}" if script in _PACKAGED else ""
    _log.warning(
        "No font for %s text was found, so pictures show it unreadable or unjoined. "
        "Install Noto Sans %s where the system keeps its fonts%s, or name a font file in %s",
        script,
        script,
        package and f" ({package})",
        _FILE_VARIABLE,
    )
    return None


def _package_file(script: str) -> str | None:
    """Return the font file of an installed ``fontpkg-noto-sans-*`` package."""
    from importlib.util import find_spec

    spec = find_spec(f"fontpkg_noto_sans_{script.lower()}")
    folders = (spec.submodule_search_locations if spec else None) or []
    files = (path for folder in folders for path in Path(folder).rglob("*.[to]tf"))
    best = min(files, key=_plainness, default=None)
    return None if best is None else str(best)


def _system_file(script: str) -> str | None:
    """Return a font file for a script from the font directories of the system."""
    files = _system_files()
    noto = re.compile(rf"notosans{script.lower()}(ui)?([-\[].*)?\.(ttf|otf|ttc)")
    found = [path for name, path in files.items() if noto.fullmatch(name)]
    others = (
        files[name] for name, scripts in _OTHER_FILES.items() if script in scripts and name in files
    )
    best = min(found, key=_plainness, default=next(others, None))
    return None if best is None else str(best)


def _plainness(path: Path) -> tuple[bool, bool, str]:
    """Sort key that puts regular and variable fonts before bold, thin and italic ones."""
    name = path.name.lower()
    return "italic" in name, "regular" not in name and "[" not in name, name


@cache
def _system_files() -> dict[str, Path]:
    """Return every font file of the system: lower-case file name -> path."""
    return {
        name.lower(): Path(folder, name)
        for root in _font_folders()
        for folder, _, names in os.walk(root)
        for name in names
        if name.lower().endswith((".ttf", ".otf", ".ttc"))
    }


def _font_folders() -> Iterator[Path]:
    """Yield the directories in which this operating system keeps its fonts."""
    home = Path(os.environ.get("HOME") or os.environ.get("USERPROFILE", ""))
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts")
        yield home / "AppData/Local/Microsoft/Windows/Fonts"
    elif sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    else:
        yield from (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts")
        yield Path(os.environ.get("XDG_DATA_HOME", home / ".local/share"), "fonts")
