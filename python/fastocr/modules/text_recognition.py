"""`TextRecognition`: reads images of single lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fastocr import _core, checks, languages, loading
from fastocr.fonts import default_font
from fastocr.modules.module import Module
from fastocr.predictor import Batch
from fastocr.results import FailedResult, TextRecResult

__all__ = ["TextRecognition"]


class TextRecognition(Module):
    """Reads images of single, upright lines of text.

    Args:
        model_name: default ``PP-OCRv5_mobile_rec``.
        model_dir: see `Module`.
        input_shape: (3, 48, width) to which every line is stretched.
        **kwargs: see `Module`.

    """

    _role = "text_recognition"
    _default_model = "PP-OCRv5_mobile_rec"

    def __init__(
        self,
        *,
        model_name: str | None = None,
        model_dir: str | None = None,
        input_shape: tuple[int, int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model_name, model_dir, kwargs)
        _, height, width = self._files.params.image_shape
        self._fixed: dict[str, Any] = {"rec_image_size": (width, height)}
        if input_shape is not None:
            _, height, width = checks.recognition_shape("input_shape", input_shape)
            self._fixed["rec_input_size"] = (width, height)
        engine = self._choice.engine
        self._stage = _core.TextRecognizer(
            loading.load(engine, self._files, streams=engine.threads, detach_classifier=True),
            loading.characters(self._files),
            engine.threads,
        )
        self._display_order = languages.display_order(self._files.name)

    def predict(
        self,
        input: Any,
        batch_size: int | None = None,
        *,
        return_word_box: bool | None = None,
    ) -> list[TextRecResult | FailedResult]:
        """Read all lines of `input`.

        Args:
            input: as for `fastocr.PaddleOCR.predict`; each page is a line.
            batch_size: how many lines share the width of the widest one, also in later calls;
                default 1. The padding changes what the network sees, so scores follow it.
            return_word_box: also return where words are, as (text, [columns, words, columns of each
                character, kinds of the words]) in ``rec_text``.

        Returns:
            One result a line, in order, with ``rec_text`` and ``rec_score``.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type or value of a parameter.

        """
        return list(self._read(input, batch_size, return_word_box))

    def predict_iter(
        self,
        input: Any,
        batch_size: int | None = None,
        *,
        return_word_box: bool | None = None,
    ) -> Iterator[TextRecResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready."""
        return self._read(input, batch_size, return_word_box)

    def _read(
        self, source: Any, batch_size: int | None, return_word_box: bool | None
    ) -> Iterator[TextRecResult | FailedResult]:
        with_words = return_word_box is not None and checks.switch(
            "return_word_box", return_word_box
        )

        stage = self._stage
        font = replace(default_font(), display_order=self._display_order is not None)

        def read(batch: Batch) -> list[TextRecResult]:
            params = _core.PageParams(
                **self._fixed, batch_size=len(batch.pages), return_word_box=with_words
            )
            lines = stage.run([page.image for page in batch.pages], params)
            return [
                TextRecResult(
                    input_path=page.input_path,
                    page_index=page.page_index,
                    input_img=page.image,
                    rec_text=self._text(line),
                    rec_score=line.score,
                    vis_font=font,
                )
                for page, line in zip(batch.pages, lines, strict=True)
            ]

        return self._run(source, batch_size, read)

    def _text(self, line: Any) -> Any:
        text = line.text if self._display_order is None else self._display_order(line.text)
        return text if line.word_info is None else (text, list(line.word_info))
