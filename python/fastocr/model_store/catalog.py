"""The official models: their names, what they are for, and the packages that hosts keep of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ROLES", "OfficialModel", "close_names", "model_of", "names", "official", "package"]

ROLES = (
    "text_detection",
    "seal_text_detection",
    "text_recognition",
    "textline_orientation",
    "doc_orientation_classify",
    "doc_unwarping",
)

# What follows the model's name in the name of a package.
_SUFFIXES = {"static": "", "onnx": "_onnx", "safetensors": "_safetensors"}
_STATIC = ("static",)
_ALL = ("static", "onnx", "safetensors")


@dataclass(frozen=True, slots=True)
class OfficialModel:
    """A model that hosts keep.

    `role` is one of `ROLES`; `forms` are those of "static" (Paddle's), "onnx" and "safetensors"
    that have a package.
    """

    name: str
    role: str
    forms: tuple[str, ...]

    def packages(self) -> tuple[str, ...]:
        """Return the names of all packages."""
        return tuple(package(self.name, form) for form in self.forms)


def package(name: str, form: str) -> str:
    """Return the name of the package of a model in a form."""
    return name + _SUFFIXES[form]


def model_of(package_name: str) -> str:
    """Return the name of the model that a package holds."""
    return package_name.removesuffix("_onnx").removesuffix("_safetensors")


def official(name: str) -> OfficialModel | None:
    """Return the official model of this name, or None."""
    return _MODELS.get(name)


def names(role: str | None = None) -> tuple[str, ...]:
    """Return the official names, all or those of one role."""
    return tuple(model.name for model in _MODELS.values() if role in (None, model.role))


def close_names(name: str, others: Iterable[str] = ()) -> list[str]:
    """Return up to three names, of the official and the others, that are written alike."""
    import difflib

    candidates = {known.casefold(): known for known in (*others, *_MODELS)}
    close = difflib.get_close_matches(name.casefold(), candidates, n=3)
    return [candidates[match] for match in close]


def _v5(*languages: str) -> list[str]:
    return [f"{language}_PP-OCRv5_mobile_rec" for language in languages]


def _v3(*languages: str) -> list[str]:
    return [f"{language}_PP-OCRv3_mobile_rec" for language in languages]


def _models() -> dict[str, OfficialModel]:
    sizes_v6 = ("medium", "small", "tiny")
    groups: list[tuple[str, tuple[str, ...], list[str]]] = [
        ("text_detection", _ALL, [f"PP-OCRv6_{size}_det" for size in sizes_v6]),
        ("text_detection", _ALL, ["PP-OCRv5_server_det", "PP-OCRv5_mobile_det"]),
        ("text_detection", _STATIC, ["PP-OCRv4_server_det", "PP-OCRv4_mobile_det"]),
        ("text_detection", _STATIC, ["PP-OCRv3_server_det", "PP-OCRv3_mobile_det"]),
        (
            "seal_text_detection",
            _STATIC,
            ["PP-OCRv4_server_seal_det", "PP-OCRv4_mobile_seal_det"],
        ),
        ("text_recognition", _ALL, [f"PP-OCRv6_{size}_rec" for size in sizes_v6]),
        ("text_recognition", _ALL, ["PP-OCRv5_server_rec", "PP-OCRv5_mobile_rec"]),
        ("text_recognition", _ALL, _v5("en", "latin", "eslav", "korean", "th", "el", "arabic")),
        ("text_recognition", _ALL, _v5("cyrillic", "devanagari", "ta", "te")),
        ("text_recognition", _STATIC, ["PP-OCRv4_server_rec", "PP-OCRv4_server_rec_doc"]),
        ("text_recognition", _STATIC, ["PP-OCRv4_mobile_rec", "en_PP-OCRv4_mobile_rec"]),
        ("text_recognition", _STATIC, ["PP-OCRv3_mobile_rec"]),
        ("text_recognition", _STATIC, _v3("en", "korean", "japan", "chinese_cht", "te", "ka")),
        ("text_recognition", _STATIC, _v3("ta", "latin", "arabic", "cyrillic", "devanagari")),
        ("text_recognition", _STATIC, ["ch_SVTRv2_rec", "ch_RepSVTR_rec"]),
        (
            "textline_orientation",
            _ALL,
            ["PP-LCNet_x1_0_textline_ori", "PP-LCNet_x0_25_textline_ori"],
        ),
        ("doc_orientation_classify", _ALL, ["PP-LCNet_x1_0_doc_ori"]),
        ("doc_unwarping", _ALL, ["UVDoc"]),
    ]
    return {
        name: OfficialModel(name, role, forms) for role, forms, group in groups for name in group
    }


_MODELS = _models()
