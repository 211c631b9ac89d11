"""The service as an ASGI application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fastocr import _core
from fastocr.serving.description import completed
from fastocr.serving.failures import place
from fastocr.serving.middleware import Observer
from fastocr.serving.options import ServiceOptions
from fastocr.serving.reading import compact_json
from fastocr.serving.requests import record_of
from fastocr.serving.routes import health, inference, ocr, page
from fastocr.serving.service import Service

if TYPE_CHECKING:
    from fastocr import PaddleOCR

__all__ = ["create_app"]

_DESCRIPTION = (
    "Reads the text of images and PDF files. Requests and answers of `/ocr` are those of "
    "PaddleOCR's basic serving; `/v2` is the Open Inference Protocol."
)


def create_app(make_ocr: Callable[[], PaddleOCR], options: ServiceOptions | None = None) -> FastAPI:
    """Return the application; `app.state.service` is its `Service`.

    Args:
        make_ocr: makes the pipeline; called on a thread when the application starts. Until it has
            returned, the application answers, but takes no work.
        options: how it works.

    """
    service = Service(make_ocr, options or ServiceOptions())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await service.stop()

    app = FastAPIOffline(
        redoc_url=None,
        title="fastocr",
        version=_core.VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # As the reference: a body of /ocr is JSON where its type is not said.
        strict_content_type=False,
        # Newer versions make spans and logs of their own, beside those of `Observer`.
        telemetry=dict.fromkeys(("tracing", "metrics", "logs", "operation_spans"), False),
    )
    app.state.service = service
    for module in (health, ocr, inference, page):
        app.include_router(module.router)
    page.mount_assets(app)
    app.openapi = partial(  # type: ignore[method-assign]
        completed, app.openapi, app, service.options.api_key is not None
    )
    app.add_middleware(Observer, metrics=service.metrics, answer=_answer)
    # Coroutines: functions would be called on threads, and wait for one.
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(ClientDisconnect, _nobody_there)
    return app


# ---- errors --------------------------------------------------------------------------------------


def _answer(
    scope: Mapping[str, Any], status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error in the form of the protocol that the path belongs to."""
    record = record_of(scope)
    record.error = message
    if scope["path"].startswith("/v2"):
        fields: dict[str, Any] = {"error": message}
    else:
        fields = {"logId": record.log_id, "errorCode": status, "errorMsg": message}
    return Response(compact_json(fields), status, headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request.scope, error.status_code, str(error.detail), error.headers)


async def _not_valid(request: Request, error: Exception) -> Response:
    """Answer a request of a wrong form: the message is a list in JSON, as in the reference."""
    assert isinstance(error, RequestValidationError)
    problems = [
        {"type": problem["type"], "loc": place(problem["loc"]), "msg": problem["msg"]}
        for problem in error.errors()
    ]
    return _answer(request.scope, HTTPStatus.UNPROCESSABLE_ENTITY, json.dumps(problems))


async def _nobody_there(request: Request, error: Exception) -> Response:
    """End a request whose client has gone; nothing of this is sent."""
    return Response(status_code=499)
