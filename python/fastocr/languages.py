"""Which models read which language: ``lang`` and ``ocr_version`` to model names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastocr import checks
from fastocr.errors import InvalidOptionError

__all__ = ["OCR_VERSIONS", "check", "display_order", "languages", "model_names"]

OCR_VERSIONS = ("PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6")

# Languages that share a recognition model, by the word in its name. A language that is in several
# groups belongs to the first one that a version has.
_MEMBERS = {
    "latin": """
        af az bs ca cs cy da de es et eu fi fr french ga german gl hr hu id is it ku la lb lt lv mi
        ms mt nl no oc pi pl pt qu rm ro rs_latin sk sl sq sv sw tl tr uz vi
    """,
    "eslav": "ru be uk",
    "arabic": "ar fa ug ur ps ku sd bal",
    "cyrillic": """
        ru be uk rs_cyrillic bg mn abq ady kbd ava dar inh che lbe lez tab kk ky tg mk tt cv ba mhr
        mo udm kv os bua xal tyv sah kaa
    """,
    "devanagari": "hi mr ne bh mai ang bho mah sck new gom sa bgc",
}
_GROUPS = {word: frozenset(codes.split()) for word, codes in _MEMBERS.items()}
# The groups of each version, and the languages with a model of their own name.
_VERSION_GROUPS = {
    "PP-OCRv3": ("latin", "arabic", "cyrillic", "devanagari"),
    "PP-OCRv5": ("latin", "eslav", "arabic", "cyrillic", "devanagari"),
}
_OWN_MODELS = {
    "PP-OCRv3": ("en", "korean", "japan", "chinese_cht", "te", "ka", "ta"),
    "PP-OCRv4": ("en",),
    "PP-OCRv5": ("en", "korean", "th", "el", "te", "ta"),
}
# The languages of the recognition model without a word in its name.
_SHARED_MODEL = {
    "PP-OCRv3": frozenset({"ch"}),
    "PP-OCRv4": frozenset({"ch"}),
    "PP-OCRv5": frozenset({"ch", "chinese_cht", "japan"}),
    "PP-OCRv6": frozenset({"ch", "chinese_cht", "en", "japan"}) | (_GROUPS["latin"] - {"pi"}),
}
# PP-OCRv6 has no mobile models; these are the ones that the reference takes.
_SIZES = {"PP-OCRv6": "medium"}
# Tried in this order when no version is asked for.
_DEFAULT_VERSIONS = ("PP-OCRv5", "PP-OCRv3")


def model_names(lang: str | None = None, ocr_version: str | None = None) -> tuple[str, str]:
    """Return the names of the detection and the recognition model.

    Args:
        lang: a code of `languages`, default "ch". Codes are case-sensitive.
        ocr_version: one of `OCR_VERSIONS`; by default PP-OCRv5, or PP-OCRv3 where that has no
            model for the language.

    Raises:
        InvalidOptionError: a wrong type or version, or no model for this language and version.

    """
    check(lang, ocr_version)
    lang = "ch" if lang is None else lang
    for version in _versions(ocr_version):
        word = _word(lang, version)
        if word is not None:
            family = f"{version}_{_SIZES.get(version, 'mobile')}"
            return f"{family}_det", f"{word}{family}_rec"
    raise InvalidOptionError(
        f"No models are available for lang={lang!r} and ocr_version={ocr_version!r}: "
        f"{_remedy(lang)}"
    )


def check(lang: object, ocr_version: object) -> None:
    """Check the types, and the version; not whether there is a model.

    Raises:
        InvalidOptionError: a wrong type or version.

    """
    if ocr_version is not None:
        checks.choice(OCR_VERSIONS)("ocr_version", ocr_version)
    if lang is not None:
        checks.text("lang", lang)


def languages(ocr_version: str | None = None) -> tuple[str, ...]:
    """Return the codes that `model_names` takes with this version, sorted.

    Raises:
        InvalidOptionError: a wrong version.

    """
    check(None, ocr_version)
    return tuple(sorted({code for version in _versions(ocr_version) for code in _codes(version)}))


def display_order(model_name: str) -> Callable[[str], str] | None:
    """Return what puts a model's text into display order; None where it is so already.

    Models of the Arabic script give texts in the order of their letters on the page. As in the
    reference, results hold what the Unicode bidirectional algorithm makes of them.
    """
    if not model_name.startswith("arabic_"):
        return None
    from bidi.algorithm import get_display

    def reorder(text: str) -> str:
        return str(get_display(text))

    return reorder


def _versions(ocr_version: str | None) -> tuple[str, ...]:
    return _DEFAULT_VERSIONS if ocr_version is None else (ocr_version,)


def _word(lang: str, version: str) -> str | None:
    """Return what a recognition model's name begins with; None if there is none for `lang`."""
    if lang in _SHARED_MODEL[version]:
        return ""
    if lang in _OWN_MODELS.get(version, ()):
        return f"{lang}_"
    groups = _VERSION_GROUPS.get(version, ())
    return next((f"{group}_" for group in groups if lang in _GROUPS[group]), None)


def _codes(version: str) -> Iterator[str]:
    yield from _SHARED_MODEL[version]
    yield from _OWN_MODELS.get(version, ())
    for group in _VERSION_GROUPS.get(version, ()):
        yield from _GROUPS[group]


def _remedy(lang: str) -> str:
    able = [version for version in OCR_VERSIONS if _word(lang, version) is not None]
    if able:
        return f"lang={lang!r} needs ocr_version={' or '.join(map(repr, able))}"
    import difflib

    known = languages()
    close = difflib.get_close_matches(lang, known, n=3)
    hint = f", for example {', '.join(map(repr, close))}" if close else ""
    return f"one of the {len(known)} languages of docs/languages.md is expected{hint}"
