"""What the service is and how it is: ``/health``, ``/info``, ``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fastocr import _core
from fastocr.serving.guard import service_of
from fastocr.serving.reading import compact_json
from fastocr.serving.requests import record_of
from fastocr.serving.schemas import Failure, Health, Info

__all__ = ["router"]

router = APIRouter(tags=["Service"])


@router.get(
    "/health",
    operation_id="checkHealth",
    responses={200: {"model": Health}, 503: {"model": Failure, "description": "It takes none."}},
)
async def health(request: Request) -> Response:
    """Tell whether requests are taken. The queue may be full nevertheless."""
    service_of(request).check_ready()
    fields = {"logId": record_of(request.scope).log_id, "errorCode": 0, "errorMsg": "Healthy"}
    return Response(compact_json(fields), media_type="application/json")


@router.get("/info", operation_id="getInfo", response_model=Info)
async def info(request: Request) -> Response:
    """Tell the version, the steps that are loaded, and the limits."""
    service = service_of(request)
    options = service.options
    described = {
        "version": _core.VERSION,
        "switches": service.switches,
        "defaults": service.defaults,
        "auth": options.api_key is not None,
        "urls": options.allow_urls,
        "limits": {
            "max_body_bytes": options.max_body_bytes,
            "max_pages": options.max_pages,
            "max_pixels": service.max_pixels,
            "max_num_input_imgs": options.max_num_input_imgs,
            "timeout": options.timeout,
        },
    }
    model = Info.model_validate(described, by_name=True, by_alias=False)
    return Response(model.model_dump_json(by_alias=True), media_type="application/json")


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=PlainTextResponse,
    responses={
        401: {
            "description": "A key is needed.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
        }
    },
)
async def metrics(request: Request) -> Response:
    """Return what is counted, in Prometheus' text form."""
    service = service_of(request)
    service.check_key(request)
    return PlainTextResponse(service.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
