"""What the classes for single models share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from fastocr import checks, loading, options
from fastocr.page_runs import FlatRuns
from fastocr.predictor import Batch, Predictor
from fastocr.results import FailedResult

__all__ = ["Module"]

Result = TypeVar("Result")


class Module(Predictor):
    """One model: which one, where it comes from, and how many inputs it takes together.

    All module classes take these keyword arguments besides their own:

    - `model_name`: official model name; the default is that of the class.
    - `model_dir`: directory with ``inference.yml`` and the network; by default the model is looked
      for in the user's cache and in installed packages, and downloaded if it was asked for by name.
    - `device`, `engine`, `engine_config`, `enable_hpi`, `use_tensorrt`, `min_subgraph_size`,
      `precision`, `enable_mkldnn`, `mkldnn_cache_capacity`, `cpu_threads` and `enable_cinn`: as for
      `fastocr.PaddleOCR`.

    Raises:
        InvalidOptionError: an unknown parameter, a wrong type or value.
        ModelNotFoundError: a model directory, package or download that cannot be had.
        ModelFormatError: model files that do not fit.
        EngineUnavailableError: the engine's package is missing or of the wrong version.

    """

    _role: ClassVar[str]
    _default_model: ClassVar[str]

    def __init__(
        self, model_name: str | None, model_dir: str | None, given: Mapping[str, Any]
    ) -> None:
        """Find the model's files; `given` are the arguments that all classes have."""
        super().__init__()
        own = options.parse_module(
            self._role,
            self._default_model if model_name is None else model_name,
            model_dir,
            given,
            stacklevel=3,
        )
        self._choice, self._input_options = own.model, own.inputs
        self._files = loading.find_model(self._choice)
        self._batch_size = 1
        self._stage: Any = None  # of the core; each class has its own

    def close(self) -> None:
        """Free the model. The object cannot be used any more."""
        super().close()
        self._stage = None

    def _run(
        self,
        source: Any,
        batch_size: int | None,
        read: Callable[[Batch], Sequence[Result]],
    ) -> FlatRuns[Result | FailedResult]:
        """Return the results for `source`; `batch_size` holds for later calls too."""
        self._check_usable()
        if batch_size is not None:
            self._batch_size = checks.integer(1)("batch_size", batch_size)
        return self._results(source, read, self._batch_size, input_options=self._input_options)
