"""The networks of all steps on one device, and what becomes of a page there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fastocr import _core, languages, loading
from fastocr.document import Document, DocumentSteps
from fastocr.engines import EngineOptions
from fastocr.errors import UnsupportedOptionError
from fastocr.fonts import default_font
from fastocr.inputs import Page
from fastocr.lines import LineReader
from fastocr.model_store import ModelFiles
from fastocr.options import PageOptions
from fastocr.results import OCRResult

__all__ = ["Pipeline"]


class Pipeline:
    """Reads pages; may be used from any number of threads at once."""

    def __init__(
        self, files: Mapping[str, ModelFiles], engines: Mapping[str, EngineOptions]
    ) -> None:
        """Load the steps of `files`, by their roles, each with its engine.

        Raises:
            ModelFormatError: a model that does not fit its role.
            EngineUnavailableError, UnsupportedOptionError: an engine that cannot be had, or cannot
                do what it is asked for.

        """
        detection, recognition = files["text_detection"], files["text_recognition"]
        self._model_params = detection.params, recognition.params
        self._document = _document_steps(files, engines)
        # One page at a time is detected on all threads; lines are read side by side, each on one.
        workers = engines["text_recognition"].threads
        finding = loading.load(loading.exact(engines["text_detection"]), detection)
        turning: dict[str, Any] = {}
        if line_files := files.get("textline_orientation"):
            turning["textline_params"] = loading.line_classification(line_files).core_params()
            turning["textline_orientation"] = loading.load(
                engines["textline_orientation"], line_files, streams=workers
            )
        reading = loading.load(
            engines["text_recognition"], recognition, streams=workers, detach_classifier=True
        )
        characters = loading.characters(recognition)
        self._core = _core.Pipeline(
            finding,
            reading,
            characters,
            workers,
            **turning,
        )
        self._lines = LineReader(
            reading,
            characters,
            workers,
            (turning["textline_orientation"], turning["textline_params"]) if turning else None,
        )
        self._display_order = languages.display_order(recognition.name)
        self._font = replace(default_font(), display_order=self._display_order is not None)

    def check(self, options: PageOptions) -> None:
        """Raise `UnsupportedOptionError` for what this pipeline cannot do."""
        if options.text_type != "general":
            raise UnsupportedOptionError(
                f"text_type={options.text_type!r} is not supported: pages are read line by line; "
                "fastocr.TextDetection finds bent texts with a model for seals"
            )
        wanted = options.coordinates == "original" and options.use_doc_unwarping
        if wanted and self._document is not None and not self._document.maps_coordinates:
            raise UnsupportedOptionError(
                "coordinates='original' cannot be used with unwarping here: the engine of the "
                "unwarping model does not tell where pixels come from; take inference.onnx with "
                "engine='auto' for it, or use_doc_unwarping=False"
            )

    def run(self, page: Page, options: PageOptions) -> OCRResult:
        """Return what is read on one page, which is no error.

        Raises:
            InputError: a page that the core refuses.
            InferenceError: an engine fails.

        """
        document: Document | None = None
        image = page.image
        assert image is not None
        begin = time.perf_counter()
        if self._document is not None and options.use_doc_preprocessor:
            document = self._document.run(
                image, options.use_doc_orientation_classify, options.use_doc_unwarping
            )
            image = document.output_img
        prepared = time.perf_counter()
        read = self._core.run(image, options.core_params(*self._model_params))
        place = _back_to(document) if document and options.coordinates == "original" else None
        result = self._result(page, document, read, options, place)
        result.stage_ms = {"detection": read.detection_ms, "recognition": read.recognition_ms}
        if document is not None:
            result.stage_ms["document"] = (prepared - begin) * 1000
        return result

    def read_line(self, page: Page, options: PageOptions) -> tuple[str, float]:
        """Return the text and the score of a page that is one line.

        Raises:
            InputError, InferenceError: as `run`.

        """
        assert page.image is not None
        params = options.core_params(*self._model_params)
        text, score = self._lines.read(page.image, params, turn=options.use_textline_orientation)
        return text if self._display_order is None else self._display_order(text), score

    def line_orientation(self, page: Page, options: PageOptions) -> tuple[str, float]:
        """Return whether a page that is one line is upside down: "0" or "180", and the score.

        Raises:
            InputError, InferenceError: as `run`.
            UnsupportedOptionError: lines are not turned.

        """
        assert page.image is not None
        return self._lines.orientation(page.image)

    def _result(
        self,
        page: Page,
        document: Document | None,
        read: _core.PageResult,
        options: PageOptions,
        place: Callable[[Any], Any] | None,
    ) -> OCRResult:
        dt_polys, rec_polys, texts = read.dt_polys, read.rec_polys, read.rec_texts
        if place is not None:
            dt_polys, rec_polys = place(dt_polys), place(rec_polys)
        if self._display_order is not None:
            texts = [self._display_order(text) for text in texts]
        data: dict[str, Any] = {
            "input_path": page.input_path,
            "page_index": page.page_index,
            "doc_preprocessor_res": _preprocessed(page, document, options),
            "dt_polys": list(dt_polys),
            "model_settings": {
                "use_doc_preprocessor": options.use_doc_preprocessor,
                "use_textline_orientation": options.use_textline_orientation,
            },
            "text_det_params": options.detection_params(),
            "text_type": options.text_type,
            "text_rec_score_thresh": options.text_rec_score_thresh,
            "return_word_box": options.return_word_box,
            "rec_texts": texts,
            "rec_scores": read.rec_scores,
            "rec_polys": list(rec_polys),
            "vis_fonts": [self._font] * len(texts),
        }
        boxes: dict[str, Any] = {"rec_boxes": _bounding_boxes(rec_polys)}
        if options.return_word_box:
            regions = read.text_word_region
            data["text_word"] = read.text_word
            data["text_word_region"] = regions if place is None else list(map(place, regions))
            boxes["text_word_boxes"] = (
                read.text_word_boxes
                if place is None
                else list(map(_bounding_boxes, data["text_word_region"]))
            )
        if len(dt_polys):
            data["textline_orientation_angles"] = read.textline_angles
        result = OCRResult({**data, **boxes})
        if place is not None:
            result.coordinates = "original"
        return result


def _document_steps(
    files: Mapping[str, ModelFiles], engines: Mapping[str, EngineOptions]
) -> DocumentSteps | None:
    wanted = files.keys() & {"doc_orientation_classify", "doc_unwarping"}
    return DocumentSteps(files, engines) if wanted else None


def _preprocessed(page: Page, document: Document | None, options: PageOptions) -> dict[str, Any]:
    if document is None:
        return {"output_img": page.image}
    return document.result(
        options.use_doc_orientation_classify, options.use_doc_unwarping, None, None
    )


def _back_to(document: Document) -> Callable[[Any], Any]:
    """Return what maps (n, 4, 2) pixel corners of the output to whole pixels of the input."""
    height, width = document.input_img.shape[:2]

    def place(polys: Any) -> Any:
        mapped = np.rint(document.to_original(polys.astype(np.float32)))
        return np.clip(mapped, 0, (width, height)).astype(polys.dtype)

    return place


def _bounding_boxes(polys: Any) -> Any:
    """Return (n, 4) [x_min, y_min, x_max, y_max] of (n, 4, 2) polygons.

    For no polygons it is a float (0,) array, the reference's form, for which callers may test.
    """
    if not len(polys):
        return np.array([])
    return np.concatenate([polys.min(axis=1), polys.max(axis=1)], axis=1)
