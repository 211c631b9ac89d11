"""`DocImgOrientationClassification` and `TextLineOrientationClassification`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastocr import _core, checks, loading
from fastocr.modules.module import Module
from fastocr.predictor import Batch
from fastocr.results import FailedResult, TopkResult

__all__ = ["DocImgOrientationClassification", "TextLineOrientationClassification"]


class _ImageClassification(Module):
    def __init__(
        self,
        *,
        model_name: str | None = None,
        model_dir: str | None = None,
        topk: int | None = None,
        **kwargs: Any,
    ) -> None:
        own = checks.integer(1)("topk", 1 if topk is None else topk)
        super().__init__(model_name, model_dir, kwargs)
        described = loading.classification(self._files)
        self._topk = own
        self._labels = described.labels
        self._stage = _core.ImageClassifier(
            loading.load(loading.exact(self._choice.engine), self._files), described.core_params()
        )

    def predict(
        self, input: Any, batch_size: int | None = None, *, topk: int | None = None
    ) -> list[TopkResult | FailedResult]:
        """Classify all pages of `input`.

        Args:
            input: as for `fastocr.PaddleOCR.predict`.
            batch_size: how many pages are taken together, also by later calls; results do not
                depend on it.
            topk: how many of the most probable classes are reported; default: the constructor's.

        Returns:
            One result a page, in order, with ``class_ids`` ((topk,) int32), ``scores`` ((topk,)
            float32, five decimals) and ``label_names``, the most probable class first.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type or value of a parameter.

        """
        return list(self._classified(input, batch_size, topk))

    def predict_iter(
        self, input: Any, batch_size: int | None = None, *, topk: int | None = None
    ) -> Iterator[TopkResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready."""
        return self._classified(input, batch_size, topk)

    def _classified(
        self, source: Any, batch_size: int | None, topk: int | None
    ) -> Iterator[TopkResult | FailedResult]:
        most = self._topk if topk is None else checks.integer(1)("topk", topk)

        stage = self._stage

        def read(batch: Batch) -> list[TopkResult]:
            return [
                TopkResult(
                    input_path=page.input_path,
                    page_index=page.page_index,
                    input_img=page.image,
                    **self._best(stage.run(page.image), most),
                )
                for page in batch.pages
            ]

        return self._run(source, batch_size, read)

    def _best(self, scores: list[float], most: int) -> dict[str, Any]:
        # Of equal scores the reference puts the later class first.
        values = np.array(scores, np.float32)
        classes = np.argsort(values, kind="stable")[::-1][:most].astype(np.int32)
        return {
            "class_ids": classes,
            "scores": np.around(values[classes], decimals=5),
            "label_names": [self._labels[index] for index in classes],
        }


class DocImgOrientationClassification(_ImageClassification):
    """Tells by how many degrees a page is turned: "0", "90", "180" or "270".

    A page is upright after a turn by that angle counter-clockwise.

    Args:
        model_name: default ``PP-LCNet_x1_0_doc_ori``.
        model_dir: see `Module`.
        topk: how many of the most probable classes are reported, default 1.
        **kwargs: see `Module`.

    """

    _role = "doc_orientation_classify"
    _default_model = "PP-LCNet_x1_0_doc_ori"


class TextLineOrientationClassification(_ImageClassification):
    """Tells whether the image of a line is upside down: "0_degree" or "180_degree".

    Args:
        model_name: default ``PP-LCNet_x1_0_textline_ori``.
        model_dir: see `Module`.
        topk: how many of the most probable classes are reported, default 1.
        **kwargs: see `Module`.

    """

    _role = "textline_orientation"
    _default_model = "PP-LCNet_x1_0_textline_ori"
