"""What happens around every request: its name, its span, its place in metrics and log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from fastocr.serving import tracing
from fastocr.serving.requests import RequestRecord, record_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fastocr.serving.metrics import Metrics

__all__ = ["Observer"]

_log = logging.getLogger("fastocr.service")

_CLIENT_GONE = 499
_INTERNAL_ERROR = 500
# Asked for so often that their lines would hide all others.
_QUIET = ("/health", "/v2/health/live", "/v2/health/ready", "/metrics")


class Observer:
    """ASGI middleware around all others."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """`metrics` counts the requests of `app`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is raised goes on to the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        record = record_of(scope)
        status = _CLIENT_GONE

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = record.request_id
                if record.stage_ms:
                    headers["Server-Timing"] = record.server_timing()
            await send(message)

        name = f"{scope['method']} {scope['path']}"
        with tracing.server_span(name, Headers(scope=scope)) as span:
            try:
                await self._app(scope, receive, named)
            except Exception:
                status = _INTERNAL_ERROR
                raise
            finally:
                for call in record.at_end:
                    call()
                if record.cancelled:
                    status = _CLIENT_GONE
                span.note({"http.response.status_code": status, "http.route": _route(scope)})
                if status >= _INTERNAL_ERROR:
                    span.fail(record.error or "")
                self._metrics.note(_route(scope), status, record)
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
