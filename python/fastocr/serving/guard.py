"""What a request has to pass before and while its body is read, and how long it may take."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from fastocr.serving.failures import RefusedError
from fastocr.serving.requests import record_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message

    from fastocr.serving.service import Service

__all__ = [
    "GuardedRoute",
    "check_json",
    "deadline_of",
    "overdue",
    "service_of",
    "while_connected",
]

Result = TypeVar("Result")

_TIMEOUT_HEADER = "x-request-timeout"
_MOST_JSON_VALUES = 10_000


def service_of(request: Request) -> Service:
    """Return the service that a request is for."""
    service: Service = request.app.state.service
    return service


class GuardedRoute(APIRoute):
    """A route that takes work: only of who may, only if there is room, only as much as allowed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the guards."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            service = service_of(request)
            service.check_key(request)
            service.check_ready()
            service.admission.check()
            _check_headers(request, service)
            limited = _limited(request, service)
            if self.body_field is None:
                return await handler(limited)
            check_json(await limited.body())
            try:
                return await handler(limited)
            except HTTPException as error:
                if error.status_code != HTTPStatus.BAD_REQUEST:
                    raise
                raise RefusedError(422, "Invalid body: it cannot be read as JSON") from None

        return guarded


def check_json(body: bytes, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
    """Refuse JSON that would take many times its size in memory.

    Values are few in requests, and Base64 has none of these characters.

    Raises:
        RefusedError: `status`.

    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_JSON_VALUES:
        raise RefusedError(status, f"Invalid body: more than {_MOST_JSON_VALUES} values")


def _check_headers(request: Request, service: Service) -> None:
    max_body_bytes = service.options.max_body_bytes
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise RefusedError(
            415, "Compressed requests are not taken: send the body without Content-Encoding"
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal():
        if int(length) > max_body_bytes:
            raise _too_large(max_body_bytes)
        service.admission.check_room(int(length))


def _too_large(max_body_bytes: int) -> RefusedError:
    return RefusedError(413, f"The request is larger than the {max_body_bytes} bytes allowed")


def _limited(request: Request, service: Service) -> Request:
    """Return a request whose body is bounded in size, time and, with those of others, in memory."""
    options, admission = service.options, service.admission
    record = record_of(request.scope)
    deadline = anyio.current_time() + options.body_timeout
    record.at_end.append(lambda: admission.release(record.bytes))

    async def receive() -> Message:
        try:
            with anyio.fail_after(deadline - anyio.current_time() if record.receiving else None):
                message = await request.receive()
        except TimeoutError:
            raise RefusedError(
                408, f"The request was not sent within {options.body_timeout:g} s"
            ) from None
        if message["type"] == "http.request":
            count = len(message.get("body", b""))
            if record.bytes + count > options.max_body_bytes:
                raise _too_large(options.max_body_bytes)
            admission.hold(count)
            record.bytes += count
            record.receiving = bool(message.get("more_body"))
        else:
            record.cancelled = True
        return message

    return Request(request.scope, receive)


def deadline_of(request: Request) -> float:
    """Return the seconds that the work for a request may take.

    Raises:
        RefusedError: 422, the header is no positive number.

    """
    most = service_of(request).options.timeout
    text = request.headers.get(_TIMEOUT_HEADER)
    if text is None:
        return most
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise RefusedError(422, f"X-Request-Timeout: {text!r} is no number of seconds above 0")
    return min(seconds, most)


def overdue(seconds: float) -> RefusedError:
    """Return the refusal of a request that took too long."""
    return RefusedError(408, f"The request took longer than the {seconds:g} s allowed")


async def while_connected(
    request: Request, work: Coroutine[Any, Any, Result], seconds: float
) -> Result:
    """Return what `work` does; cancel it when its time is over or its client has gone.

    Raises:
        RefusedError: 408.
        ClientDisconnect: there is nobody left to answer.

    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_until_gone(request.receive))
    try:
        done, _ = await asyncio.wait({task, watch}, timeout=seconds, return_when="FIRST_COMPLETED")
        if task in done:
            return task.result()
        if watch in done:
            raise ClientDisconnect
        raise overdue(seconds)
    finally:
        for each in (task, watch):
            each.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _until_gone(receive: Callable[[], Awaitable[Message]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
