"""The OpenAPI document: what FastAPI makes of the routes, and what it cannot know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["completed", "without_null"]

_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_TIMEOUT = {
    "name": "X-Request-Timeout",
    "in": "header",
    "required": False,
    "description": "Seconds that the answer may take; the service may allow less.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
_REQUEST_ID = {
    "description": "Name of the request, that of the request's header of this name if it has one.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
}
_RETRY_AFTER = {
    "description": "Seconds.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_CHALLENGE = {"required": True, "schema": {"type": "string", "const": "Bearer"}}


def completed(make: Callable[[], dict[str, Any]], app: FastAPI, auth: bool) -> dict[str, Any]:
    """Return the document of `app`, which `make` makes as FastAPI does.

    Args:
        make: FastAPI's own method.
        app: keeps the document.
        auth: whether a key is needed where a route may answer 401.

    """
    if app.openapi_schema is None:
        document = make()
        if auth:
            document["components"]["securitySchemes"] = _KEYS
        for operation in _operations(document):
            _complete(operation, auth)
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _complete(operation: dict[str, Any], auth: bool) -> None:
    responses = operation["responses"]
    if auth and "401" in responses:
        operation["security"] = [{name: []} for name in _KEYS]
    elif not auth:
        responses.pop("401", None)
    if "408" in responses:
        operation.setdefault("parameters", []).append(_TIMEOUT)
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = _REQUEST_ID
        if status == "401":
            headers["WWW-Authenticate"] = _CHALLENGE
        if status == "503":
            headers["Retry-After"] = _RETRY_AFTER


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value in a query or form, where there is no null."""
    allowed = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(allowed) == 1:
        return {**allowed[0], **rest}
    return {"anyOf": allowed, **rest} if allowed else schema
