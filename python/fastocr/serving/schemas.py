"""Requests and answers of ``/ocr`` and its relatives, in PaddleOCR's form.

Names are those of the reference's basic serving. A value of null counts as missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

__all__ = [
    "Failure",
    "FileOptions",
    "Health",
    "InferRequest",
    "InferResponse",
    "Info",
    "Missing",
    "OCROptions",
]

PDF, IMAGE = 0, 1
# As the reference, whatever can stand for yes or no; letters may also be capital.
_Switch = Annotated[
    bool,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"enum": [0, 1]},
                {"enum": ["0", "1", "f", "t", "n", "y", "no", "yes", "off", "on", "false", "true"]},
            ]
        }
    ),
]


def _no_switch(value: Any) -> Any:
    """Refuse true and false where a number belongs, which pydantic takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "Input should be a valid number")
    return value


_Integer = Annotated[int, BeforeValidator(_no_switch)]
_Float = Annotated[float, BeforeValidator(_no_switch)]
_FileType = Annotated[Literal[0, 1], BeforeValidator(_no_switch)]
# In answers, where nothing is null.
Missing = SkipJsonSchema[None]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class OCROptions(_Model):
    """What a request can say of how its file is read. Missing values are those of the service."""

    file_type: Annotated[
        _FileType | None, Field(description="0: PDF, 1: image. Missing: either.")
    ] = None
    use_doc_orientation_classify: Annotated[
        _Switch | None,
        Field(description="Turn pages upright first; needs a service with this step."),
    ] = None
    use_doc_unwarping: Annotated[
        _Switch | None, Field(description="Flatten pages first; needs a service with this step.")
    ] = None
    use_textline_orientation: Annotated[
        _Switch | None, Field(description="Turn upside-down lines; needs a service with this step.")
    ] = None
    text_det_limit_side_len: Annotated[
        _Integer | None, Field(ge=1, le=2**31 - 1, description="Side length limit in pixels.")
    ] = None
    text_det_limit_type: Annotated[
        Literal["min", "max", "resize_long"] | None, Field(description="Which side it limits.")
    ] = None
    text_det_thresh: Annotated[
        _Float | None,
        Field(ge=0, allow_inf_nan=False, description="Pixels with a higher probability are text."),
    ] = None
    text_det_box_thresh: Annotated[
        _Float | None,
        Field(ge=0, allow_inf_nan=False, description="Least mean probability of a line."),
    ] = None
    text_det_unclip_ratio: Annotated[
        _Float | None, Field(gt=0, allow_inf_nan=False, description="How far lines are grown.")
    ] = None
    text_rec_score_thresh: Annotated[
        _Float | None, Field(ge=0, allow_inf_nan=False, description="Least score of a line.")
    ] = None
    return_word_box: Annotated[
        _Switch | None, Field(description="Report words and their boxes.")
    ] = None
    visualize: Annotated[_Switch | None, Field(description="Return pictures (JPEG, Base64).")] = (
        None
    )
    log_id: Annotated[
        str | None, Field(max_length=256, description="Name of the request in answer and log.")
    ] = None

    def predict_options(self) -> dict[str, Any]:
        """Return the arguments of `PaddleOCR.predict`."""
        return self.model_dump(exclude={"file", "file_type", "visualize", "log_id"})


class InferRequest(OCROptions):
    """The body of ``POST /ocr``."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"file": "iVBORw0KG...", "fileType": 1}}
    )

    file: Annotated[
        str,
        Field(description="The file in Base64, or, where the service allows it, its http(s) URL."),
    ]
    file_type: Annotated[
        _FileType | None,
        Field(description="0: PDF, 1: image. Only for URLs it may be missing: the name decides."),
    ] = None


def _number(value: Any) -> Any:
    """Return the number that a text says, as all values are texts in queries and forms."""
    return int(value) if value in ("0", "1") else value


class FileOptions(OCROptions):
    """The query of ``POST /ocr/file``; unlike in the body of ``/ocr``, unknown names are errors."""

    model_config = ConfigDict(extra="forbid")

    file_type: Annotated[
        _FileType | None,
        BeforeValidator(_number),
        Field(description="0: PDF, 1: image. Missing: either."),
    ] = None


# ---- answers -------------------------------------------------------------------------------------


class PageSize(_Model):
    """Size of a page in pixels."""

    width: int
    height: int


class ImageInfo(PageSize):
    """What the file was: an image."""

    type: Literal["image"]


class DocumentInfo(_Model):
    """What the file was: a document; `pages` are those that were read."""

    num_pages: int
    pages: list[PageSize]
    type: Literal["pdf", "tiff"]


class OCRPage(_Model):
    """What was read on one page. One that failed has `errorCode` and `errorMsg`."""

    pruned_result: Annotated[
        dict[str, Any], Field(description="As PaddleOCR's JSON, without input_path and page_index.")
    ]
    ocr_image: Annotated[str | Missing, Field(description="JPEG in Base64.")] = None
    doc_preprocessing_image: Annotated[str | Missing, Field(description="JPEG in Base64.")] = None
    input_image: Annotated[str | Missing, Field(description="JPEG in Base64.")] = None
    error_code: int | Missing = None
    error_msg: str | Missing = None


class InferResult(_Model):
    """Pages and what the file was."""

    ocr_results: list[OCRPage]
    data_info: ImageInfo | DocumentInfo


class InferResponse(_Model):
    """A file that was read."""

    log_id: str
    result: InferResult
    error_code: Literal[0]
    error_msg: Literal["Success"]


class Failure(_Model):
    """A request without a result; `errorCode` is the HTTP status."""

    log_id: str
    error_code: int
    error_msg: str


class Health(_Model):
    """The service works."""

    log_id: str
    error_code: Literal[0]
    error_msg: Literal["Healthy"]


class Switches(_Model):
    """The steps that requests can ask for, and that are on if they do not say."""

    use_doc_orientation_classify: bool
    use_doc_unwarping: bool
    use_textline_orientation: bool


class Defaults(_Model):
    """How pages are read where a request does not say, beside the switches."""

    text_det_limit_side_len: int
    text_det_limit_type: str
    text_det_thresh: float
    text_det_box_thresh: float
    text_det_unclip_ratio: float
    text_rec_score_thresh: float
    return_word_box: bool


class Limits(_Model):
    """What requests may be, in bytes, pages, pixels of a page and seconds."""

    max_body_bytes: int
    max_pages: int
    max_pixels: int | None
    max_num_input_imgs: int | None
    timeout: float


class Info(_Model):
    """What this service is."""

    version: str
    switches: Switches | None
    defaults: Defaults | None
    auth: bool
    urls: bool
    limits: Limits
