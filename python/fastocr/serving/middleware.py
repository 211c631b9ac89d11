"""What happens around every request: its name, its span, its place in metrics and log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from fastocr.serving import tracing
from fastocr.serving.failures import RefusedError, mistake
from fastocr.serving.requests import RequestRecord, current_request_id, record_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fastocr.serving.metrics import Metrics

__all__ = ["Observer"]

_log = logging.getLogger("fastocr.service")

_INTERNAL_ERROR = 500
# Asked for so often that their lines would hide all others.
_QUIET = ("/health", "/v2/health/live", "/v2/health/ready", "/metrics")


class Observer:
    """ASGI middleware around all others; answers what none of them has an answer for."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, answer: Callable[[Scope, int, str], Response]
    ) -> None:
        """Stand before `app`.

        Args:
            app: answers requests.
            metrics: counts them.
            answer: makes an error's answer of a request, its status and its message.

        """
        self._app = app
        self._metrics = metrics
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        record = record_of(scope)
        current_request_id.set(record.request_id)  # in the context of this request's task only

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = record.request_id
                if record.stage_ms:
                    headers["Server-Timing"] = record.server_timing()
            await send(message)

        with tracing.server_span(scope["method"], Headers(scope=scope)) as span:
            try:
                await self._answered(scope, receive, named, record)
            finally:
                self._note(scope, record, span)

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, record: RequestRecord
    ) -> None:
        try:
            await self._app(scope, receive, send)
            return
        except Exception as error:
            failure = mistake(error)
        except asyncio.CancelledError:
            # The server does this when its end has lasted too long.
            failure = RefusedError(503, "The service is stopping")
        if record.status is None:
            response = self._answer(scope, failure.status_code, failure.message)
            await response(scope, receive, send)
        else:
            # The answer has begun, and breaks off when this returns.
            record.error, record.failed_with = failure.message, failure.status_code

    def _note(self, scope: Scope, record: RequestRecord, span: tracing.Span) -> None:
        for call in record.at_end:
            call()
        route = _route(scope)
        status = record.outcome()
        span.rename(f"{scope['method']} {route}")
        span.note({"http.response.status_code": status, "http.route": route})
        if status >= _INTERNAL_ERROR:
            span.fail(record.error or "")
        self._metrics.note(route, status, record)
        _log_access(scope, status, record)


def _route(scope: Mapping[str, Any]) -> str:
    """Return the path of the route, without what clients put into paths."""
    route = scope.get("route")
    return getattr(route, "path", "other")


def _log_access(scope: Scope, status: int, record: RequestRecord) -> None:
    level = logging.DEBUG if scope["path"] in _QUIET and status < 400 else logging.INFO
    if not _log.isEnabledFor(level):
        return
    client = scope.get("client")
    fields = {
        "request_id": record.request_id,
        "log_id": record.log_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(record.total_ms(), 1),
        "client": client[0] if client else None,
        "bytes": record.bytes,
        "pages": record.pages,
        "lines": record.lines,
        "stage_ms": {stage: round(value, 1) for stage, value in record.stage_ms.items()},
        "error": record.error,
    }
    _log.log(level, "request", extra={"fields": {k: v for k, v in fields.items() if v}})
