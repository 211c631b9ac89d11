"""The steps before detection: pages are turned upright and flattened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastocr import _core, loading
from fastocr.engines import EngineOptions
from fastocr.errors import ModelFormatError
from fastocr.inputs import Page
from fastocr.model_store import ModelFiles
from fastocr.results import DocPreprocessorResult

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Document", "DocumentSteps"]


class Document:
    """A page before and after the steps.

    Attributes:
        angle: by how many degrees it was turned counter-clockwise; -1 if that step was off.
        input_img, rot_img, output_img: as it came, turned, and flattened too: (H, W, 3) uint8 BGR.

    """

    def __init__(self, image: npt.NDArray[np.uint8], page: _core.DocumentPage) -> None:
        """Note the input; `page` is what became of it."""
        self._page = page
        self.angle = page.angle
        self.input_img = image
        self.rot_img = image if page.rot_img is None else page.rot_img
        self.output_img = self.rot_img if page.output_img is None else page.output_img

    def to_original(self, points: Any) -> Any:
        """Return (..., 2) float32 pixel coordinates in the input of those in the output."""
        return self._page.to_original(points)

    def result(
        self, classified: bool, unwarped: bool, input_path: str | None, page_index: int | None
    ) -> DocPreprocessorResult:
        """Return what results tell of the steps."""
        return DocPreprocessorResult(
            input_path=input_path,
            page_index=page_index,
            input_img=self.input_img,
            model_settings={
                "use_doc_orientation_classify": classified,
                "use_doc_unwarping": unwarped,
            },
            angle=self.angle,
            rot_img=self.rot_img,
            output_img=self.output_img,
        )


class DocumentSteps:
    """The networks of the steps that are on.

    Attributes:
        maps_coordinates: whether `Document.to_original` knows where each pixel came from.

    """

    def __init__(
        self, files: Mapping[str, ModelFiles], engines: Mapping[str, EngineOptions]
    ) -> None:
        """Load what is in `files` of the roles "doc_orientation_classify" and "doc_unwarping"."""
        orientation, angles = None, []
        if role_files := files.get("doc_orientation_classify"):
            described = loading.classification(role_files)
            angles = _angles(role_files, described.labels)
            orientation = _core.ImageClassifier(
                loading.load(loading.exact(engines["doc_orientation_classify"]), role_files),
                described.core_params(),
            )
        unwarping = None
        if role_files := files.get("doc_unwarping"):
            unwarping = _core.DocumentUnwarper(
                loading.load(
                    loading.exact(engines["doc_unwarping"]), role_files, detach_sampling=True
                )
            )
        self.maps_coordinates = unwarping is None or unwarping.maps_coordinates
        self._steps = _core.DocumentPreprocessor(orientation, angles, unwarping)

    def run(self, image: npt.NDArray[np.uint8], classify: bool, unwarp: bool) -> Document:
        """Return the page after the steps that are asked for, which have to be loaded."""
        return Document(image, self._steps.run(image, classify=classify, unwarp=unwarp))

    def result(self, page: Page, classify: bool, unwarp: bool) -> DocPreprocessorResult:
        """Return the result for one page, which is no error."""
        assert page.image is not None
        document = self.run(page.image, classify, unwarp)
        return document.result(classify, unwarp, page.input_path, page.page_index)


def _angles(files: ModelFiles, labels: tuple[str, ...]) -> list[int]:
    if not all(label in ("0", "90", "180", "270") for label in labels):
        raise ModelFormatError(
            f"{files.name!r} in {files.paths[0].parent} has the labels {', '.join(labels)}: angles "
            "that are multiples of 90 are expected"
        )
    return [int(label) for label in labels]
