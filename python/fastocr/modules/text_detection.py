"""`TextDetection`: finds the lines of text of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastocr import _core, checks, loading
from fastocr.modules.module import Module
from fastocr.pipeline_config import LIMIT_TYPES
from fastocr.predictor import Batch
from fastocr.results import FailedResult, TextDetResult

__all__ = ["TextDetection"]

# The models whose pages are scaled by their longer side unless something else is asked for.
_PAGE_MODELS = ("PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6")
_MAX_SIDE_LIMIT = 4000
_CHECKS: dict[str, checks.Check] = {
    "limit_side_len": checks.integer(1),
    "limit_type": checks.choice(LIMIT_TYPES),
    "thresh": checks.number(0),
    "box_thresh": checks.number(0),
    "unclip_ratio": checks.number(0, exclusive=True),
    "max_side_limit": checks.integer(1),
}


class TextDetection(Module):
    """Finds the lines of text of images and PDF pages.

    Values that are not given are those of the model's ``inference.yml``, which may differ from
    those of the pipeline. Models for seals give outlines of any number of corners.

    Args:
        model_name: default ``PP-OCRv5_mobile_det``.
        model_dir: see `Module`.
        limit_side_len: side length limit in pixels.
        limit_type: "max" (longer side at most the limit), "min" (shorter side at least the limit)
            or "resize_long" (longer side equal to the limit).
        thresh: probability above which a pixel counts as text.
        box_thresh: least mean probability of a line.
        unclip_ratio: how far lines are grown.
        input_shape: (3, height, width) of the network's input instead of the limits.
        **kwargs: see `Module`.

    """

    _role = "text_detection"
    _default_model = "PP-OCRv5_mobile_det"

    def __init__(
        self,
        *,
        model_name: str | None = None,
        model_dir: str | None = None,
        limit_side_len: int | None = None,
        limit_type: str | None = None,
        thresh: float | None = None,
        box_thresh: float | None = None,
        unclip_ratio: float | None = None,
        input_shape: tuple[int, int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in _CHECKS}
        own = _checked(given)
        super().__init__(model_name, model_dir, kwargs)
        model = self._files.params
        self._box_type = model.box_type
        self._values = {**_defaults(self._files.name, model), **own}
        self._fixed: dict[str, Any] = {
            "max_candidates": model.max_candidates,
            "mean": model.mean,
            "std": model.std,
            "scale": model.scale,
        }
        if input_shape is not None:
            _, height, width = checks.detection_shape("input_shape", input_shape)
            self._fixed["det_input_size"] = (width, height)
        self._stage = _core.TextDetector(
            loading.load(loading.exact(self._choice.engine), self._files)
        )

    def predict(
        self,
        input: Any,
        batch_size: int | None = None,
        *,
        limit_side_len: int | None = None,
        limit_type: str | None = None,
        thresh: float | None = None,
        box_thresh: float | None = None,
        unclip_ratio: float | None = None,
        max_side_limit: int | None = None,
    ) -> list[TextDetResult | FailedResult]:
        """Find the lines of all pages of `input`.

        Args:
            input: as for `fastocr.PaddleOCR.predict`.
            batch_size: how many pages are taken together, also by later calls; results do not
                depend on it.
            limit_side_len: this and the following override the constructor's values.
            limit_type: see the constructor.
            thresh: see the constructor.
            box_thresh: see the constructor.
            unclip_ratio: see the constructor.
            max_side_limit: most pixels of the longer side of the network's input, default 4000.

        Returns:
            One result a page, in order, with ``dt_polys`` (not sorted) and ``dt_scores``.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type or value of a parameter.

        """
        given = {name: value for name, value in locals().items() if name in _CHECKS}
        return list(self._found(input, batch_size, given))

    def predict_iter(
        self,
        input: Any,
        batch_size: int | None = None,
        *,
        limit_side_len: int | None = None,
        limit_type: str | None = None,
        thresh: float | None = None,
        box_thresh: float | None = None,
        unclip_ratio: float | None = None,
        max_side_limit: int | None = None,
    ) -> Iterator[TextDetResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready."""
        given = {name: value for name, value in locals().items() if name in _CHECKS}
        return self._found(input, batch_size, given)

    def _found(
        self, source: Any, batch_size: int | None, given: dict[str, Any]
    ) -> Iterator[TextDetResult | FailedResult]:
        stage, box_type = self._stage, self._box_type
        params = _core.PageParams(**self._fixed, **{**self._values, **_checked(given)})

        def read(batch: Batch) -> list[TextDetResult]:
            found = [stage.run(page.image, params, box_type) for page in batch.pages]
            return [
                TextDetResult(
                    input_path=page.input_path,
                    page_index=page.page_index,
                    input_img=page.image,
                    dt_polys=lines.polys,
                    dt_scores=lines.scores,
                )
                for page, lines in zip(batch.pages, found, strict=True)
            ]

        return self._run(source, batch_size, read)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _CHECKS[name](name, value) for name, value in given.items() if value is not None}


def _defaults(name: str, model: Any) -> dict[str, Any]:
    """Return the values for a model, from what its files say of them and from its kind."""
    side, kind = (960, "max") if _reads_pages(name) else (736, "min")
    return {
        "limit_side_len": model.limit_side_len or side,
        "limit_type": model.limit_type or kind,
        "thresh": model.thresh,
        "box_thresh": model.box_thresh,
        "unclip_ratio": model.unclip_ratio,
        "max_side_limit": _MAX_SIDE_LIMIT,
    }


def _reads_pages(name: str) -> bool:
    return name.startswith(_PAGE_MODELS) and not name.endswith("_seal_det")
