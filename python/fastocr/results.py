"""The result objects of the OCR pipeline: dictionaries that can print, draw and save themselves.

Importing this module loads neither OpenCV nor Pillow; they are loaded when a picture is asked for.
"""

from __future__ import annotations

import builtins
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastocr.errors import FastOCRError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FailedResult", "OCRResult"]

_log = logging.getLogger("fastocr")

SavePath: TypeAlias = "str | os.PathLike[str]"

# Keys of the printed and saved form, in order; those that a result does not have are left out.
_CONTENT_KEYS = (
    "input_path",
    "page_index",
    "model_settings",
    "doc_preprocessor_res",
    "dt_polys",
    "text_det_params",
    "text_type",
    "textline_orientation_angles",
    "text_rec_score_thresh",
    "return_word_box",
    "rec_texts",
    "rec_scores",
    "rec_polys",
    "rec_boxes",
    "text_word_boxes",
    "text_word",
)
_PREPROCESSOR_KEYS = ("input_path", "page_index", "model_settings", "angle")
_STACKED_KEYS = frozenset(
    {"dt_polys", "textline_orientation_angles", "rec_scores", "rec_polys", "rec_boxes"}
)

# A fixed list, because the answers of `mimetypes` depend on the machine.
_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"}
    | {".ppm", ".tif", ".tiff", ".webp"}
)


class _Result(dict[str, Any]):
    """What all results share: printing, file names and saving.

    A subclass provides the printed content (`_content`) and the pictures (`img`). It holds the
    keys ``input_path`` (str or None) and ``page_index`` (int or None), which name the files.
    """

    # The property `str` hides the type of that name inside the class.
    _unnamed_stem: builtins.str | None = None

    def _content(self) -> dict[str, Any]:
        """Return what is printed and saved, numpy values included, in the order of the file."""
        raise NotImplementedError

    @property
    def img(self) -> dict[str, Image]:
        """The pictures of the result by name: RGB Pillow images."""
        raise NotImplementedError

    @property
    def json(self) -> dict[str, dict[str, Any]]:
        """The result as ``{"res": {...}}`` of plain Python values, ready for `json.dumps`."""
        return {"res": _plain(self._content())}

    @property
    def str(self) -> dict[str, dict[str, Any]]:
        """The result as ``{"res": {...}}`` with boxes and scores as numpy arrays."""
        content = self._content()
        return {"res": {key: _stacked(key, value) for key, value in content.items()}}

    def print(self, json_format: bool = False, indent: int = 4, ensure_ascii: bool = False) -> None:
        """Print the result to standard output.

        Characters that the output cannot encode are printed as escapes.

        Args:
            json_format: print all values as JSON instead of a summary with shortened arrays.
            indent: number of spaces per JSON level.
            ensure_ascii: escape all characters outside ASCII in JSON.

        """
        if json_format:
            text = _dumps(self.json, indent, ensure_ascii)
        else:
            with np.printoptions(threshold=1, edgeitems=1):
                text = repr(self.str)
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding))

    def save_to_json(
        self,
        save_path: SavePath,
        indent: int = 4,
        ensure_ascii: bool = False,
    ) -> None:
        """Save the content of `json` (without "res") as a UTF-8 file.

        Args:
            save_path: a ``.json`` file, or a directory that receives ``<stem>_res.json``. The
                stem is the name of the input plus ``_<page_index>`` if it has pages; an input
                without a name gets ``<unix seconds>_<random number>``. Directories are created.
            indent: number of spaces per JSON level.
            ensure_ascii: escape all characters outside ASCII.

        Raises:
            TypeError: `save_path` is not a path.
            OSError: the file cannot be written.

        """
        path = _path(save_path)
        if path.suffix.lower() != ".json":
            path /= f"{self._stem()}_res.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _dumps(self.json["res"], indent, ensure_ascii)
        # A lone surrogate (from an undecodable file name) is written as its valid JSON escape.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")

    def save_to_img(self, save_path: SavePath) -> None:
        """Save the pictures.

        Args:
            save_path: an image file for the first picture, or a directory that receives
                ``<stem>_<name of the picture><suffix>`` for each. The suffix is that of the input
                if it is an image, else ``.png``; the stem is the same as in `save_to_json`.

        Raises:
            TypeError: `save_path` is not a path.
            OSError: a file cannot be written.

        """
        path = _path(save_path)
        images = self.img
        for target, image in zip(self._image_paths(path, images), images.values(), strict=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(target)

    def save_all(self, save_path: SavePath) -> None:
        """Save JSON and pictures; see `save_to_json` and `save_to_img`."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def _image_paths(self, path: Path, images: Mapping[builtins.str, Any]) -> Iterator[Path]:
        """Yield the file of each picture; only one if `path` itself names an image file."""
        if path.suffix.lower() in _IMAGE_SUFFIXES:
            if len(images) > 1:
                _log.warning("%s holds one picture only; pass a directory to save all", path)
            yield path
            return
        suffix = Path(self["input_path"] or "").suffix
        suffix = suffix if suffix.lower() in _IMAGE_SUFFIXES else ".png"
        for name in images:
            yield path / f"{self._stem()}_{name}{suffix}"

    def _stem(self) -> builtins.str:
        """Return the first part of every file name; it stays the same for the same object."""
        stem = Path(self["input_path"]).stem if self["input_path"] else self._made_up_stem()
        return stem if self["page_index"] is None else f"{stem}_{self['page_index']}"

    def _made_up_stem(self) -> builtins.str:
        """Return the name of an input that has none, made up at the first call."""
        if self._unnamed_stem is None:
            # An own generator leaves the random numbers of the calling program as they are.
            from random import Random

            self._unnamed_stem = f"{int(time.time())}_{Random().randint(1000, 9999)}"
        return self._unnamed_stem


class OCRResult(_Result):
    """Everything that was read on one page.

    A dictionary with the keys, in this order: ``input_path`` (str or None), ``page_index`` (int or
    None), ``doc_preprocessor_res`` (its ``output_img`` is the (h, w, 3) uint8 BGR page that was
    read), ``dt_polys`` (list of (4, 2) int16), ``model_settings``, ``text_det_params``,
    ``text_type``, ``text_rec_score_thresh``, ``return_word_box``, ``rec_texts``, ``rec_scores``,
    ``rec_polys``, ``vis_fonts``, ``textline_orientation_angles`` (only if boxes were found) and
    ``rec_boxes`` ((n, 4) int16). With word boxes also ``text_word``, ``text_word_region`` (before
    the angles) and ``text_word_boxes`` (last).
    """

    ok: bool = True
    error: FastOCRError | None = None

    def _content(self) -> dict[str, Any]:
        """Return the keys of the reference's JSON that this result has."""
        content = {key: self[key] for key in _CONTENT_KEYS if key in self}
        if self["model_settings"]["use_doc_preprocessor"]:
            whole = content["doc_preprocessor_res"]
            content["doc_preprocessor_res"] = {key: whole[key] for key in _PREPROCESSOR_KEYS}
        else:
            del content["doc_preprocessor_res"]
        return content

    @property
    def img(self) -> dict[str, Image]:
        """``{"ocr_res_img": picture}``: RGB, twice as wide as the page.

        The page with its boxes on the left, the recognised texts (or words, if the result has word
        boxes) in their places on the right. Drawn anew at each access.
        """
        from PIL import Image

        from fastocr.drawing import draw_ocr

        page = self["doc_preprocessor_res"]["output_img"]
        if "text_word_region" in self:
            polys = [np.asarray(poly) for line in self["text_word_region"] for poly in line]
            texts = [word for line in self["text_word"] for word in line]
            fonts = None
        else:
            polys, texts, fonts = self["rec_polys"], self["rec_texts"], self["vis_fonts"]
        return {"ocr_res_img": Image.fromarray(draw_ocr(page, polys, texts, fonts))}


class FailedResult(_Result):
    """Stands in the list of results for a page that could not be read.

    A dictionary with the keys ``input_path``, ``page_index`` and ``error`` (the message). Asking
    for anything that only a real result has raises the exception of the failure, whether by
    ``result["rec_texts"]``, ``result.get("rec_texts")``, `img` or `save_to_img`, so that a failed
    page is never taken for an empty one. `json`, `str`, `print`, `save_to_json` and `save_all`
    report the failure.
    """

    ok: bool = False

    def __init__(self, input_path: str | None, page_index: int | None, error: FastOCRError) -> None:
        """Record why the page failed; `page_index` is None for an input without pages."""
        super().__init__(input_path=input_path, page_index=page_index, error=str(error))
        self.error = error

    def __missing__(self, key: str) -> Any:
        """Raise the exception of the failure: a failed page has no value for `key`."""
        raise self.error

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of a key; a missing one raises the failure instead of `default`."""
        return self[key]

    def _content(self) -> dict[str, Any]:
        """Return the three keys of a failure."""
        return dict(self)

    @property
    def img(self) -> dict[str, Image]:
        """There is no picture: raises the exception of the failure."""
        raise self.error

    def save_all(self, save_path: SavePath) -> None:
        """Save what there is: the JSON file with the error message."""
        self.save_to_json(save_path)


def _path(save_path: SavePath) -> Path:
    """Return `save_path` as a Path; TypeError if it is none."""
    if not isinstance(save_path, (str, os.PathLike)):
        raise TypeError(f"save_path must be a str or a path, not {type(save_path).__name__}")
    return Path(save_path)


def _dumps(value: Any, indent: int, ensure_ascii: bool) -> str:
    """Return plain values as JSON text."""
    import json

    return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)


def _stacked(key: str, value: Any) -> Any:
    """Return lists of boxes, angles and scores as one array; other values as they are."""
    return np.array(value) if key in _STACKED_KEYS else value


def _plain(value: Any) -> Any:
    """Return `value` with arrays, numpy scalars, tuples and paths as plain Python values."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value.as_posix() if isinstance(value, Path) else value
