"""`TextImageUnwarping`: flattens pictures of bent pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastocr import _core, loading
from fastocr.modules.module import Module
from fastocr.predictor import Batch
from fastocr.results import DocTrResult, FailedResult

__all__ = ["TextImageUnwarping"]


class TextImageUnwarping(Module):
    """Flattens pictures of bent, folded or tilted pages.

    Args:
        model_name: default ``UVDoc``.
        model_dir: see `Module`.
        **kwargs: see `Module`.

    """

    _role = "doc_unwarping"
    _default_model = "UVDoc"

    def __init__(
        self, *, model_name: str | None = None, model_dir: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(model_name, model_dir, kwargs)
        self._stage = _core.DocumentUnwarper(
            loading.load(loading.exact(self._choice.engine), self._files, detach_sampling=True)
        )

    def predict(
        self, input: Any, batch_size: int | None = None
    ) -> list[DocTrResult | FailedResult]:
        """Flatten all pages of `input`.

        Args:
            input: as for `fastocr.PaddleOCR.predict`.
            batch_size: how many pages are taken together, also by later calls; results do not
                depend on it.

        Returns:
            One result a page, in order, with ``doctr_img``: (H, W, 3) uint8 RGB, as large as the
            page.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type or value of a parameter.

        """
        return list(self._flattened(input, batch_size))

    def predict_iter(
        self, input: Any, batch_size: int | None = None
    ) -> Iterator[DocTrResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready."""
        return self._flattened(input, batch_size)

    def _flattened(
        self, source: Any, batch_size: int | None
    ) -> Iterator[DocTrResult | FailedResult]:
        stage = self._stage

        def read(batch: Batch) -> list[DocTrResult]:
            return [
                DocTrResult(
                    input_path=page.input_path,
                    page_index=page.page_index,
                    input_img=page.image,
                    # The reference gives RGB here, where all other images are BGR.
                    doctr_img=stage.run(page.image).image[:, :, ::-1],
                )
                for page in batch.pages
            ]

        return self._run(source, batch_size, read)
