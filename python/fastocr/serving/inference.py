"""Requests and answers of the Open Inference Protocol v2.

The model has one input, an image or a document, and says what was read line by line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fastocr.serving.failures import RefusedError, place
from fastocr.serving.files import decoded_base64
from fastocr.serving.guard import check_json
from fastocr.serving.schemas import Missing, OCROptions
from fastocr.serving.tensors import HEADER_LENGTH, single_element, split_body

__all__ = [
    "INPUTS",
    "MODEL",
    "OUTPUTS",
    "REQUEST_SCHEMA",
    "VERSION",
    "Inference",
    "InferenceFailure",
    "InferenceResponse",
    "ModelMetadata",
    "ModelReady",
    "ServerLive",
    "ServerMetadata",
    "ServerReady",
    "parse_inference",
]

MODEL, VERSION = "fastocr", "1"
# Datatype and shape of each tensor; -1 is as many as there are lines.
INPUTS = {"image": ("BYTES", [1])}
OUTPUTS = {
    "rec_texts": ("BYTES", [-1]),
    "rec_scores": ("FP32", [-1]),
    "rec_polys": ("INT32", [-1, 4, 2]),
    "rec_boxes": ("INT32", [-1, 4]),
    "page_index": ("INT32", [-1]),
    "result": ("BYTES", [1]),
}
OutputName = Literal["rec_texts", "rec_scores", "rec_polys", "rec_boxes", "page_index", "result"]

_MOST_PROBLEMS = 5


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


# ---- requests ------------------------------------------------------------------------------------


class InputParameters(_Strict):
    """How an input is sent."""

    binary_data_size: Annotated[
        int | None,
        Field(ge=0, description="Bytes behind the JSON, instead of `data`: 4 with the length of "
              "the file, least significant first, and the file."),
    ] = None  # fmt: skip


class RequestInput(_Strict):
    """The image or document."""

    name: Literal["image"]
    shape: tuple[Literal[1]]
    datatype: Literal["BYTES"]
    parameters: InputParameters | None = None
    data: Annotated[
        list[str] | None, Field(min_length=1, max_length=1, description="The file in Base64.")
    ] = None


class OutputParameters(_Strict):
    """How an output is wanted."""

    binary_data: Annotated[
        bool | None, Field(description="Behind the JSON instead of in it.")
    ] = None  # fmt: skip


class RequestOutput(_Strict):
    """An output that is wanted."""

    name: OutputName
    parameters: OutputParameters | None = None


class InferenceParameters(_Strict):
    """What the protocol and its extensions define; other names are options of `/ocr`."""

    model_config = ConfigDict(extra="allow")

    binary_data_output: Annotated[
        bool | None, Field(description="Outputs behind the JSON, unless they say otherwise.")
    ] = None
    timeout: Annotated[
        int | None,
        Field(ge=0, description="Microseconds the request may take; 0: what the service allows."),
    ] = None
    priority: Annotated[
        int | None, Field(ge=0, description="Without effect: requests are served in order.")
    ] = None
    sequence_id: Annotated[
        int | str | None, Field(description="Without effect: requests have no common state.")
    ] = None
    sequence_start: Annotated[bool | None, Field(description="As `sequence_id`.")] = None
    sequence_end: Annotated[bool | None, Field(description="As `sequence_id`.")] = None


class InferenceOptions(OCROptions):
    """The options of `/ocr` under their names in Python."""

    model_config = ConfigDict(extra="forbid", loc_by_alias=False)

    visualize: Annotated[Literal[False] | None, Field(description="Answers have no pictures.")] = (
        None
    )


class InferenceRequest(_Strict):
    """The JSON of a request."""

    id: Annotated[
        str | None, Field(max_length=256, description="Name of the request in answer and log.")
    ] = None
    model_name: Literal["fastocr"] | None = None
    model_version: Literal["1"] | None = None
    parameters: InferenceParameters | None = None
    inputs: Annotated[list[RequestInput], Field(min_length=1, max_length=1)]
    outputs: Annotated[
        list[RequestOutput] | None, Field(description="Those that are wanted; none: all.")
    ] = None


@dataclass(frozen=True, slots=True)
class Inference:
    """A request.

    Attributes:
        load: returns its file; may raise `RefusedError`.
        options: how it is read.
        outputs: names of what is wanted, in this order, and whether as bytes.
        request_id: its name, if it has one.
        timeout: seconds that it may take, if it says so.

    """

    load: Callable[[], bytes]
    options: InferenceOptions
    outputs: dict[str, bool]
    request_id: str | None = None
    timeout: float | None = None


def parse_inference(body: bytes, header_length: str | None) -> Inference:
    """Return the request in a body.

    Args:
        body: all of it.
        header_length: the value of the header `HEADER_LENGTH`; "0": the body is the file, and all
            outputs are wanted as bytes; None: it is not there.

    Raises:
        RefusedError: 400, the request has not the form of the protocol, or other inputs than the
            model; 422, an option is unknown or not allowed.

    """
    text, binary = split_body(body, header_length)
    if header_length is not None and not text:
        return Inference(lambda: bytes(binary), InferenceOptions(), dict.fromkeys(OUTPUTS, True))
    check_json(text, 400)
    try:
        request = InferenceRequest.model_validate_json(text)
    except ValidationError as error:
        raise RefusedError(400, _sentence(error)) from None
    parameters = request.parameters or InferenceParameters()
    return Inference(
        _loader(request.inputs[0], binary),
        _options(parameters.model_extra or {}),
        _wanted(request.outputs or [], bool(parameters.binary_data_output)),
        request.id,
        parameters.timeout / 1e6 if parameters.timeout else None,
    )


def _loader(tensor: RequestInput, binary: memoryview) -> Callable[[], bytes]:
    """Return what returns the file of the input; `binary` is what is behind the JSON."""
    size = None if tensor.parameters is None else tensor.parameters.binary_data_size
    if (size is None) == (tensor.data is None):
        raise RefusedError(400, "inputs[0]: either data or parameters.binary_data_size is needed")
    if len(binary) != (size or 0):
        raise RefusedError(
            400,
            f"inputs[0].parameters.binary_data_size is {size or 0}, but {len(binary)} bytes follow "
            f"the JSON, which the header {HEADER_LENGTH} measures",
        )
    if tensor.data is not None:
        (text,) = tensor.data
        return lambda: decoded_base64(text)
    element = single_element(binary)
    return lambda: bytes(element)


def _options(given: dict[str, Any]) -> InferenceOptions:
    try:
        return InferenceOptions.model_validate(given, by_name=True, by_alias=False)
    except ValidationError as error:
        raise RefusedError(422, _sentence(error, "parameters")) from None


def _wanted(outputs: list[RequestOutput], binary_data_output: bool) -> dict[str, bool]:
    if not outputs:
        return dict.fromkeys(OUTPUTS, binary_data_output)
    wanted: dict[str, bool] = {}
    for output in outputs:
        if output.name in wanted:
            raise RefusedError(400, f"outputs: {output.name!r} is asked for twice")
        own = None if output.parameters is None else output.parameters.binary_data
        wanted[output.name] = binary_data_output if own is None else own
    return wanted


def _sentence(error: ValidationError, *within: str) -> str:
    """Return what is wrong and where; `within` is where the value is that was validated."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = []
    for problem in problems[:_MOST_PROBLEMS]:
        where = place((*within, *problem["loc"]))
        unknown = problem["type"] == "extra_forbidden"
        what = "it is unknown or not supported" if unknown else problem["msg"]
        told.append(f"{where}: {what}" if where else what)
    return "; ".join(told)


def _without_references(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a JSON schema with what it refers to in the places of the references."""
    if isinstance(schema, list):
        return [_without_references(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}}
    return {k: _without_references(v, definitions) for k, v in schema.items() if k != "$defs"}


def _request_schema() -> dict[str, Any]:
    schema = InferenceRequest.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    options = InferenceOptions.model_json_schema(by_alias=False)["properties"]
    parameters = definitions["InferenceParameters"]
    parameters["properties"] |= options
    parameters["additionalProperties"] = False
    described: dict[str, Any] = _without_references(schema, definitions)
    return described


# The JSON of a request, for the OpenAPI document.
REQUEST_SCHEMA = _request_schema()


# ---- answers -------------------------------------------------------------------------------------


class _Answer(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class BinarySize(_Answer):
    """How an output is sent."""

    binary_data_size: int


class ResponseOutput(_Answer):
    """An output; `data` is missing if it is sent behind the JSON."""

    name: OutputName
    datatype: Literal["BYTES", "FP32", "INT32"]
    shape: list[int]
    parameters: BinarySize | Missing = None
    data: list[str] | list[float] | list[int] | Missing = None


class InferenceResponse(_Answer):
    """What was read."""

    model_name: Literal["fastocr"]
    model_version: Literal["1"]
    id: str | Missing = None
    outputs: list[ResponseOutput]


class InferenceFailure(_Answer):
    """A request without a result."""

    error: str


class ServerMetadata(_Answer):
    """What this service is."""

    name: Literal["fastocr"]
    version: str
    extensions: list[str]


class TensorMetadata(_Answer):
    """An input or output; a length of -1 is any."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(_Answer):
    """What the model takes and gives."""

    name: Literal["fastocr"]
    versions: list[str]
    platform: Literal["fastocr"]
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerLive(_Answer):
    """The service answers."""

    live: Literal[True]


class ServerReady(_Answer):
    """The service takes requests."""

    ready: Literal[True]


class ModelReady(_Answer):
    """The model takes requests."""

    name: Literal["fastocr"]
    ready: Literal[True]
