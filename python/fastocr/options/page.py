"""How a page is processed: the options that a call can change, and those that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fastocr import _core, checks, pipeline_config
from fastocr.errors import InvalidOptionError
from fastocr.model_config import ModelParams

__all__ = ["PAGE_PARAMETERS", "PageOptions", "check_loaded", "page_options", "page_values"]

COORDINATES = ("processed", "original")


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How a page is processed; shapes are (channels, height, width).

    Of an object that is ready, a switch is on if its model is loaded.
    """

    use_doc_orientation_classify: bool = False
    use_doc_unwarping: bool = False
    use_textline_orientation: bool = False
    text_det_limit_side_len: int = 960
    text_det_limit_type: str = "max"
    text_det_thresh: float = 0.3
    text_det_box_thresh: float = 0.6
    text_det_unclip_ratio: float = 2.0
    text_det_input_shape: tuple[int, int, int] | None = None
    text_rec_score_thresh: float = 0.0
    text_rec_input_shape: tuple[int, int, int] | None = None
    text_recognition_batch_size: int = 6
    textline_orientation_batch_size: int = 6
    return_word_box: bool = False
    coordinates: str = "processed"
    max_side_limit: int = 4000
    text_type: str = "general"

    def updated(self, given: Mapping[str, Any]) -> PageOptions:
        """Return these options with the values of `given` that are not None."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def use_doc_preprocessor(self) -> bool:
        """Whether a page is turned or unwarped before its text is looked for."""
        return self.use_doc_orientation_classify or self.use_doc_unwarping

    def detection_params(self) -> dict[str, Any]:
        """Return the detection parameters as a result reports them (``text_det_params``)."""
        return {
            "limit_side_len": self.text_det_limit_side_len,
            "limit_type": self.text_det_limit_type,
            "thresh": self.text_det_thresh,
            "max_side_limit": self.max_side_limit,
            "box_thresh": self.text_det_box_thresh,
            "unclip_ratio": self.text_det_unclip_ratio,
        }

    def core_params(self, detection: ModelParams, recognition: ModelParams) -> _core.PageParams:
        """Return the options, and what the models say, in the core's form."""
        _, height, width = recognition.image_shape
        return _core.PageParams(
            **self.detection_params(),
            max_candidates=detection.max_candidates,
            mean=detection.mean,
            std=detection.std,
            scale=detection.scale,
            rec_image_size=(width, height),
            det_input_size=_size(self.text_det_input_shape),
            batch_size=self.text_recognition_batch_size,
            rec_input_size=_size(self.text_rec_input_shape),
            score_thresh=self.text_rec_score_thresh,
            use_textline_orientation=self.use_textline_orientation,
            return_word_box=self.return_word_box,
        )


def _size(shape: tuple[int, int, int] | None) -> tuple[int, int] | None:
    return None if shape is None else (shape[2], shape[1])


# Those that both the constructor and `predict` take.
PAGE_PARAMETERS = (
    *pipeline_config.SWITCHES,
    "text_det_limit_side_len",
    "text_det_limit_type",
    "text_det_thresh",
    "text_det_box_thresh",
    "text_det_unclip_ratio",
    "text_rec_score_thresh",
    "return_word_box",
    "coordinates",
)
# Where a configuration has no such key: what the reference takes then. Others are as in the class.
_MISSING = {"text_recognition_batch_size": 1, "textline_orientation_batch_size": 1}
_MISSING_FOR_SEALS = {
    "text_det_limit_side_len": 736,
    "text_det_limit_type": "min",
    "text_det_thresh": 0.2,
    "text_det_unclip_ratio": 0.5,
}
_check_coordinates = checks.choice(COORDINATES)


def page_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check what `predict` takes for a page, and return the values that are not None.

    Raises:
        InvalidOptionError: a wrong type or value.

    """
    return {
        name: _checked(name, given[name]) for name in PAGE_PARAMETERS if given.get(name) is not None
    }


def _checked(name: str, value: Any) -> Any:
    if name == "coordinates":
        return _check_coordinates(name, value)
    return pipeline_config.check_parameter(name, value)


def page_options(config: Mapping[str, Any], coordinates: Any) -> PageOptions:
    """Return what a configuration says of pages; switches are left off.

    Raises:
        InvalidOptionError: `coordinates` is wrong.

    """
    text_type = pipeline_config.lookup(config, "text_type", "general")
    values = {**_MISSING, **(_MISSING_FOR_SEALS if text_type == "seal" else {})}
    keys = {**pipeline_config.KEYS, "max_side_limit": "SubModules.TextDetection.max_side_limit"}
    for field in fields(PageOptions):
        if field.name in keys and field.name not in pipeline_config.SWITCHES:
            values[field.name] = pipeline_config.lookup(
                config, keys[field.name], values.get(field.name)
            )
    values["text_type"] = text_type
    if coordinates is not None:
        values["coordinates"] = _check_coordinates("coordinates", coordinates)
    return PageOptions().updated(values)


def check_loaded(given: Mapping[str, Any], own: PageOptions) -> None:
    """Refuse to switch on, for one call, what an object has no model for.

    Raises:
        InvalidOptionError: it has none.

    """
    for name in pipeline_config.SWITCHES:
        if given.get(name) and not getattr(own, name):
            raise InvalidOptionError(
                f"{name}=True cannot be used: the object was made without this step; pass "
                f"{name}=True to the constructor"
            )
