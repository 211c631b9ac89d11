"""`DocPreprocessor`: turns pages upright and flattens them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

from fastocr import loading, options, pipeline_config
from fastocr.document import DocumentSteps
from fastocr.page_runs import AT_ONCE
from fastocr.predictor import Batch, Predictor
from fastocr.results import DocPreprocessorResult, FailedResult

__all__ = ["DocPreprocessor"]


class DocPreprocessor(Predictor):
    """Turns pages upright and flattens them: the steps of the pipeline before detection.

    Args:
        doc_orientation_classify_model_name: default ``PP-LCNet_x1_0_doc_ori``.
        doc_orientation_classify_model_dir: where its files are, see `fastocr.PaddleOCR`.
        doc_unwarping_model_name: default ``UVDoc``.
        doc_unwarping_model_dir: where its files are.
        use_doc_orientation_classify: whether pages are turned upright. None: if the model is on
            this machine; True: it is downloaded if it is not.
        use_doc_unwarping: whether pages are flattened, as above.
        **kwargs: `paddlex_config` (a configuration of the pipeline "doc_preprocessor"), and those
            of engines and devices as for `fastocr.PaddleOCR`.

    Raises:
        InvalidOptionError: an unknown parameter, a wrong type or value.
        UnsupportedOptionError: a value that cannot work in this version or on this machine.
        ModelNotFoundError: a model that was asked for and cannot be had.
        ModelFormatError: model files that do not fit.
        EngineUnavailableError: the engine's package is missing or of the wrong version.

    """

    def __init__(
        self,
        doc_orientation_classify_model_name: str | None = None,
        doc_orientation_classify_model_dir: str | None = None,
        doc_unwarping_model_name: str | None = None,
        doc_unwarping_model_dir: str | None = None,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
        **kwargs: Any,
    ) -> None:
        named = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        super().__init__()
        wanted = options.parse_document_constructor(named, kwargs, stacklevel=2)
        files = loading.find_models(wanted.models)
        self._options = wanted.without(wanted.models.keys() - files.keys())
        self._steps = tuple(
            DocumentSteps(files, engines) for engines in loading.engines_of_devices(self._options)
        )
        self._calls = count()

    def predict(
        self,
        input: Any,
        *,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
    ) -> list[DocPreprocessorResult | FailedResult]:
        """Turn and flatten all pages of `input`.

        Args:
            input: as for `fastocr.PaddleOCR.predict`.
            use_doc_orientation_classify: False leaves the step out; True needs it to be loaded.
            use_doc_unwarping: as above.

        Returns:
            One result a page, in order, with ``angle``, ``rot_img`` and ``output_img``.

        Raises:
            InputError: a single input that cannot be read (`InputNotFoundError` if it is missing).
            InvalidOptionError: a wrong type of a parameter, or a step that is not loaded.

        """
        given = {k: v for k, v in locals().items() if k not in ("self", "input")}
        return list(self._read(input, given))

    def predict_iter(
        self,
        input: Any,
        *,
        use_doc_orientation_classify: bool | None = None,
        use_doc_unwarping: bool | None = None,
    ) -> Iterator[DocPreprocessorResult | FailedResult]:
        """Like `predict`, but yields each result when it is ready."""
        given = {k: v for k, v in locals().items() if k not in ("self", "input")}
        return self._read(input, given)

    def close(self) -> None:
        """Free the models. The object cannot be used any more."""
        super().close()
        self._steps = ()

    def export_paddlex_config_to_yaml(self, yaml_path: str | os.PathLike[str]) -> None:
        """Write the configuration of this pipeline, which `paddlex_config` takes.

        Args:
            yaml_path: the file to write; an existing one is replaced.

        Raises:
            OSError: the file cannot be written.

        """
        config = pipeline_config.with_switches(self._options.config, self._options.steps())
        section = pipeline_config.lookup(config, pipeline_config.DOC_PREPROCESSOR)
        pipeline_config.export_config(section, yaml_path)

    def _read(
        self, source: Any, given: dict[str, Any]
    ) -> Iterator[DocPreprocessorResult | FailedResult]:
        self._check_usable()
        steps = self._steps
        call = options.parse_predict(given, self._options)
        page = call.page
        classify, unwarp = page.use_doc_orientation_classify, page.use_doc_unwarping
        first = next(self._calls)

        def read(batch: Batch) -> list[DocPreprocessorResult]:
            own = steps[(first + batch.index) % len(steps)]
            return [own.result(page, classify, unwarp) for page in batch.pages]

        return self._results(source, read, at_once=AT_ONCE * len(steps), input_options=call.inputs)
