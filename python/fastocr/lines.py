"""Images that are single lines, read with the models of a pipeline but without detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastocr import _core
from fastocr.errors import UnsupportedOptionError

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

__all__ = ["LineReader"]


class LineReader:
    """Reads lines, (H, W, 3) uint8 BGR; may be used from any number of threads at once."""

    def __init__(
        self,
        recognition: _core.Model,
        characters: Sequence[str],
        workers: int,
        orientation: tuple[_core.Model, _core.ClassifierParams] | None,
    ) -> None:
        """Note the models; most pipelines never come to this."""
        self._make: Callable[[], _core.TextRecognizer] = lambda: _core.TextRecognizer(
            recognition, characters, workers
        )
        self._orientation = orientation

    @cached_property
    def _recognizer(self) -> _core.TextRecognizer:
        return self._make()

    @cached_property
    def _classifier(self) -> _core.ImageClassifier | None:
        return None if self._orientation is None else _core.ImageClassifier(*self._orientation)

    def orientation(self, image: Image) -> tuple[str, float]:
        """Return "0" or "180", by how many degrees a line is turned, and the score of that.

        Raises:
            UnsupportedOptionError: there is no model for it.

        """
        if self._classifier is None:
            raise UnsupportedOptionError(
                "det=False with rec=False needs the orientation of lines: pass "
                "use_textline_orientation=True to the constructor"
            )
        scores = self._classifier.run(image)
        best = int(np.argmax(scores))
        return ("0", "180")[best], float(scores[best])

    def read(self, image: Image, params: _core.PageParams, *, turn: bool) -> tuple[str, float]:
        """Return the text of a line and its score; with `turn` also of one that is upside down."""
        if turn and self.orientation(image)[0] == "180":
            image = np.ascontiguousarray(image[::-1, ::-1])
        (line,) = self._recognizer.run([image], params)
        return line.text, line.score
