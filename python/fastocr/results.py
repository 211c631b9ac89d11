"""The result objects of the OCR pipeline: dictionaries that can print, draw and save themselves.

Importing this module loads neither OpenCV nor Pillow; they are loaded when a picture is asked for.
"""

from __future__ import annotations

import builtins
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastocr.errors import FastOCRError, UnsupportedOptionError
from fastocr.tracebacks import fresh
from fastocr.urls import is_url

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "DocPreprocessorResult",
    "DocTrResult",
    "FailedResult",
    "OCRResult",
    "TextDetResult",
    "TextRecResult",
    "TopkResult",
]

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
# Images, and what belongs to them, that a result of a single model holds beside its content.
_PICTURE_KEYS = ("input_img", "vis_font")
_STACKED_KEYS = frozenset(
    {"dt_polys", "textline_orientation_angles", "rec_scores", "rec_polys", "rec_boxes"}
)

# Of names from URLs: separators of folders, and what some systems refuse.
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
# Halves of characters that no name on a disk has; the others stand for bytes that are no UTF-8.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# File systems take 255 bytes; the rest is for the page, the kind of the file and its suffix.
_MOST_STEM_BYTES = 220

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

    def save_to_txt(self, save_path: SavePath) -> None:
        """Save the texts as a UTF-8 file, a line of text in each line.

        Args:
            save_path: a ``.txt`` file, or a directory that receives ``<stem>_res.txt``; the stem is
                the same as in `save_to_json`.

        Raises:
            UnsupportedOptionError: results of this kind have no texts.
            TypeError: `save_path` is not a path.
            OSError: the file cannot be written.

        """
        path = _path(save_path)
        lines = self._lines()
        if path.suffix.lower() != ".txt":
            path /= f"{self._stem()}_res.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{line}\n" for line in lines)
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

    def save_all(self, save_path: SavePath) -> None:
        """Save JSON and pictures; see `save_to_json` and `save_to_img`."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def _lines(self) -> list[builtins.str]:
        """Return the texts."""
        raise UnsupportedOptionError(f"save_to_txt: a {type(self).__name__} has no texts")

    def _image_paths(self, path: Path, images: Mapping[builtins.str, Any]) -> Iterator[Path]:
        """Yield the file of each picture; only one if `path` itself names an image file."""
        if path.suffix.lower() in _IMAGE_SUFFIXES:
            if len(images) > 1:
                _log.warning("%s holds one picture only; pass a directory to save all", path)
            yield path
            return
        suffix = Path(_file_name(self["input_path"])).suffix
        suffix = suffix if suffix.lower() in _IMAGE_SUFFIXES else ".png"
        for name in images:
            yield path / f"{self._stem()}_{name}{suffix}"

    def _stem(self) -> builtins.str:
        """Return the first part of every file name; it stays the same for the same object."""
        stem = _input_stem(self["input_path"]) or self._made_up_stem()
        return stem if self["page_index"] is None else f"{stem}_{self['page_index']}"

    def _made_up_stem(self) -> builtins.str:
        """Return the name of an input that has none, made up at the first call."""
        if self._unnamed_stem is None:
            # An own generator leaves the random numbers of the calling program as they are.
            from random import Random

            self._unnamed_stem = f"{int(time.time())}_{Random().randint(1000, 9999)}"
        return self._unnamed_stem


class _Successful(_Result):
    """A result of a page that was read."""

    ok: bool = True
    error: FastOCRError | None = None

    def _content(self) -> dict[str, Any]:
        """Return all that is no picture."""
        return {key: value for key, value in self.items() if key not in _PICTURE_KEYS}


class OCRResult(_Successful):
    """Everything that was read on one page.

    A dictionary with the keys, in this order: ``input_path`` (str or None), ``page_index`` (int or
    None), ``doc_preprocessor_res`` (its ``output_img`` is the (h, w, 3) uint8 BGR page that was
    read), ``dt_polys`` (list of (4, 2) int16), ``model_settings``, ``text_det_params``,
    ``text_type``, ``text_rec_score_thresh``, ``return_word_box``, ``rec_texts``, ``rec_scores``,
    ``rec_polys``, ``vis_fonts``, ``textline_orientation_angles`` (only if boxes were found) and
    ``rec_boxes`` ((n, 4) int16). With word boxes also ``text_word``, ``text_word_region`` (before
    the angles) and ``text_word_boxes`` (last).

    Attributes:
        coordinates: what polygons are pixels of: "processed" is ``output_img``, "original" is the
            page as it came.
        stage_ms: milliseconds that the page was in each stage, waiting for other pages included:
            "detection", "recognition", and "document" where it was turned or flattened. Empty for
            results that no pipeline made.

    """

    coordinates: str = "processed"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make a dictionary, as `dict` does."""
        super().__init__(*args, **kwargs)
        self.stage_ms: dict[builtins.str, float] = {}

    def _content(self) -> dict[str, Any]:
        """Return the keys of the reference's JSON that this result has."""
        content = {key: self[key] for key in _CONTENT_KEYS if key in self}
        preprocessed = content["doc_preprocessor_res"]
        if isinstance(preprocessed, DocPreprocessorResult):
            content["doc_preprocessor_res"] = preprocessed._content()
        else:
            del content["doc_preprocessor_res"]
        return content

    @property
    def img(self) -> dict[str, Image]:
        """``{"ocr_res_img": picture}``: RGB, twice as wide as the page.

        The page with its boxes on the left, the recognised texts (or words, if the result has word
        boxes) in their places on the right. Where the page was turned or flattened first, also
        ``preprocessed_img``, as of `DocPreprocessorResult`. Drawn anew at each access.
        """
        from PIL import Image

        from fastocr.drawing import draw_ocr

        preprocessed = self["doc_preprocessor_res"]
        original = self.coordinates == "original" and "input_img" in preprocessed
        page = preprocessed["input_img" if original else "output_img"]
        if "text_word_region" in self:
            polys = [np.asarray(poly) for line in self["text_word_region"] for poly in line]
            texts = [word for line in self["text_word"] for word in line]
            fonts = None
        else:
            polys, texts, fonts = self["rec_polys"], self["rec_texts"], self["vis_fonts"]
        pictures = {"ocr_res_img": Image.fromarray(draw_ocr(page, polys, texts, fonts))}
        if isinstance(preprocessed, DocPreprocessorResult):
            pictures.update(preprocessed.img)
        return pictures

    def _lines(self) -> list[builtins.str]:
        return list(self["rec_texts"])


class DocPreprocessorResult(_Successful):
    """A page before and after it was turned upright and flattened.

    A dictionary with the keys ``input_path``, ``page_index``, ``input_img``, ``model_settings``
    (``use_doc_orientation_classify``, ``use_doc_unwarping``), ``angle`` (0, 90, 180 or 270: by how
    many degrees it was turned counter-clockwise; -1 if that step was off), ``rot_img`` and
    ``output_img``. Images are (h, w, 3) uint8 BGR.
    """

    def _content(self) -> dict[str, Any]:
        """Return what is no image."""
        return {key: self[key] for key in ("input_path", "page_index", "model_settings", "angle")}

    @property
    def img(self) -> dict[str, Image]:
        """``{"preprocessed_img": picture}``: the page as it came, turned, and flattened too."""
        from PIL import Image

        from fastocr.drawing import draw_document

        settings = self["model_settings"]
        turned = settings["use_doc_orientation_classify"]
        stages = (
            (self["input_img"], "Original Image"),
            (self["rot_img"], f"Rotated Image ({turned}, {self['angle']})"),
            (self["output_img"], f"Unwarping Image ({settings['use_doc_unwarping']})"),
        )
        return {"preprocessed_img": Image.fromarray(draw_document(stages))}


class TextDetResult(_Successful):
    """The lines that were found on one page.

    A dictionary with the keys ``input_path``, ``page_index``, ``input_img`` ((h, w, 3) uint8 BGR),
    ``dt_polys`` ((n, 4, 2) int16, or with a model for seals a list of (m, 2) arrays; in the order
    of detection) and ``dt_scores`` (list of float).
    """

    @property
    def img(self) -> dict[str, Image]:
        """``{"res": picture}``: the page with outlined lines."""
        from PIL import Image

        from fastocr.drawing import draw_outlines

        return {"res": Image.fromarray(draw_outlines(self["input_img"], self["dt_polys"]))}


class TextRecResult(_Successful):
    """What one line says.

    A dictionary with the keys ``input_path``, ``page_index``, ``input_img`` ((h, w, 3) uint8 BGR),
    ``rec_text`` (with word boxes a tuple of the text and a list of where its words are),
    ``rec_score`` and ``vis_font``.
    """

    @property
    def img(self) -> dict[str, Image]:
        """``{"res": picture}``: the line with its text below."""
        from PIL import Image

        from fastocr.drawing import draw_below

        caption = f"{self._lines()[0]} ({self['rec_score']})"
        picture = draw_below(self["input_img"], caption, self["vis_font"])
        return {"res": Image.fromarray(picture)}

    def _lines(self) -> list[builtins.str]:
        text = self["rec_text"]
        return [text[0] if isinstance(text, tuple) else text]


class TopkResult(_Successful):
    """The most probable classes of one image, the best first.

    A dictionary with the keys ``input_path``, ``page_index``, ``input_img`` ((h, w, 3) uint8 BGR),
    ``class_ids`` ((k,) int32), ``scores`` ((k,) float32) and ``label_names`` (list of str).
    """

    @property
    def img(self) -> dict[str, Image]:
        """``{"res": picture}``: the image with the best class and its score."""
        from PIL import Image

        from fastocr.drawing import draw_label

        label = f"{self['label_names'][0]} {float(self['scores'][0]):.2f}"
        return {"res": Image.fromarray(draw_label(self["input_img"], label))}


class DocTrResult(_Successful):
    """A flattened page.

    A dictionary with the keys ``input_path``, ``page_index``, ``input_img`` ((h, w, 3) uint8 BGR)
    and ``doctr_img`` ((h, w, 3) uint8 RGB, as in the reference).
    """

    @property
    def str(self) -> dict[builtins.str, dict[builtins.str, Any]]:
        """The result as ``{"res": {...}}`` without the image."""
        return {"res": {**self._content(), "doctr_img": "..."}}

    @property
    def img(self) -> dict[builtins.str, Image]:
        """``{"res": picture}``: the flattened page."""
        from PIL import Image

        return {"res": Image.fromarray(np.ascontiguousarray(self["doctr_img"]))}


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
        raise fresh(self.error)

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of a key; a missing one raises the failure instead of `default`."""
        return self[key]

    def _content(self) -> dict[str, Any]:
        """Return the three keys of a failure."""
        return dict(self)

    @property
    def img(self) -> dict[str, Image]:
        """There is no picture: raises the exception of the failure."""
        raise fresh(self.error)

    def _lines(self) -> list[str]:
        """There are no texts: raises the exception of the failure."""
        raise fresh(self.error)

    def save_all(self, save_path: SavePath) -> None:
        """Save what there is: the JSON file with the error message."""
        self.save_to_json(save_path)


def _path(save_path: SavePath) -> Path:
    """Return `save_path` as a Path; TypeError if it is none."""
    if not isinstance(save_path, (str, os.PathLike)):
        raise TypeError(f"save_path must be a str or a path, not {type(save_path).__name__}")
    return Path(save_path)


def _file_name(input_path: str | None) -> str:
    """Return the last part of a path, or of the path of a URL."""
    if input_path is None:
        return ""
    if is_url(input_path):
        from urllib.parse import unquote

        # Not by `urlsplit`: what is no valid URL names its failure too.
        place = re.split(r"[?#]", input_path, maxsplit=1)[0].partition("://")[2]
        # What is quoted in a URL may be no part of a file name.
        name = unquote(place.partition("/")[2].rpartition("/")[2])
        return _UNSAFE.sub("_", name)
    # A file that was not found may have a name that no file can have.
    return _HALVES.sub("_", Path(input_path.replace("\0", "_")).name)


def _input_stem(input_path: str | None) -> str:
    """Return the name of an input without its suffix, short enough for what is added to it."""
    stem = Path(_file_name(input_path)).stem
    encoded = stem.encode("utf-8", "surrogateescape")
    if len(encoded) <= _MOST_STEM_BYTES:
        return stem
    from hashlib import sha256

    # Tells long names apart that begin alike, so that none overwrites the files of another.
    mark = f"_{sha256(encoded).hexdigest()[:8]}"
    return encoded[: _MOST_STEM_BYTES - len(mark)].decode("utf-8", "ignore") + mark


def _dumps(value: Any, indent: int, ensure_ascii: bool) -> str:
    """Return plain values as JSON text."""
    import json

    return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)


def _stacked(key: str, value: Any) -> Any:
    """Return lists of boxes, angles and scores as one array; other values as they are."""
    if key not in _STACKED_KEYS or len({np.shape(item) for item in value}) > 1:
        return value  # outlines with different numbers of corners are no array
    return np.array(value)


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
