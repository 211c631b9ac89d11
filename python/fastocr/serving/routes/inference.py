"""``/v2``: the Open Inference Protocol, as Triton's and KServe's clients speak it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fastocr import _core
from fastocr.serving.failures import RefusedError, failure_responses
from fastocr.serving.guard import GuardedRoute, deadline_of, service_of, while_connected
from fastocr.serving.inference import (
    INPUTS,
    MODEL,
    OUTPUTS,
    REQUEST_SCHEMA,
    VERSION,
    Inference,
    InferenceFailure,
    InferenceResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
    parse_inference,
)
from fastocr.serving.reading import PageAnswer, compact_json, page_text, result_text
from fastocr.serving.requests import RequestRecord, record_of
from fastocr.serving.tensors import HEADER_LENGTH, Tensor, joined

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fastocr.serving.service import Service

__all__ = ["router"]

_OF_MODEL = f"/v2/models/{MODEL}"
_OF_VERSION = f"{_OF_MODEL}/versions/{VERSION}"
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": InferenceFailure, "description": "It takes none."}
}

router = APIRouter(tags=["Open Inference Protocol"])


def _json(fields: Mapping[str, Any]) -> Response:
    return Response(compact_json(fields), media_type="application/json")


# ---- what there is -------------------------------------------------------------------------------


@router.get("/v2", operation_id="getServerMetadata", responses={200: {"model": ServerMetadata}})
async def server_metadata() -> Response:
    """Tell name and version of the service, and the extensions of the protocol that it has."""
    return _json(
        {"name": MODEL, "version": _core.VERSION, "extensions": ["binary_tensor_data"]},
    )


@router.get(
    "/v2/health/live", operation_id="checkServerLive", responses={200: {"model": ServerLive}}
)
async def server_live() -> Response:
    """Tell that the process answers, also while it is loading, overloaded or stopping."""
    return _json({"live": True})


@router.get(
    "/v2/health/ready",
    operation_id="checkServerReady",
    responses={200: {"model": ServerReady}, **_NOT_READY},
)
async def server_ready(request: Request) -> Response:
    """Tell whether requests are taken. The queue may be full nevertheless."""
    service_of(request).check_ready()
    return _json({"ready": True})


@router.get(_OF_MODEL, operation_id="getModelMetadata", responses={200: {"model": ModelMetadata}})
@router.get(
    _OF_VERSION, operation_id="getVersionMetadata", responses={200: {"model": ModelMetadata}}
)
async def model_metadata() -> Response:
    """Tell the input and the outputs of the model."""
    return _json(
        {
            "name": MODEL,
            "versions": [VERSION],
            "platform": MODEL,
            "inputs": _described(INPUTS),
            "outputs": _described(OUTPUTS),
        }
    )


def _described(tensors: Mapping[str, tuple[str, list[int]]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": datatype, "shape": shape}
        for name, (datatype, shape) in tensors.items()
    ]


@router.get(
    f"{_OF_MODEL}/ready",
    operation_id="checkModelReady",
    responses={200: {"model": ModelReady}, **_NOT_READY},
)
@router.get(
    f"{_OF_VERSION}/ready",
    operation_id="checkVersionReady",
    responses={200: {"model": ModelReady}, **_NOT_READY},
)
async def model_ready(request: Request) -> Response:
    """Tell whether requests are taken, as `/v2/health/ready`."""
    service_of(request).check_ready()
    return _json({"name": MODEL, "ready": True})


# ---- inference -----------------------------------------------------------------------------------

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_REQUEST = {
    "requestBody": {
        "required": True,
        "description": f"JSON. With the header {HEADER_LENGTH} the JSON has that many bytes, and "
        "the input follows it. A length of 0 means that the body is the file.",
        "content": {
            "application/json": {"schema": REQUEST_SCHEMA},
            "application/octet-stream": _BINARY,
        },
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": InferenceResponse,
        "description": f"JSON. With the header {HEADER_LENGTH} the JSON has that many bytes, and "
        "the outputs that have `binary_data_size` follow it.",
        "content": {"application/octet-stream": _BINARY},
    },
    400: {"model": InferenceFailure, "description": "The request is not one of the protocol."},
    **failure_responses(InferenceFailure),
}

_work = APIRouter(route_class=GuardedRoute, responses=_RESPONSES)


@_work.post(f"{_OF_MODEL}/infer", operation_id="inferModel", openapi_extra=_REQUEST)
@_work.post(f"{_OF_VERSION}/infer", operation_id="inferVersion", openapi_extra=_REQUEST)
async def infer(request: Request) -> Response:
    """Read an image or a document, and answer with tensors.

    Of a document the first pages are read, as by `/ocr`. Lines of all pages follow each other;
    `page_index` tells them apart. `result` is JSON, `ocrResults` and `dataInfo` of `/ocr` without
    pictures. Pages that cannot be read have no lines; `result` says why.
    """
    service, record = service_of(request), record_of(request.scope)
    seconds = deadline_of(request)
    wanted = parse_inference(await request.body(), request.headers.get(HEADER_LENGTH))
    record.log_id = wanted.options.log_id or wanted.request_id or record.log_id
    if wanted.timeout is not None:
        seconds = min(seconds, wanted.timeout)
    return await while_connected(request, _inferred(service, wanted, record), seconds)


_OF_LINES = ("rec_texts", "rec_scores", "rec_polys", "rec_boxes")


@dataclass(frozen=True, slots=True)
class _PageLines:
    """What outputs are made of, without pictures of the page."""

    text: str
    index: int
    texts: list[str]
    scores: npt.NDArray[np.float32]
    polys: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.int32]


async def _inferred(service: Service, wanted: Inference, record: RequestRecord) -> Response:
    with service.admission.enter():
        reading = service.reading(
            wanted.load,
            wanted.options,
            wanted.options.file_type,
            most_pages=service.options.max_num_input_imgs,
            visualize=False,
            render=page_text if "result" in wanted.outputs else lambda _: "",
        )
        pages = await service.all_pages(reading, record, _lines)
        fields = {"model_name": MODEL, "model_version": VERSION}
        if wanted.request_id is not None:
            fields["id"] = wanted.request_id

        def encoded() -> tuple[bytes, int | None]:
            tensors = _tensors(pages, reading.data_info(), list(wanted.outputs))
            return joined(fields, list(zip(tensors, wanted.outputs.values(), strict=True)))

        body, header_length = await asyncio.to_thread(encoded)
    if header_length is None:
        return Response(body, media_type="application/json")
    headers = {HEADER_LENGTH: str(header_length)}
    return Response(body, headers=headers, media_type="application/octet-stream")


def _lines(page: PageAnswer) -> _PageLines:
    import numpy as np

    result: Mapping[str, Any] = page.result or dict.fromkeys(_OF_LINES, ())
    return _PageLines(
        page.text,
        page.index,
        list(result["rec_texts"]),
        np.asarray(result["rec_scores"], "<f4"),
        np.asarray(result["rec_polys"], "<i4").reshape(-1, 4, 2),
        np.asarray(result["rec_boxes"], "<i4").reshape(-1, 4),
    )


def _tensors(
    pages: Sequence[_PageLines], data_info: Mapping[str, Any], names: Sequence[str]
) -> list[Tensor]:
    """Return the outputs of these names."""
    import numpy as np

    counts = [len(page.texts) for page in pages]
    indices = np.array([page.index for page in pages], "<i4")
    values: dict[str, list[str] | npt.NDArray[Any]] = {
        "rec_texts": [text for page in pages for text in page.texts],
        "rec_scores": np.concatenate([page.scores for page in pages]),
        "rec_polys": np.concatenate([page.polys for page in pages]),
        "rec_boxes": np.concatenate([page.boxes for page in pages]),
        "page_index": np.repeat(indices, counts),
        "result": [result_text([page.text for page in pages], data_info)],
    }
    return [Tensor(name, OUTPUTS[name][0], values[name]) for name in names]


# ---- what there is not ---------------------------------------------------------------------------


async def _unknown(request: Request) -> Response:
    """Refuse other models and versions by their names."""
    names = request.path_params
    version = f", version {names['version']!r}" if "version" in names else ""
    raise RefusedError(
        404,
        f"Unknown model: {names['model']!r}{version}; there is {MODEL!r}, version {VERSION!r}",
    )


router.include_router(_work)
# After the paths that there are, which come first where both fit.
for _path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
    for _ending, _method in (("", "GET"), ("/ready", "GET"), ("/infer", "POST")):
        router.add_api_route(_path + _ending, _unknown, methods=[_method], include_in_schema=False)
