"""``/ocr`` and its relatives: a file in, its pages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fastocr.serving.failures import RefusedError, failure_responses, mistake
from fastocr.serving.files import UPLOAD, field_file, uploaded
from fastocr.serving.guard import (
    GuardedRoute,
    deadline_of,
    overdue,
    service_of,
    while_connected,
)
from fastocr.serving.reading import PageAnswer, Reading, compact_json, result_text
from fastocr.serving.requests import RequestRecord, record_of
from fastocr.serving.schemas import Failure, InferRequest, InferResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from fastocr.serving.service import Service

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["OCR"], responses=failure_responses(Failure))


@router.post("/ocr", operation_id="infer", responses={200: {"model": InferResponse}})
async def infer(body: InferRequest, request: Request) -> Response:
    """Read an image or a document: PaddleOCR's basic serving.

    Of a document the first pages are read, 10 unless the service is configured otherwise.
    """
    service, record = service_of(request), record_of(request.scope)
    record.log_id = body.log_id or record.log_id
    seconds = deadline_of(request)
    visualize = service.options.visualize if body.visualize is None else body.visualize

    async def work() -> Response:
        with service.admission.enter():
            file = await field_file(service, body, record)
            reading = service.reading(
                file.load,
                body,
                file.file_type,
                most_pages=service.options.max_num_input_imgs,
                visualize=visualize,
            )
            return await _answer(service, reading, record)

    return await while_connected(request, work(), seconds)


@router.post(
    "/ocr/file",
    operation_id="inferFile",
    responses={200: {"model": InferResponse}},
    openapi_extra=UPLOAD,
)
async def infer_file(request: Request) -> Response:
    """Read an image or a document that is sent as it is, without Base64.

    The body is the file, or multipart/form-data with the part `file`; then options may be parts,
    too. Of a document the first pages are read, as by `/ocr`.
    """
    service, record = service_of(request), record_of(request.scope)
    seconds = deadline_of(request)
    upload = await uploaded(request)
    options = upload.options
    record.log_id = options.log_id or record.log_id

    async def work() -> Response:
        with service.admission.enter():
            reading = service.reading(
                upload.load,
                options,
                options.file_type,
                most_pages=service.options.max_num_input_imgs,
                visualize=bool(options.visualize),
            )
            return await _answer(service, reading, record)

    return await while_connected(request, work(), seconds)


async def _answer(service: Service, reading: Reading, record: RequestRecord) -> Response:
    """Return all pages at once; fails if all of them fail."""
    texts = await service.all_pages(reading, record, lambda page: page.text)
    return Response(
        f'{{"logId":{compact_json(record.log_id)},'
        f'"result":{result_text(texts, reading.data_info())},'
        '"errorCode":0,"errorMsg":"Success"}',
        media_type="application/json",
    )


# ---- streaming -----------------------------------------------------------------------------------

_SUCCESS = {"errorCode": 0, "errorMsg": "Success"}
_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON object a line: one for each page when it is ready, in order, then "
        "one with `done`, which has `dataInfo` or, if the rest could not be read, an error.",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "/ocr/stream",
    operation_id="inferStream",
    response_class=StreamingResponse,
    responses=_LINES,
    openapi_extra=UPLOAD,
)
async def infer_stream(request: Request) -> Response:
    """Read all pages of a document, and answer each as soon as it is ready.

    Takes what `/ocr/file` takes. The time that is allowed counts for each page anew.
    """
    service, record = service_of(request), record_of(request.scope)
    seconds = deadline_of(request)
    upload = await uploaded(request)
    options = upload.options
    record.log_id = options.log_id or record.log_id
    reading = service.reading(
        upload.load,
        options,
        options.file_type,
        most_pages=None,
        visualize=bool(options.visualize),
        render=lambda page: _page_line(record.log_id, page),
    )
    stream = _Stream(service, reading, record, seconds)
    try:
        await while_connected(request, stream.begin(), stream.seconds)
    except BaseException:
        await stream.end()
        raise
    return _StreamResponse(stream)


def _page_line(log_id: str, page: PageAnswer) -> str:
    """Return the line of a page."""
    line: dict[str, Any] = {"logId": log_id, "pageIndex": page.index}
    if page.error is not None:
        return compact_json({**line, **_error_fields(page.error)})
    assert page.size is not None
    width, height = page.size
    result = {**page.fields(), "width": width, "height": height}
    return compact_json({**line, "result": result, **_SUCCESS})


def _error_fields(error: RefusedError) -> dict[str, Any]:
    return {"errorCode": error.status_code, "errorMsg": error.message}


class _Stream:
    """The pages of a request, line by line; holds a place in the queue until its end."""

    def __init__(
        self, service: Service, reading: Reading, record: RequestRecord, seconds: float
    ) -> None:
        """Take a place; `seconds` may pass for each page."""
        self.seconds = seconds
        self.record = record
        self.complete = False
        self._reading = reading
        self._place = service.admission.enter()
        self._pages = service.pages(reading, record)
        self._first: PageAnswer | None = None

    async def begin(self) -> None:
        """Read the first page: what is wrong with the whole file shows now."""
        self._first = await anext(self._pages, None)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield a line for each page, and the last one."""
        page = self._first
        failure: RefusedError | None = None
        while page is not None:
            yield page.text.encode() + b"\n"
            page = None
            try:
                with anyio.move_on_after(self.seconds) as limit:
                    page = await anext(self._pages, None)
                if limit.cancelled_caught:
                    failure = overdue(self.seconds)
            except RefusedError as error:
                failure = error
            except Exception as error:
                failure = mistake(error)
        yield self._last_line(failure).encode() + b"\n"
        self.complete = True

    def _last_line(self, failure: RefusedError | None) -> str:
        line: dict[str, Any] = {"logId": self.record.log_id, "done": True}
        if failure is not None:
            self.record.error = failure.message
            self.record.failed_with = failure.status_code
            return compact_json({**line, **_error_fields(failure)})
        return compact_json({**line, "result": {"dataInfo": self._reading.data_info()}, **_SUCCESS})

    async def end(self) -> None:
        """Drop what is left, and leave the queue."""
        self._place.leave()
        await self._pages.aclose()


class _StreamResponse(StreamingResponse):
    """Ends its stream however it ends itself."""

    def __init__(self, stream: _Stream) -> None:
        super().__init__(stream.lines(), media_type="application/x-ndjson")
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.record.cancelled = not self._stream.complete
            await self._stream.end()
